"""The mean of gradients over processes of one machine, by memory that they share: gloo takes a tenth of a small step for it.

Each process writes its gradients into a place of its own, says so, and adds up all of them when all have said so. There are two
sets of places in turn: when a process comes to a set again, all others have told of the other one, and so are done with this.
"""

import mmap
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

_SPINS = 200  # looks at the others, some 100 microseconds, before a process lets others have its core
_NAP = 50e-6  # seconds between two looks after that


def can_be_shared(network: nn.Module) -> bool:
    """Whether gradients of the network are of float32, and this machine's cores see each other's writes in their order."""
    in_order = platform.system() == "Linux" and platform.machine() == "x86_64"
    return in_order and all(weights.dtype == torch.float32 for weights in network.parameters())


class SharedGradients:
    """Places for gradients of up to `size` numbers of each process; all processes of the default group make it together.

    They wait for each other without end: whoever starts them (torchrun) ends all when one has ended.
    """

    @staticmethod
    def of(network: nn.Module) -> "SharedGradients":
        """Places for all gradients of a network."""
        return SharedGradients(sum(weights.numel() for weights in network.parameters() if weights.requires_grad))

    def __init__(self, size: int) -> None:
        self._rank, self._ranks, self._turn = dist.get_rank(), dist.get_world_size(), 0
        memory = _shared(8 * 8 * self._ranks + 2 * 4 * size * self._ranks)
        # a line of the cache for each count, so that those who look don't slow those who write
        counts = np.frombuffer(memory, np.int64, 8 * self._ranks).reshape(self._ranks, 8)
        self._counts = counts[:, 0]
        places = torch.frombuffer(memory, dtype=torch.float32, offset=counts.nbytes)
        self._places = places.reshape(2, self._ranks, size)

    def mean(self, gradients: Tensor) -> None:
        """Replace float32 (n,) by its mean over all processes, the same bits in each."""
        self._turn += 1
        places = self._places[self._turn % 2, :, : len(gradients)]
        places[self._rank].copy_(gradients)
        self._counts[self._rank] = self._turn
        looks = 0
        while self._counts.min() < self._turn:
            looks += 1
            if looks > _SPINS:
                time.sleep(_NAP)
        torch.sum(places, 0, out=gradients)
        gradients /= self._ranks


def average(
    shared: SharedGradients,
    bucket: dist.GradBucket,  # type: ignore[name-defined]  # torch makes it in C++, and asks for the annotation
) -> torch.futures.Future[Tensor]:
    """What DistributedDataParallel calls where gradients are to be averaged."""
    gradients = bucket.buffer()
    shared.mean(gradients)
    done: torch.futures.Future[Tensor] = torch.futures.Future()
    done.set_result(gradients)
    return done


def _shared(length: int) -> mmap.mmap:
    """Memory of so many bytes, all 0, that all processes of the default group see, and no file system."""
    named = [""]
    if dist.get_rank() == 0:
        handle = os.memfd_create("sitspark-gradients")
        os.ftruncate(handle, length)
        named[0] = f"/proc/{os.getpid()}/fd/{handle}"
    dist.broadcast_object_list(named)
    with Path(named[0]).open("r+b") as file:
        memory = mmap.mmap(file.fileno(), length)
    dist.barrier()  # all have it
    if dist.get_rank() == 0:
        os.close(handle)
    return memory
