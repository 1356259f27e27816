"""The processes that train one model together: who is who, and sums over all of them."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sitspark.errors import SitsparkError, counted
from sitspark.models.shared_gradients import SharedGradients, average, can_be_shared

_PATIENCE = timedelta(hours=24)  # the others wait while the first decodes a table of any size


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process's rank among `ranks`, of which so many are on its machine, and the device it computes on."""

    rank: int
    ranks: int
    device: torch.device
    on_this_machine: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on only when all processes have come here."""
        if self.ranks > 1:
            dist.barrier()

    def total(self, values: Tensor) -> Tensor:
        """The element-wise sum over all processes, on the CPU, of float64 values (n,)."""
        if self.ranks == 1:
            return values.cpu()
        summed = values.to(self.device)
        dist.all_reduce(summed)
        return summed.cpu()

    def least(self, value: float) -> float:
        """The smallest value of all processes."""
        if self.ranks == 1:
            return value
        least = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(least, dist.ReduceOp.MIN)
        return float(least)

    def take_of_first(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the values that these tensors have in the first one."""
        if self.ranks > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def parallel(self, network: nn.Module) -> nn.Module:
        """The network such that backward() leaves the mean gradient of all processes in each of them."""
        if self.ranks == 1:
            return network
        parallel = DistributedDataParallel(network, broadcast_buffers=False, gradient_as_bucket_view=True)
        if self.device.type == "cpu" and self.on_this_machine == self.ranks and can_be_shared(network):
            parallel.register_comm_hook(SharedGradients.of(network), average)
        return parallel


def refuse_few_gpus(found: int, processes: int) -> None:
    """Raise SitsparkError where a machine of so many processes, each of which is to have a GPU, has fewer."""
    if found < processes:
        fewer = ", or lower training.processes" if found else ""
        raise SitsparkError(
            f"training.device: gpu asks for {counted(processes, 'GPU')} on this machine, one for each process, and torch sees "
            f"{found or 'none'}; choose auto or cpu{fewer}"
        )


@contextmanager
def joined(wanted: Literal["auto", "cpu", "gpu"] = "auto") -> Iterator[ProcessGroup]:
    """Join the processes that torchrun started; without torchrun a group of one.

    Each process takes a GPU of its own where there are enough and one is wanted, else the CPU. Raises SitsparkError where GPUs
    are wanted and there are too few.
    """
    rank, ranks = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    here, beside = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    found = torch.cuda.device_count() if wanted != "cpu" and torch.cuda.is_available() else 0
    enough = found >= beside
    if wanted == "gpu":
        refuse_few_gpus(found, beside)
    device = torch.device("cuda", here) if enough else torch.device("cpu")
    if enough:
        torch.cuda.set_device(device)
    if ranks == 1:
        yield ProcessGroup(rank, ranks, device, beside)
        return
    dist.init_process_group("nccl" if enough else "gloo", timeout=_PATIENCE)
    try:
        yield ProcessGroup(rank, ranks, device, beside)
    finally:
        dist.destroy_process_group()
