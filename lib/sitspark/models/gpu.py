"""The GPU on which a process classifies: which one, what it needs there, and what is said where there is no room."""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch

from sitspark.errors import SitsparkError

Device = Literal["cpu", "cuda"]
# bytes of a GPU that each process which classifies should have: CUDA's own state takes half a gigabyte, the batches, the
# weights and what the layers of the bank's networks give between them up to another one (transformer)
ROOM = 1.6e9


def gpu_memory() -> list[int]:
    """The bytes of each GPU that this process sees."""
    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_properties(number).total_memory for number in range(torch.cuda.device_count())]


def take_gpu(addresses: Sequence[str] = ()) -> None:
    """Let the calling thread compute on one GPU: the first of those whose numbers are given, or, of all, one by its process.

    Raises SitsparkError where the process sees none.
    """
    if not torch.cuda.is_available():
        raise SitsparkError(
            f"a worker on {platform.node()} sees no GPU, and the map is drawn on GPUs; give each of Spark's workers one, or "
            "set map.device: cpu, by which the map is drawn anew"
        )
    # an address may be a name that only the driver knows, as of a part of a GPU; the process then sees no other
    number = int(addresses[0]) if addresses and addresses[0].isdigit() else os.getpid()
    torch.cuda.set_device(number % torch.cuda.device_count())


def gpu_taken(device: Device) -> int | None:
    """The number of the GPU that the calling thread computes on; None where it computes on the processor."""
    return torch.cuda.current_device() if device == "cuda" else None


@contextmanager
def room_on_gpu() -> Iterator[None]:
    """Say what to do when a GPU has no memory left for what the block does."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        free, whole = torch.cuda.mem_get_info()
        raise SitsparkError(
            f"no memory is left on a GPU of {platform.node()} ({torch.cuda.get_device_name()}: {free / 1e9:.1f} of "
            f"{whole / 1e9:.1f} GB free), which all of Spark's workers there share; give Spark fewer tasks at a time "
            "(as spark.master: local[4]), or set map.device: cpu"
        ) from None
