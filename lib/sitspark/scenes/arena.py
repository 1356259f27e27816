"""Memory that is read into again and again: a cube in fresh memory costs the kernel a page for each of its pages."""

import math
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

_ALIGNED = 64  # bytes, a line of the cache
S = TypeVar("S", bound=np.generic)


class Allocate(Protocol):
    """What gives an array without values, as `np.empty` does."""

    def __call__(self, shape: tuple[int, ...], dtype: type[S], /) -> npt.NDArray[S]:
        """An array of that shape and dtype."""


class Arena:
    """Arrays one after the other in one piece of memory; what was given before `restart` is written over afterwards."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)
        self._taken = 0

    def restart(self, size: int) -> None:
        """Begin anew, with room for at least `size` bytes."""
        if size > self._memory.size:
            self._memory = np.empty(0, np.uint8)  # or there were two for a while
            self._memory = np.empty(size, np.uint8)
        self._taken = 0

    def empty(self, shape: tuple[int, ...], dtype: type[S], /) -> npt.NDArray[S]:
        """An array without values; of memory of its own where there is too little room for it."""
        first, size = self._taken, math.prod(shape) * np.dtype(dtype).itemsize
        if first + size > self._memory.size:
            return np.empty(shape, dtype)
        self._taken += -(-size // _ALIGNED) * _ALIGNED
        return self._memory[first : first + size].view(dtype).reshape(shape)
