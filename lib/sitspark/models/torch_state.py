"""What torch keeps for a whole process, and a training changes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils import deterministic


def learn_reproducibly(threads: int, *, seed: int) -> None:
    """Have torch give the same bits whenever it computes the same, on so many threads."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA's condition for reproducible products
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory before writing it
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch puts it there at run time
    torch.manual_seed(seed)


@contextmanager
def torch_as_before() -> Iterator[None]:
    """Undo what the block sets, and give free memory of a GPU back: the process goes on to other work."""
    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns, fills = torch.is_deterministic_algorithms_warn_only_enabled(), deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    dtype, random = torch.get_default_dtype(), torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(exact, warn_only=warns)
        deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]  # torch puts it there at run time
        torch.set_default_dtype(dtype)
        torch.set_rng_state(random)
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
