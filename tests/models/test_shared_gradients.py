import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

from sitspark.models.shared_gradients import SharedGradients, can_be_shared

RANKS, TURNS, SIZE = 3, 30, 1000


def gradients(rank: int, turn: int) -> torch.Tensor:
    """What a process has at a turn: of lengths up to the largest."""
    numbers = np.random.default_rng((rank, turn)).normal(size=SIZE - 7 * turn)
    return torch.from_numpy(numbers.astype(np.float32))


def take_turns(rank: int, folder: Path) -> None:
    """Average all turns, sometimes ahead of the others and sometimes behind."""
    dist.init_process_group("gloo", init_method=f"file://{folder / 'meet'}", rank=rank, world_size=RANKS)
    shared, late = SharedGradients(SIZE), random.Random(rank)
    found = []
    for turn in range(TURNS):
        mean = gradients(rank, turn)
        time.sleep(late.choice([0, 0, 0.003]))
        shared.mean(mean)
        found.append(mean)
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_all_processes_get_the_mean_of_each_turn_whoever_is_late(tmp_path: Path) -> None:
    spawning = multiprocessing.get_context("spawn")
    processes = [spawning.Process(target=take_turns, args=(rank, tmp_path)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(RANKS)]
    for turn, of_all in enumerate(zip(*found, strict=True)):
        expected = torch.stack([gradients(rank, turn) for rank in range(RANKS)]).mean(0)
        torch.testing.assert_close(of_all[0], expected, rtol=1e-6, atol=1e-6)
        assert all(torch.equal(one, of_all[0]) for one in of_all)


@pytest.mark.parametrize(
    ("machine", "dtype", "can"),
    [("x86_64", torch.float32, True), ("x86_64", torch.float64, False), ("aarch64", torch.float32, False)],
)
def test_gloo_averages_what_cannot_be_shared(
    machine: str, dtype: torch.dtype, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert can_be_shared(nn.Linear(2, 2, dtype=dtype)) == can
