"""Mean, deviation and quantiles of every feature, from one pass over the samples."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from sitspark.kernels.moments import add_moments

QUANTILES = (0.02, 0.25, 0.5, 0.75, 0.98)
_MOST = 16_384  # samples that quantiles are taken of: their standard error at 2 % is then 0.1 %
_NORMAL_WIDTH = 4.107497821263645  # from the 2 % to the 98 % quantile of the standard normal distribution


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Mean and standard deviation (of the population) of each feature over `count` samples, float64 (features,).

    `quantiles`, float64 (quantiles, features), are the `QUANTILES` of up to 16 384 samples, evenly spread;
    empty where none were taken.
    """

    count: int
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    quantiles: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))

    def centred_by(self, what: Literal["mean", "median"]) -> "Statistics":
        """Themselves, or with the median for the mean and, for the deviation, what a normal distribution of their width has.

        The width is that between the 2 % and the 98 % quantile; a feature without any keeps its deviation.
        """
        if what == "mean":
            return self
        width = (self.quantiles[-1] - self.quantiles[0]) / _NORMAL_WIDTH
        return replace(self, mean=self.quantiles[2], deviation=np.where(width > 0, width, self.deviation))


class RunningStatistics:
    """Sums that blocks of samples are added to, in float64."""

    def __init__(self, features: int) -> None:
        self._count = 0
        self._mean = np.zeros(features)
        self._squares = np.zeros(features)
        self._spread = _Spread(features)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Add a block of samples, float32 (n, features)."""
        added = len(block)
        if added == 0:
            return
        self._spread.add(block)
        add_moments(block, self._count, self._mean, self._squares)
        self._count += added

    def result(self) -> Statistics:
        """The statistics of all that was added; zeros where nothing was."""
        rows = self._spread.rows if self._count else np.zeros((1, len(self._mean)), np.float32)
        return Statistics(
            self._count,
            self._mean.copy(),
            np.sqrt(self._squares / max(self._count, 1)),
            np.quantile(rows, QUANTILES, axis=0).astype(np.float64),
        )


class _Spread:
    """Evenly spread rows of a sequence whose length isn't known: every k-th, where k doubles whenever they are too many."""

    def __init__(self, features: int) -> None:
        self._rows = np.empty((_MOST, features), np.float32)
        self._kept = self._seen = 0
        self._step = 1

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        return self._rows[: self._kept]

    def add(self, block: npt.NDArray[np.float32]) -> None:
        first = -self._seen % self._step
        self._seen += len(block)
        fresh = block[first :: self._step]
        while self._kept + len(fresh) > _MOST:
            # kept are those at multiples of the step: of the fresh ones those that go on as every second one
            fresh = fresh[self._kept % 2 :: 2]
            half = self._rows[: self._kept : 2].copy()
            self._kept, self._step = len(half), 2 * self._step
            self._rows[: self._kept] = half
        self._rows[self._kept : self._kept + len(fresh)] = fresh
        self._kept += len(fresh)
