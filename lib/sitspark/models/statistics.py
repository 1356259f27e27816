"""Mean and deviation of every feature, from one pass over the samples."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Mean and standard deviation (of the population) of each feature over `count` samples, float64 (features,)."""

    count: int
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]


class RunningStatistics:
    """Sums that blocks of samples are added to; stable for any mean, in float64 (Chan, Golub and LeVeque 1983)."""

    def __init__(self, features: int) -> None:
        self._count = 0
        self._mean = np.zeros(features)
        self._squares = np.zeros(features)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Add a block of samples, float32 (n, features)."""
        added = len(block)
        if added == 0:
            return
        values = block.astype(np.float64)
        mean = values.mean(axis=0)
        values -= mean
        total = self._count + added
        step = mean - self._mean
        self._squares += np.einsum("nf,nf->f", values, values) + step**2 * (self._count * added / total)
        self._mean += step * (added / total)
        self._count = total

    def result(self) -> Statistics:
        """The statistics of all that was added; zeros where nothing was."""
        return Statistics(self._count, self._mean.copy(), np.sqrt(self._squares / max(self._count, 1)))
