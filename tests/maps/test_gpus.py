"""The share of a GPU that each task has, by what the tasks see."""

import pytest

from sitspark.maps.gpus import Workplace, least_share

GB = 10**9


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param([], 0, id="no task"),
        pytest.param([Workplace("a", {0: 24 * GB})], 24 * GB, id="a task alone"),
        pytest.param([Workplace("a", {0: 24 * GB})] * 4, 6 * GB, id="four tasks share a GPU"),
        pytest.param([Workplace("a", {0: 24 * GB, 1: 24 * GB})] * 4, 12 * GB, id="and two"),
        pytest.param([Workplace("a", {0: 24 * GB}), Workplace("a", {1: 24 * GB})], 24 * GB, id="each was given its own"),
        pytest.param([Workplace("a", {0: 24 * GB}), Workplace("b", {0: 8 * GB})], 8 * GB, id="the smallest machine"),
        pytest.param([Workplace("a", {0: 24 * GB}), Workplace("b", {})], 0, id="a machine without"),
        pytest.param([Workplace("a", {})] * 2, 0, id="none at all"),
    ],
)
def test_the_share_of_the_task_that_has_least(places: list[Workplace], expected: float) -> None:
    assert least_share(places) == expected
