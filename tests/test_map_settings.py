"""What a map may ask for, beside the model that draws it."""

from pathlib import Path

import pytest

from sitspark.errors import SitsparkError
from sitspark.settings_file import read_settings

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
