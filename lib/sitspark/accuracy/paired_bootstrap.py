"""How much better one map is than another on the same polygons: the paired bootstrap, in which a polygon stays whole."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sitspark.accuracy.bootstrap import FEWEST, interval_of
from sitspark.accuracy.matrix import ConfusionMatrix, Score
from sitspark.accuracy.scores import Floats, scores_of

LEVEL = 0.95  # of the intervals
_WEIGHTS = 2**23  # of polygons that are held at a time: 64 MB
_CELLS = 2**22  # of matrices that are held at a time


@dataclass(frozen=True, slots=True, eq=False)
class PairedCounts:
    """Pixels of each polygon by their class in the reference and in two maps: arrays (n,) that go together, a row a
    combination. Rows are those of pixels that have a class in both.
    """

    polygon: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.int64]

    @property
    def codes(self) -> tuple[int, ...]:
        """The classes that occur anywhere, ascending."""
        return tuple(np.unique(np.concatenate([self.reference, self.first, self.second])).tolist())

    @property
    def matrices(self) -> tuple[ConfusionMatrix, ConfusionMatrix]:
        """The confusion matrices of the two maps."""
        codes, k = self.codes, len(self.codes)
        cells = (self._cells(self.first), self._cells(self.second))
        one, other = (np.bincount(cell, self.pixels, k * k).astype(np.int64).reshape(k, k) for cell in cells)
        return ConfusionMatrix(codes, one), ConfusionMatrix(codes, other)

    @property
    def polygons(self) -> tuple[int, ...]:
        """The number of polygons of each class in the reference, in the order of `codes`."""
        of_class = [len(np.unique(self.polygon[self.reference == code])) for code in self.codes]
        return tuple(of_class)

    @property
    def right_in_one(self) -> tuple[int, int]:
        """Pixels that only the first map has right, and only the second."""
        one, other = self.first == self.reference, self.second == self.reference
        return int(self.pixels[one & ~other].sum()), int(self.pixels[other & ~one].sum())

    def _cells(self, produced: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        codes = np.array(self.codes, np.int64)
        return np.searchsorted(codes, self.reference) * len(codes) + np.searchsorted(codes, produced)

    def by_polygon(self, produced: npt.NDArray[np.int64]) -> sparse.csr_array:
        """The flat confusion matrix of each polygon (polygons, k * k), polygons in the order of their ids."""
        _, polygon = np.unique(self.polygon, return_inverse=True)
        shape = (int(polygon.max(initial=-1)) + 1, len(self.codes) ** 2)
        return sparse.csr_array((self.pixels.astype(np.float64), (polygon, self._cells(produced))), shape=shape)


@dataclass(frozen=True, slots=True)
class Difference:
    """A score of two maps, the second's less the first's, and the interval that the bootstrap gives to that difference.

    None for what is undefined, as the F of a class that the reference doesn't have.
    """

    first: Score
    second: Score
    difference: Score
    low: Score
    high: Score


@dataclass(frozen=True, slots=True)
class Differences:
    """Differences of overall accuracy, kappa, mean F, and of the F of each class in the order of `codes`.

    `polygons` is the number of those of each class in the reference, in the same order.
    """

    polygons: tuple[int, ...]
    replicates: int
    level: float
    codes: tuple[int, ...]
    overall_accuracy: Difference
    kappa: Difference
    mean_f_score: Difference
    f_score: tuple[Difference, ...]


def paired_bootstrap(counts: PairedCounts, *, seed: int, replicates: int = 2000) -> Differences:
    """Draw polygons with replacement, all pixels of each with both their classes, and compare the scores of each draw.

    Intervals are those of `bootstrap.interval_of`, of the draws in which a difference is defined; None where fewer than FEWEST
    polygons bear on it: all of them, or of the F of a class those of that class. The same seed gives the same draws, whatever
    the order of rows. Efron and Tibshirani (1993), An introduction to the bootstrap, chapter 8 (what is drawn is what is
    independent).
    """
    one, other = counts.matrices
    first, second = (_scores(matrix.counts[np.newaxis].astype(np.float64))[0] for matrix in (one, other))
    polygons = len(np.unique(counts.polygon))
    low, high = np.full(len(first), np.nan), np.full(len(first), np.nan)
    if polygons >= FEWEST:
        drawn = np.concatenate(list(_drawn(counts, np.random.default_rng(seed), polygons, replicates)))
        for number, (there, effective) in enumerate(_bearing(counts)):
            if there >= FEWEST and np.isfinite(second[number] - first[number]):
                low[number], high[number] = _middle(drawn[:, number], effective)
    overall, kappa, mean, *classes = (
        Difference(*map(_score, values)) for values in zip(first, second, second - first, low, high, strict=True)
    )
    return Differences(counts.polygons, replicates, LEVEL, counts.codes, overall, kappa, mean, tuple(classes))


def _bearing(counts: PairedCounts) -> Iterator[tuple[int, float]]:
    """How many polygons bear on each score, and Kish's effective number of them."""
    _, polygon = np.unique(counts.polygon, return_inverse=True)
    of_all = _kish(np.bincount(polygon, counts.pixels).astype(np.float64))
    yield from (of_all, of_all, of_all)
    for code in counts.codes:
        own = counts.reference == code
        yield _kish(np.bincount(polygon[own], counts.pixels[own]).astype(np.float64))


def _kish(pixels: Floats) -> tuple[int, float]:
    there = pixels[pixels > 0]
    return len(there), float(there.sum() ** 2 / max((there**2).sum(), 1.0))


def _middle(draws: Floats, effective: float) -> tuple[float, float]:
    """The interval of differences; a point where all draws agree, as those of a map with itself."""
    found = interval_of(draws, effective)
    if found is None:
        only = draws[np.isfinite(draws)]
        return (float(only[0]), float(only[0])) if len(only) else (math.nan, math.nan)
    return found.low, found.high


def _drawn(counts: PairedCounts, random: np.random.Generator, polygons: int, replicates: int) -> Iterator[Floats]:
    """Differences of the scores of some replicates at a time (replicates, scores)."""
    one, other = counts.by_polygon(counts.first), counts.by_polygon(counts.second)
    k = len(counts.codes)
    at_once = max(1, min(_WEIGHTS // polygons, _CELLS // k**2))
    for start in range(0, replicates, at_once):
        weights = random.multinomial(polygons, np.full(polygons, 1 / polygons), min(at_once, replicates - start))
        first, second = (_scores((weights @ matrix).reshape(-1, k, k)) for matrix in (one, other))
        yield second - first


def _scores(counts: Floats) -> Floats:
    """OA, kappa, mean F and the F of each class (n, 3 + k) of matrices (n, k, k), or NaN."""
    found = scores_of(counts)
    return np.column_stack([found.overall_accuracy, found.kappa, found.mean_f_score, found.f_score])


def _score(value: float) -> Score:
    return float(value) if np.isfinite(value) else None
