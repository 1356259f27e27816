"""What the networks of a map classify on, by settings and by what the machines have."""

from types import SimpleNamespace
from typing import Any

import pytest

from sitspark.errors import SitsparkError
from sitspark.models import gpu
from sitspark.workflow import map_device
from sitspark.workflow.map_device import device_here, device_of_trial, told_map_gpus

LARGE, SMALL = 26 * 10**9, 2 * 10**9


def context(device: str = "auto", precision: str = "fp32", baseline: str | None = None) -> Any:
    """A context of such settings that notes what is told."""
    settings = SimpleNamespace(
        map=SimpleNamespace(device=device, precision=precision), training=SimpleNamespace(baseline=baseline), spark=None
    )
    told: list[str] = []
    return SimpleNamespace(settings=settings, voice=SimpleNamespace(remark=told.append), told=told)


@pytest.mark.parametrize(
    ("memory", "tasks", "settings", "expected"),
    [
        pytest.param([], 2, {}, "cpu", id="no GPU"),
        pytest.param([LARGE], 2, {}, "cuda", id="a GPU with room for all tasks"),
        pytest.param([LARGE], 17, {}, "cpu", id="too many tasks for it"),
        pytest.param([LARGE, LARGE], 17, {}, "cuda", id="and two GPUs"),
        pytest.param([LARGE], 2, {"device": "cpu"}, "cpu", id="not wanted"),
        pytest.param([LARGE], 2, {"precision": "int8"}, "cpu", id="eight bits are for processors"),
        pytest.param([LARGE], 2, {"precision": "bf16"}, "cuda", id="sixteen are not"),
        pytest.param([LARGE], 2, {"baseline": "random_forest"}, "cpu", id="forests are for processors"),
        pytest.param([SMALL], 2, {"device": "gpu"}, "cuda", id="asked for, however small"),
    ],
)
def test_choice(
    memory: list[int], tasks: int, settings: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "gpu_memory", lambda: memory)
    assert device_here(context(**settings), tasks=tasks) == expected


def test_what_is_asked_for_and_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "gpu_memory", list)
    with pytest.raises(SitsparkError, match=r"^map\.device: gpu asks for a GPU .* torch sees none on .*; choose auto or cpu$"):
        device_here(context("gpu"), tasks=2)


def test_gpus_that_are_too_small_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "gpu_memory", lambda: [SMALL])
    small = context()
    assert device_here(small, tasks=2) == "cpu"
    assert small.told == [
        "map.device: on the processors, for GPUs have 1.0 GB for each of 2 tasks at a time, and 1.6 are needed; with fewer "
        "(spark.master) they classify"
    ]


@pytest.mark.parametrize(("memory", "expected"), [([], "cpu"), ([SMALL], "cuda")])
def test_a_plan_for_a_cluster_is_tried_on_what_there_is_here(
    memory: list[int], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that plans may have no GPU where the cluster's have some."""
    monkeypatch.setattr(gpu, "gpu_memory", lambda: memory)
    monkeypatch.setattr(map_device, "on_one_machine", lambda spark: False)
    assert device_of_trial(context("gpu"), tasks=100) == expected
    assert device_of_trial(context("gpu", baseline="random_forest"), tasks=100) == "cpu"


def test_a_look_at_the_inputs_says_whether_the_gpu_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_device, "on_one_machine", lambda spark: True)
    monkeypatch.setattr(gpu, "gpu_memory", lambda: [SMALL])
    assert told_map_gpus(context("gpu")) == "the map is drawn on 1 GPU" and told_map_gpus(context()) is None
    monkeypatch.setattr(gpu, "gpu_memory", list)
    with pytest.raises(SitsparkError, match=r"^map\.device: gpu asks for a GPU"):
        told_map_gpus(context("gpu"))
