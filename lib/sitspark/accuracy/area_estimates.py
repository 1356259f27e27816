"""How much ground each class has, and how accurate the whole map is, as reference data and map tell together.

Olofsson et al. (2014), Good practices for estimating area and assessing accuracy of land change, Remote Sensing of Environment
148, 42-57, equations 1 to 11: each class of the map is a stratum, whose share of the map is known; the reference data tell
what a stratum consists of. Counting pixels of the map instead takes its errors for truth.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sitspark.accuracy.bootstrap import FEWEST, Bearing, interval_of, resampled
from sitspark.accuracy.matrix import ConfusionMatrix, Score
from sitspark.accuracy.scores import Floats, ratio
from sitspark.accuracy.unit_counts import UnitCounts

Design = Literal["polygons", "stratified", "random"]
_NORMAL_95 = 1.959964
LEAST = 2  # samples in a stratum: of one no variance is known

ASSUMPTIONS: Mapping[Design, str] = {
    "polygons": "The intervals take the reference polygons for a random draw from the land that the map shows, and they are a "
    "convenience sample: of land that no such polygon stands for they say nothing.",
    "stratified": "The area estimates take the reference data for a random sample drawn within each class of the map, where a "
    "polygon or point is one sample.",
    "random": "The area estimates take the reference data for a simple random sample of the whole map, where a polygon or "
    "point is one sample.",
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated share (0-1) with its standard error and 95 % interval.

    The last three are None where the samples don't vary: what they have in common tells nothing of how sure it is.
    """

    value: float
    standard_error: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ClassEstimate:
    """Of one class: the pixels that the map gives to it, samples within them, accuracies, share of the assessed ground.

    None: it is undefined; so is the share of a class that is on the map and isn't assessed there.
    """

    code: int
    mapped_pixels: int
    samples: int
    users_accuracy: Estimate | None
    producers_accuracy: Estimate | None
    share: Estimate | None


@dataclass(frozen=True, slots=True)
class AreaEstimates:
    """Estimates for the ground that is assessed: the classes of the map within which there are two samples or more.

    So many pixels they have, of those of the whole map; of the rest nothing is known. `proportions` is the error matrix in
    shares of the assessed ground (rows = reference, columns = map), in the order of `classes`. Where no class is assessed
    all is undefined.
    """

    design: Design
    assessed_pixels: int
    mapped_pixels: int
    overall_accuracy: Estimate | None
    classes: tuple[ClassEstimate, ...]
    proportions: tuple[tuple[Score, ...], ...]


def estimates_of_samples(
    samples: ConfusionMatrix, mapped: Mapping[int, int], *, design: Literal["stratified", "random"]
) -> AreaEstimates:
    """Estimates from counted samples, each drawn by itself, and from the pixels that the map gives to each class code.

    Of a stratified sample the variances are equations 5 to 7 and 10 of Olofsson et al.; of a simple random one, whose samples
    are put into strata afterwards, those of Cochran (1977), Sampling techniques, equation 5A.42, with those of user's
    accuracies as before. Finite population corrections are left out.
    """
    counts = samples.counts.astype(np.float64)
    strata = _Strata.of(counts, counts.sum(axis=0), mapped, samples.codes)
    n = strata.counts.sum(axis=0)
    shares = _shares_of(strata.counts[None], strata.weights)
    producers, within = shares.producers_accuracy[0], ratio(strata.counts, n)  # each column: what a stratum consists of
    right = within.diagonal()
    # equation 7: a sample of class j adds 1 - P where the map is right, and takes P where it is wrong
    gains = np.where(np.eye(len(n), dtype=bool), 1 - producers[:, None], producers[:, None])
    variance = _VARIANCES[design]
    overall = variance((right * (1 - right))[None], n, strata.weights)
    ground = variance(within * (1 - within), n, strata.weights)
    gained = variance(gains**2 * within * (1 - within), n, strata.weights)
    return strata.estimates(
        design,
        shares,
        overall=_normal(shares.overall_accuracy, overall),
        users=_normal(shares.users_accuracy[0], ratio(right * (1 - right), n - 1)),
        producers=_normal(producers, ratio(gained, shares.ground[0] ** 2)),
        ground=_normal(shares.ground[0], ground),
    )


def estimates_of_polygons(counts: UnitCounts, mapped: Mapping[int, int], codes: tuple[int, ...], *, seed: int) -> AreaEstimates:
    """Estimates from the pixels of polygons, drawn for convenience, with intervals by drawing polygons anew.

    A stratum is assessed where it has pixels of two polygons or more. Intervals need FEWEST polygons: of the class, or
    of its stratum for user's accuracies.
    """
    rows = counts.among(codes)
    bearing = Bearing.of(rows, codes)
    strata = _Strata.of(rows.matrix(codes).counts.astype(np.float64), bearing.produced[0], mapped, codes)
    shares = _shares_of(strata.counts[None], strata.weights)
    draws = _shares_of(resampled(rows, codes, seed=seed) * (strata.weights > 0), strata.weights)
    return strata.estimates(
        "polygons",
        shares,
        overall=_drawn(shares.overall_accuracy, draws.overall_accuracy[:, None], bearing.all),
        users=_drawn(shares.users_accuracy[0], draws.users_accuracy, bearing.produced),
        producers=_drawn(shares.producers_accuracy[0], draws.producers_accuracy, bearing.reference),
        ground=_drawn(shares.ground[0], draws.ground, bearing.reference),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Shares:
    """Of n matrices (first axis) of k classes: error matrices in shares of the ground, and what follows; NaN: undefined."""

    proportions: Floats
    overall_accuracy: Floats
    users_accuracy: Floats
    producers_accuracy: Floats
    ground: Floats


def _shares_of(matrices: Floats, weights: Floats) -> _Shares:
    """From counts (n, k, k) and the weights (k,) of strata; a stratum without counts leaves its weight to the others."""
    produced = matrices.sum(axis=1)
    there = np.where(produced > 0, weights, 0)
    of_ground = ratio(there, there.sum(axis=1, keepdims=True))
    shares = matrices * ratio(of_ground, produced)[:, None, :]
    # no stratum at all leaves NaN, one of several that is absent has no share
    shares = np.where((produced > 0)[:, None, :] | np.isnan(of_ground)[:, None, :], shares, 0)
    right, ground = np.diagonal(shares, axis1=1, axis2=2), shares.sum(axis=2)
    return _Shares(shares, right.sum(axis=1), ratio(right, shares.sum(axis=1)), ratio(right, ground), ground)


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """The classes of a map as strata: counts (k, k) within those that are assessed, their weights (k,), all other 0."""

    codes: tuple[int, ...]
    mapped: tuple[int, ...]
    samples: tuple[int, ...]
    counts: Floats
    weights: Floats

    @staticmethod
    def of(counts: Floats, samples: Floats, mapped: Mapping[int, int], codes: tuple[int, ...]) -> "_Strata":
        """Strata are assessed where they have two samples or more."""
        assessed = samples >= LEAST
        pixels = tuple(mapped.get(code, 0) for code in codes)
        weights = np.where(assessed, np.array(pixels, np.float64), 0)
        weights = np.divide(weights, max(weights.sum(), 1))
        return _Strata(codes, pixels, tuple(map(int, samples)), counts * (weights > 0), weights)

    def estimates(
        self,
        design: Design,
        shares: _Shares,
        *,
        overall: list[Estimate | None],
        users: list[Estimate | None],
        producers: list[Estimate | None],
        ground: list[Estimate | None],
    ) -> AreaEstimates:
        # of ground that the map gives to a class and nobody assessed, the share of what was assessed says nothing
        known = [
            of if weight or not pixels else None for of, weight, pixels in zip(ground, self.weights, self.mapped, strict=True)
        ]
        columns = zip(self.codes, self.mapped, self.samples, users, producers, known, strict=True)
        return AreaEstimates(
            design,
            sum(pixels for pixels, weight in zip(self.mapped, self.weights, strict=True) if weight),
            sum(self.mapped),
            overall[0],
            tuple(ClassEstimate(*column) for column in columns),
            tuple(tuple(None if np.isnan(of) else float(of) for of in row) for row in shares.proportions[0]),
        )


def _variance_stratified(plain: Floats, n: Floats, weights: Floats) -> Floats:
    """Of means, from the variance within each stratum (m, k), the sum of squares divided by n: W² s² / n, summed."""
    variance: Floats = np.nansum(weights**2 * ratio(plain, n - 1), axis=1)
    return variance


def _variance_random(plain: Floats, n: Floats, weights: Floats) -> Floats:
    """Likewise of a simple random sample: W s² / N + (1 - W) s² / N², summed, with N samples in all."""
    squares, total = plain * ratio(n, n - 1), max(n.sum(), 1)
    variance: Floats = np.nansum(np.where(weights > 0, weights / total + (1 - weights) / total**2, 0) * squares, axis=1)
    return variance


_VARIANCES = {"stratified": _variance_stratified, "random": _variance_random}


def _normal(values: Floats, variances: Floats) -> list[Estimate | None]:
    """Estimates with the interval of a normal distribution, as far as it lies within 0-1."""
    return [
        None if np.isnan(value) else _estimate(value, math.sqrt(variance), value - half, value + half)
        for value, variance in zip(values.tolist(), np.nan_to_num(variances).tolist(), strict=True)
        for half in (_NORMAL_95 * math.sqrt(variance),)
    ]


def _drawn(values: Floats, draws: Floats, bearing: Floats) -> list[Estimate | None]:
    """Estimates with the interval of draws (n, m), from numbers and effective numbers of units (2, m)."""
    return [
        None if np.isnan(value) else _of_draws(value, own, effective if units >= FEWEST else None)
        for value, own, units, effective in zip(values.tolist(), draws.T, *bearing.tolist(), strict=True)
    ]


def _of_draws(value: float, draws: Floats, effective: float | None) -> Estimate:
    interval = None if effective is None else interval_of(draws, effective)
    if interval is None:
        return Estimate(value, None, None, None)
    return _estimate(value, float(np.nanstd(draws, ddof=1)), interval.low, interval.high)


def _estimate(value: float, error: float, low: float, high: float) -> Estimate:
    return Estimate(value, error, max(low, 0.0), min(high, 1.0)) if error else Estimate(value, None, None, None)
