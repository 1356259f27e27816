"""The share of a GPU that each task has, by what the tasks see."""

import platform

import pytest
import torch
from pyspark.sql import SparkSession

from sitspark.maps.gpus import Workplace, gpus_of_task, least_share, workplaces

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


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about workers without a GPU")
def test_each_task_is_asked_and_one_without_a_gpu_says_so(spark: SparkSession) -> None:
    assert workplaces(spark, 3) == [Workplace(platform.node(), {})] * 3
    assert gpus_of_task() == []  # outside of a task
