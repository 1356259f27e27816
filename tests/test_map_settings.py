"""What a map may ask for, beside the model that draws it."""

from pathlib import Path

import pytest

from sitspark.errors import SitsparkError
from sitspark.settings_file import read_settings
from sitspark.workflow.run import course_of

EXAMPLE = Path(__file__).parent.parent / "conf" / "demo.yaml"


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["map.precision=int8", "training.network=tempcnn"], "is for networks of dense layers .*training.network is tempcnn"),
        (["map.precision=bf16", "training.baseline=random_forest"], "training.baseline has its own numbers; set fp32 or auto"),
    ],
)
def test_a_precision_that_the_model_has_not_is_refused_before_anything_is_read(overrides: list[str], sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        read_settings(EXAMPLE, overrides=overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["map.precision=int8"],
        ["map.precision=int8", "training.network=ann"],
        ["map.precision=bf16", "training.network=ltae"],
        ["map.precision=auto", "training.baseline=random_forest"],
    ],
)
def test_one_that_it_has_is_taken(overrides: list[str]) -> None:
    assert read_settings(EXAMPLE, overrides=overrides).map.precision != "fp32"


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        pytest.param(
            ["map.products=[dissimilarity]"], "needs a section applicability; add `applicability: {}`", id="no section"
        ),
        pytest.param(
            ["applicability={}", "training.model_per=tile"],
            "that of one model, and training.model_per tile",
            id="several models",
        ),
    ],
)
def test_dissimilarity_is_to_the_samples_of_one_model(overrides: list[str], fault: str) -> None:
    with pytest.raises(SitsparkError, match=fault):
        read_settings(EXAMPLE, overrides=overrides)


@pytest.mark.parametrize(
    ("overrides", "stages"),
    [
        pytest.param([], [], id="not asked"),
        pytest.param(["applicability={}"], ["applicability"], id="of the samples alone"),
        pytest.param(
            ["applicability={}", "map.products=[dissimilarity]"], ["applicability", "dissimilarity"], id="and of the map"
        ),
    ],
)
def test_its_stages_are_those_that_are_asked_for(overrides: list[str], stages: list[str]) -> None:
    course = course_of(read_settings(EXAMPLE, overrides=overrides))
    names = [stage.name for stage in course.stages]
    assert [name for name in names if name in ("applicability", "dissimilarity")] == stages
    assert set(course.everything) >= set(stages)
    before = {name for stage in course.stages if stage.name == "classify" for name in stage.after}
    assert ("applicability" in before) == ("dissimilarity" in stages)  # a map that doesn't show it isn't drawn anew for it
    assert all(names.index(earlier) < names.index(stage.name) for stage in course.stages for earlier in stage.after)
