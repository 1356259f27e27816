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

    @staticmethod
    def of(moments: "Moments", spread: "Spread") -> "Statistics":
        """Those of samples with these moments; zeros where there are none."""
        rows = spread.rows if len(spread.rows) else np.zeros((1, len(moments.mean)), np.float32)
        return Statistics(
            moments.count,
            moments.mean.copy(),
            np.sqrt(moments.squares / max(moments.count, 1)),
            np.quantile(rows, QUANTILES, axis=0).astype(np.float64),
        )

    @staticmethod
    def of_features(features: npt.NDArray[np.float32]) -> "Statistics":
        """Those of samples that are in memory, float32 (n, features)."""
        moments, spread = Moments(features.shape[1]), Spread.of(*features.shape)
        moments.add(features)
        spread.take(features, 0)
        return Statistics.of(moments, spread)

    def centred_by(self, what: Literal["mean", "median"]) -> "Statistics":
        """Themselves, or with the median for the mean and, for the deviation, what a normal distribution of their width has.

        The width is that between the 2 % and the 98 % quantile; a feature without any keeps its deviation.
        """
        if what == "mean":
            return self
        width = (self.quantiles[-1] - self.quantiles[0]) / _NORMAL_WIDTH
        return replace(self, mean=self.quantiles[2], deviation=np.where(width > 0, width, self.deviation))


class Moments:
    """Of samples: their `count`, and of each feature the `mean` and the sum of `squares` of deviations, float64 (features,)."""

    def __init__(self, features: int) -> None:
        self.count = 0
        self.mean = np.zeros(features)
        self.squares = np.zeros(features)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Add a block of samples, float32 (n, features)."""
        if len(block):
            add_moments(block, self.count, self.mean, self.squares)
            self.count += len(block)

    def add_those_of(self, others: "Moments") -> None:
        """Add the samples that others are of (Chan, Golub and LeVeque 1983)."""
        if others.count:
            total = self.count + others.count
            step = others.mean - self.mean
            self.squares += others.squares + step * step * (self.count * others.count / total)
            self.mean += step * (others.count / total)
            self.count = total


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Evenly spread samples of a sequence: every `step`-th becomes one of the `rows`, float32 (n, features)."""

    step: int
    rows: npt.NDArray[np.float32]

    @staticmethod
    def of(count: int, features: int) -> "Spread":
        """Memory for as many of `count` samples as quantiles are taken of."""
        step = max(-(-count // _MOST), 1)
        # a row that was never taken would show in the quantiles
        return Spread(step, np.full((-(-count // step), features), np.nan, np.float32))

    def take(self, block: npt.NDArray[np.float32], first: int) -> None:
        """Take what is wanted of a block of the sequence, float32 (n, features), that starts with the sample `first`."""
        wanted = block[-first % self.step :: self.step]
        place = -(-first // self.step)
        self.rows[place : place + len(wanted)] = wanted
