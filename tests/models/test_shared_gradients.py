import multiprocessing
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

from sitspark.models.process_group import joined
from sitspark.models.shared_gradients import SharedGradients, can_be_shared

RANKS, TURNS, SIZE = 3, 30, 1000


def run(work: Callable[[int, Path], None], ranks: int, folder: Path) -> None:
    """Have so many processes work."""
    spawning = multiprocessing.get_context("spawn")
    processes = [spawning.Process(target=work, args=(rank, folder)) for rank in range(ranks)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0


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
    run(take_turns, RANKS, tmp_path)
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(RANKS)]
    for turn, of_all in enumerate(zip(*found, strict=True)):
        expected = torch.stack([gradients(rank, turn) for rank in range(RANKS)]).mean(0)
        torch.testing.assert_close(of_all[0], expected, rtol=1e-6, atol=1e-6)
        assert all(torch.equal(one, of_all[0]) for one in of_all)


@pytest.mark.parametrize(
    ("system", "machine", "dtype", "can"),
    [
        ("Linux", "x86_64", torch.float32, True),
        ("Linux", "x86_64", torch.float64, False),
        ("Linux", "aarch64", torch.float32, False),
        ("Darwin", "x86_64", torch.float32, False),
    ],
)
def test_gloo_averages_what_cannot_be_shared(
    system: str, machine: str, dtype: torch.dtype, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert can_be_shared(nn.Linear(2, 2, dtype=dtype)) == can


def learn_together(rank: int, folder: Path) -> None:
    """One step of a network, whose weights' gradients a group of processes averages."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": (folder / "port").read_text()}
    turns, whole = [], SharedGradients.mean

    def counted(self: SharedGradients, of: torch.Tensor) -> None:
        turns.append(len(of))
        whole(self, of)

    SharedGradients.mean = counted  # type: ignore[method-assign]
    with joined("cpu") as group:
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        parallel = group.parallel(network)
        parallel(torch.full((1, 3), float(rank))).sum().backward()
    assert network.weight.grad is not None
    torch.save((turns, network.weight.grad), folder / f"{rank}.pt")


def test_processes_of_one_machine_share_the_gradients_of_a_network(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        (tmp_path / "port").write_text(str(free.getsockname()[1]))
    run(learn_together, 2, tmp_path)
    for rank in range(2):
        turns, gradient = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert turns == [8]  # weights and biases
        assert torch.equal(gradient, torch.full((2, 3), 0.5))
