"""Lower precision: chosen where it gains, and only as far as classes stay the same."""

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.models.arithmetic import FP32, Arithmetic, sums_integers
from sitspark.models.inference import Classifier
from sitspark.models.lower_precision import Tried, Wanted, chosen, in_words, tried
from sitspark.models.model import Model

from .tables import Table, TrainingJob

BF16, INT8 = Arithmetic("bf16"), Arithmetic("int8", 3.0)
PIXELS = 10_000


def bf16(changed: int, gain: float) -> Tried:
    return Tried(BF16, changed, PIXELS, gain)


def int8(changed: int, gain: float) -> Tried:
    return Tried(INT8, changed, PIXELS, gain)


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        pytest.param([bf16(10, 1.5), int8(40, 2.2)], "auto", INT8, id="the fastest of those within the limit"),
        pytest.param([bf16(10, 1.5), int8(51, 2.2)], "auto", BF16, id="what changes too many pixels is left out"),
        pytest.param([bf16(50, 1.5)], "auto", BF16, id="the limit itself is allowed"),
        pytest.param([bf16(0, 1.05)], "auto", FP32, id="nothing to gain on this processor"),
        pytest.param([], "auto", FP32, id="the processor knows nothing else, or there is no pixel"),
        pytest.param([bf16(10, 0.7)], "bf16", BF16, id="what is asked for is taken, be it slower"),
    ],
)
def test_choice(found: list[Tried], wanted: Wanted, expected: Arithmetic) -> None:
    assert chosen([found], wanted, limit=0.005) == [expected]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([[bf16(10, 1.5), int8(40, 2.2)], [bf16(10, 1.4), int8(51, 2.4)]], "bf16", id="none changes too much"),
        pytest.param([[bf16(10, 1.5), int8(40, 1.2)], [bf16(10, 1.4), int8(40, 2.4)]], "bf16", id="that which gains least"),
        pytest.param([[bf16(51, 1.5)], [bf16(1, 1.5)]], "fp32", id="one that changes too much is enough"),
        pytest.param([[], []], "fp32", id="nothing to try"),
    ],
)
def test_models_of_one_map_have_one_precision(found: list[list[Tried]], expected: str) -> None:
    assert [one.precision for one in chosen(found, "auto", limit=0.005)] == [expected, expected]


def test_several_models_are_told_by_the_worst_of_them() -> None:
    assert in_words([int8(3, 2.25)]) == str(int8(3, 2.25))
    told = "int8, 2 models: 1.9 times as fast as fp32 or more, another class for 0.40% of 10,000 pixels or fewer"
    assert in_words([int8(40, 2.2), int8(10, 1.9)]) == told


def test_what_is_asked_for_and_changes_too_much_is_refused() -> None:
    with pytest.raises(SitsparkError) as refused:
        chosen([[int8(71, 2.2)]], "int8", limit=0.005)
    assert str(refused.value) == (
        "map.precision int8: 2.2 times as fast as fp32, another class for 0.71% of 10,000 pixels, more than "
        "map.precision_limit (0.50%); set auto or fp32, or raise the limit"
    )


def test_a_trial_comes_back_from_json() -> None:
    assert Tried.from_json(int8(3, 2.25).to_json()) == int8(3, 2.25)


@pytest.mark.skipif(not sums_integers(), reason="the processor has no products of eight bits")
def test_pixels_that_change_are_counted_against_float32(trained: TrainingJob, table: Table) -> None:
    model = Model.load(trained.folder)
    random = np.random.default_rng(0)
    between = table.features + random.normal(0, 800, table.features.shape).astype(np.float32)
    (found,) = tried(model, between, "int8")
    exact, _ = Classifier.load(trained.folder).classify(between)
    lower, _ = Classifier.load(trained.folder, arithmetic=found.arithmetic).classify(between)
    assert found.changed == np.count_nonzero(exact != lower) > 0
    assert found.pixels == len(between) and found.gain > 0


@pytest.mark.parametrize("pixels", [0, 499])
def test_what_is_asked_for_is_refused_where_few_pixels_can_tell(trained: TrainingJob, table: Table, pixels: int) -> None:
    with pytest.raises(SitsparkError, match=rf"map\.precision bf16: .* only {pixels} pixels were ever clear.*set fp32 or auto"):
        tried(Model.load(trained.folder), table.features[:pixels], "bf16")


def test_without_a_pixel_nothing_is_tried(trained: TrainingJob, table: Table) -> None:
    assert tried(Model.load(trained.folder), table.features[:0], "auto") == []
