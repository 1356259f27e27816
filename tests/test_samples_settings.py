"""Which pixels are taken: a number belongs to its strategy, and one that would be ignored is refused."""

import pytest
from pydantic import ValidationError

from sitspark.settings import SamplesSettings


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"strategy": "percent"}, "has the strategy percent, which needs percent"),
        ({"strategy": "total"}, "has the strategy total, which needs total"),
        ({"strategy": "byclass"}, "has the strategy byclass, which needs by_class"),
        ({"total": 5}, "has total, which isn't of the strategy constant; leave it out, or set it to null"),
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
