"""Memory that is read into again and again: fresh memory comes page by page, at a tenth of what reading a cube takes."""

import math
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

S = TypeVar("S", bound=np.generic)


class Allocate(Protocol):
    """What gives an array without values, as `np.empty` does."""

    def __call__(self, shape: tuple[int, ...], dtype: type[S], /) -> npt.NDArray[S]:
        """An array of that shape and dtype."""


class Buffers:
    """Arrays without values, of which the n-th after `restart` has the memory of the n-th before, which it writes over."""

    def __init__(self) -> None:
        self._held: list[npt.NDArray[np.uint8]] = []
        self._given = 0

    def restart(self) -> None:
        """Begin anew: what was given so far is no longer needed."""
        self._given = 0

    def empty(self, shape: tuple[int, ...], dtype: type[S], /) -> npt.NDArray[S]:
        """An array without values; in fresh memory where that of the one before is too small."""
        size, number = math.prod(shape) * np.dtype(dtype).itemsize, self._given
        self._given += 1
        if number == len(self._held):
            self._held.append(np.empty(size, np.uint8))
        elif self._held[number].size < size:
            self._held[number] = np.empty(0, np.uint8)  # or there were two for a while
            self._held[number] = np.empty(size, np.uint8)
        return self._held[number][:size].view(dtype).reshape(shape)
