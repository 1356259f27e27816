"""Which pixels are taken: a number belongs to its strategy, and one that would be ignored is refused."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from sitspark.errors import SitsparkError
from sitspark.settings import SamplesSettings
from sitspark.settings_file import read_settings

EXAMPLE = Path(__file__).parent.parent / "conf" / "demo.yaml"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"strategy": "percent"}, "has the strategy percent, which needs percent"),
        ({"strategy": "total"}, "has the strategy total, which needs total"),
        ({"strategy": "byclass"}, "has the strategy byclass, which needs by_class"),
        ({"total": 5}, "has total, which isn't of the strategy constant; leave it out, or set strategy: total"),
        ({"strategy": "all", "per_class": 5}, "has per_class, which isn't of the strategy all"),
        ({"strategy": "percent", "percent": 5, "by_class": {1: 5}}, "has by_class, which isn't of the strategy percent"),
        ({"sampler": "random", "jitter": 3}, "has jitter, which is of the sampler periodic"),
        ({"strategy": "byclass", "by_class": {1: -5}}, "whole numbers from 0 on, and has -5 for 1"),
        ({"strategy": "byclass", "by_class": 7}, "should be a CSV file, or a mapping of classes to numbers of pixels"),
    ],
    ids=str,
)
def test_numbers_of_another_strategy_are_refused(keys: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SamplesSettings(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"per_class": None},
        {"strategy": "all"},
        {"strategy": "smallest", "total": None},
        {"strategy": "percent", "percent": 12.5},
        {"strategy": "byclass", "by_class": {"wheat": 5, 7: 0}, "sampler": "random"},
        {"jitter": 3},
    ],
    ids=str,
)
def test_what_belongs_together_is_accepted(keys: dict) -> None:
    assert SamplesSettings(**keys)


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({"sampler": "random"}, {"sampler": "random", "jitter": 0, "strategy": "percent", "percent": 20}),
        ({"percent": 5}, {"sampler": "periodic", "jitter": 3, "strategy": "percent", "percent": 5}),
        ({"strategy": "smallest"}, {"jitter": 3, "strategy": "smallest", "percent": None, "per_class": 100_000}),
        ({"strategy": "constant", "per_class": 7}, {"strategy": "constant", "percent": None, "per_class": 7}),
        (None, {"sampler": "periodic", "jitter": 3, "strategy": "percent", "percent": 20}),
    ],
    ids=str,
)
def test_a_model_says_what_differs_from_the_others(own: dict | None, found: dict) -> None:
    samples = SamplesSettings(jitter=3, strategy="percent", percent=20, per_model={"alps": own})  # type: ignore[dict-item]
    rule = samples.per_model["alps"]
    assert {name: getattr(rule, name) for name in found} == found


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"strategy": "total"}, "per_model.alps\n.*has the strategy total, which needs total"),
        ({"percent": 5}, "per_model.alps\n.*has percent, which isn't of the strategy constant"),
        ({"sampler": "random", "jitter": 3}, "per_model.alps\n.*has jitter, which is of the sampler periodic"),
        ({"shrink": 5}, "per_model.alps.shrink\n.*Extra inputs"),
        (7, "per_model.alps\n"),
    ],
    ids=str,
)
def test_a_rule_of_a_model_that_makes_no_sense_is_refused(own: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SamplesSettings(per_model={"alps": own})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("samples.per_model={alps: {per_class: 5}}", "samples.per_model"),
        ("samples.augmentation={method: replicate, models: [alps]}", "samples.augmentation.models"),
    ],
)
def test_rules_of_models_need_models(override: str, key: str) -> None:
    with pytest.raises(SitsparkError, match=f"has {key}, which would be ignored; it goes with training.model_per"):
        read_settings(EXAMPLE, overrides=[override])


def test_a_rule_of_a_model_can_be_set_on_the_command_line() -> None:
    keys = ["training.model_per=tile", "samples.per_model.T31TCJ.per_class=5"]
    assert read_settings(EXAMPLE, overrides=keys).samples.per_model["T31TCJ"].per_class == 5
