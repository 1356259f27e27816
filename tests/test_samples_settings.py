"""Which pixels are taken: a number belongs to its strategy, and one that would be ignored is refused."""

import pytest
from pydantic import ValidationError

from sitspark.settings import SamplesSettings


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"strategy": "percent"}, "samples.percent is missing, which the strategy percent needs"),
        ({"strategy": "total"}, "samples.total is missing"),
        ({"strategy": "byclass"}, "samples.by_class is missing"),
        ({"total": 5}, "samples.total is of another strategy than constant"),
        ({"strategy": "all", "per_class": 5}, "samples.per_class is of another strategy than all"),
        ({"strategy": "percent", "percent": 5, "by_class": {1: 5}}, "samples.by_class is of another strategy than percent"),
        ({"sampler": "random", "jitter": 3}, "samples.jitter is of the periodic sampler"),
        ({"strategy": "byclass", "by_class": {1: -5}}, "greater than or equal to 0"),
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
