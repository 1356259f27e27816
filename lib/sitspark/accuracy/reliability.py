"""Is a model right as often as its confidence says? Counts by confidence, and the expected calibration error."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15  # as Guo et al. (2017) have them


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Samples whose confidence is within (lower, lower + 1 / BINS].

    `confidence` is their mean, `accuracy` the share that is right, both None without samples. `deviation` is the standard
    error of the accuracy where samples come in `polygons`; None where that is unknown or there are fewer than two.
    """

    lower: float
    samples: int
    confidence: float | None
    accuracy: float | None
    polygons: int | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class Reliability:
    """The reliability diagram of a model: BINS bins of equal width, from no confidence to full confidence."""

    bins: tuple[ReliabilityBin, ...]

    @staticmethod
    def between(confidence: npt.NDArray[np.floating], right: npt.NDArray[np.bool_]) -> "Reliability":
        """Count samples of a confidence (n,) within 0-1, and whether each is right, bool (n,)."""
        place = bins_of(confidence)
        samples, correct = np.bincount(place, minlength=BINS), np.bincount(place[right], minlength=BINS)
        summed = np.bincount(place, confidence.astype(np.float64), minlength=BINS)
        return Reliability(
            tuple(
                reliability_bin(number, int(samples[number]), int(correct[number]), float(summed[number]))
                for number in range(BINS)
            )
        )

    @property
    def samples(self) -> int:
        """All samples."""
        return sum(of.samples for of in self.bins)

    @property
    def filled(self) -> tuple[ReliabilityBin, ...]:
        """The bins that have samples."""
        return tuple(of for of in self.bins if of.samples)

    @property
    def error(self) -> float | None:
        """The expected calibration error: the mean of |accuracy - confidence| of the bins, weighted by their samples.

        Naeini et al. (2015), Obtaining well calibrated probabilities using Bayesian binning, and Guo et al. (2017). None
        without samples.
        """
        return self._mean([abs(_gap(of)) for of in self.filled])

    @property
    def excess(self) -> float | None:
        """Mean confidence less accuracy: above 0 for a model that is too sure of itself. None without samples."""
        return self._mean([_gap(of) for of in self.filled])

    @property
    def accuracy(self) -> float | None:
        """The share of all samples that is right; None without samples."""
        return self._mean([of.accuracy or 0.0 for of in self.filled])

    def _mean(self, values: Sequence[float]) -> float | None:
        weighted = (of.samples * value for of, value in zip(self.filled, values, strict=True))
        return math.fsum(weighted) / self.samples if self.samples else None


def bins_of(confidence: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """The number of the bin of each confidence, int64 (n,): (0, 1/15] is the first, (14/15, 1] the last."""
    return np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.int64) - 1, 0, BINS - 1)


def reliability_bin(
    number: int,
    samples: int,
    correct: int,
    confidence: float,
    *,
    polygons: int | None = None,
    deviation: float | None = None,
) -> ReliabilityBin:
    """A bin from counts and the sum of its confidences."""
    lower = number / BINS
    if not samples:
        return ReliabilityBin(lower, 0, None, None, polygons)
    return ReliabilityBin(lower, samples, confidence / samples, correct / samples, polygons, deviation)


def deviation_by_polygon(
    polygons: int, samples: int, correct: int, *, squared: float, right_squared: float, product: float
) -> float | None:
    """The standard error of correct / samples where the samples of a polygon go together; None for fewer than two polygons.

    That of a ratio of sums over polygons (Cochran 1977, Sampling Techniques, 2.11): `squared` is the sum of n^2 over
    polygons of n samples, `right_squared` that of r^2 where r of them are right, `product` that of n r.
    """
    if polygons < 2:
        return None
    share = correct / samples
    residual = max(right_squared - 2 * share * product + share**2 * squared, 0.0)
    return math.sqrt(residual * polygons / (polygons - 1)) / samples


def _gap(of: ReliabilityBin) -> float:
    assert of.confidence is not None and of.accuracy is not None  # of a bin that has samples
    return of.confidence - of.accuracy
