"""Batch normalisation against torch's own, in one process and in two that share a batch."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from sitspark.models.networks.batch_norm import BatchNorm, without_batch_norm

SHAPES = {"channels": (5, 3), "channels and dates": (5, 3, 4)}


def values_of(shape: tuple[int, ...]) -> Tensor:
    return 3 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(1))


def passed(layer: nn.Module, values: Tensor) -> dict[str, Tensor]:
    """Outputs, running statistics, and gradients of a sum that hangs on each value in another way."""
    values = values.clone().requires_grad_()
    output = layer(values)
    (output * output.detach().cos()).sum().backward()
    assert values.grad is not None
    gradients = {f"gradient of {name}": parameter.grad for name, parameter in layer.named_parameters()}
    state = {name: buffer.clone() for name, buffer in layer.named_buffers() if name != "num_batches_tracked"}
    return {"output": output.detach(), "gradient": values.grad, **gradients, **state}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_it_is_that_of_torch(shape: tuple[int, ...]) -> None:
    found, expected = passed(BatchNorm(3), values_of(shape)), passed(nn.BatchNorm1d(3), values_of(shape))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_batch_without_deviation_goes_by_the_running_statistics(rows: int) -> None:
    layer = BatchNorm(3)
    layer(values_of((50, 3)))
    before = layer.running_mean.clone()
    single = layer(values_of((rows, 3)))
    torch.testing.assert_close(single, layer.eval()(values_of((rows, 3))))
    assert torch.equal(before, layer.running_mean)


CUTS = (((5, 3), 3), ((5, 3, 4), 2), ((2, 3), 1), ((5, 3), 5), ((1, 3), 1))  # what is shared, and the rows of the first process


def _share_batches(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    for number, (shape, cut) in enumerate(CUTS):
        values = values_of(shape)
        torch.save(passed(BatchNorm(3), values[:cut] if rank == 0 else values[cut:]), f"{folder}/{number}_{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_are_one(tmp_path: Path) -> None:
    mp.spawn(_share_batches, (str(tmp_path),), nprocs=2)
    for number, (shape, _) in enumerate(CUTS):
        first, second = (torch.load(tmp_path / f"{number}_{rank}.pt") for rank in range(2))
        for name, expected in passed(BatchNorm(3), values_of(shape)).items():
            if name in ("output", "gradient"):
                found = torch.cat([first[name], second[name]])
            elif name.startswith("gradient of"):
                found = first[name] + second[name]
            else:
                assert torch.equal(first[name], second[name])
                found = first[name]
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_folding_is_for_linear_layers_and_convolutions_alone() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(BatchNorm(3), nn.Conv1d(3, 4, 3), BatchNorm(4), nn.Flatten(), nn.Linear(8, 5), BatchNorm(5))
    network(values_of((64, 3, 4)))
    folded, block = without_batch_norm(network), values_of((6, 3, 4))
    assert [type(layer).__name__ for layer in folded] == ["BatchNorm", "Conv1d", "Identity", "Flatten", "Linear", "Identity"]
    torch.testing.assert_close(folded(block), network.eval()(block), atol=1e-5, rtol=1e-4)
