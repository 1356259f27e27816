"""How well a sample agrees with the samples of its class and of the others, by distances to reference polygons.

Two scores after two sources. Being nearer to another class than to one's own is the strangeness of the transductive
confidence machine (Proedrou, Nouretdinov, Vovk and Gammerman 2002, doi:10.1007/3-540-36755-1_32): distances to the nearest
of the own class over those to the nearest of another. Lying far from all of one's class is the weight of Angiulli and
Pizzuti 2002 (doi:10.1007/3-540-45681-3_2), here divided by its median in the class. A wrong label has a large first score;
a rare variant of a class has a large second one alone.

Three things keep the scores comparable. A neighbour is a polygon, by the nearest of its reference samples, and never the
sample's own: pixels of one polygon vouch for each other, whatever its label. Two classes are compared by equally many of their
polygons, so that a rare class isn't far from everything. Of each sample distances are summed up by itself in one order, so that
no other row changes a bit.
"""

import itertools
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_AXES = 32  # principal components in which distances are measured
_MIDDLE = (0.01, 0.99)  # shares of the references below; values count as far as the range between beyond it on either side
_BLOCK = 256  # samples that are compared at a time
_CONSTANT = 1e-9  # a deviation below that share of the mean is rounding
_EPSILON = 1e-6  # in standard deviations: of samples that equal those of both classes the score is 1


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Samples that others are compared with, bounded, standardised and turned to their principal components.

    `lowest`, `highest`, `mean` (features,) and `axes` (features, components) lead there. `points` (components, samples) are
    in the order of classes, and within a class of polygons; `polygons` are their ids, `points_of` (polygons + 1,) and
    `polygons_of` (classes + 1,) say where the points of each polygon and the polygons of each class begin. `typical`
    (classes,) is the median distance of the references of a class to its other polygons, NaN where those are too few.
    """

    lowest: Doubles
    highest: Doubles
    mean: Doubles
    axes: Doubles
    points: Floats
    codes: Integers
    polygons: Integers
    points_of: Integers
    polygons_of: Integers
    typical: Doubles

    @staticmethod
    def of(features: Floats, labels: Integers, polygons: Integers, *, neighbours: int) -> "References":
        """References from samples (n, features) whose labels ascend, and of which those of a polygon follow one another.

        Features are bounded, since an index of a denominator near zero takes any value, and standardised over all of them; a
        feature that never varies has no weight.
        """
        low, high = np.quantile(features, _MIDDLE, axis=0).astype(np.float64)
        lowest, highest = low - (high - low), high + (high - low)
        values = features.clip(lowest, highest)
        mean, deviation = values.mean(axis=0), values.std(axis=0)
        scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > _CONSTANT * (1 + np.abs(mean)))
        values -= mean
        values *= scale
        # ascending eigenvalues: the last are the largest
        turned = np.linalg.eigh(values.T @ values)[1][:, ::-1][:, :_AXES]
        axes = np.ascontiguousarray(scale[:, None] * turned)
        points = np.ascontiguousarray(_projected(np.ascontiguousarray(features, np.float32), lowest, highest, mean, axes).T)
        points_of = np.flatnonzero(np.r_[True, (np.diff(labels) != 0) | (np.diff(polygons) != 0), True])
        codes, begins = np.unique(labels[points_of[:-1]], return_index=True)
        polygons_of = np.r_[begins, len(points_of) - 1]
        ids, typical = polygons[points_of[:-1]], np.empty(len(codes))
        for position, (first, end) in enumerate(itertools.pairwise(polygons_of)):
            own = slice(points_of[first], points_of[end])
            distances = np.empty((own.stop - own.start, end - first), np.float32)
            _polygon_distances(np.ascontiguousarray(points[:, own].T), points, points_of, first, end, distances)
            typical[position] = np.median(_to_own(distances, polygons[own], ids[first:end], neighbours))
        return References(lowest, highest, mean, axes, points, codes, ids, points_of, polygons_of, typical)


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Of each sample (n,): `score`, `nearest` and `outlierness`.

    `score`, float64: how many times as far its own class is as another, the largest over these; `nearest`, int64: that
    other class. NaN and 0 for a sample whose class, or all others, have too few reference polygons. `outlierness`, float64:
    distance to its own class, over that typical in it; NaN likewise.
    """

    score: Doubles
    nearest: Integers
    outlierness: Doubles


def judge(features: Floats, labels: Integers, polygons: Integers, references: References, *, neighbours: int) -> Judgement:
    """Judge samples (n, features) by the mean distances to so many nearest reference polygons of each class."""
    known = (references.lowest, references.highest, references.mean, references.axes)
    points = _projected(np.ascontiguousarray(features, np.float32), *known)
    place = np.searchsorted(references.codes, labels).clip(max=len(references.codes) - 1)
    own = np.where(references.codes[place] == labels, place, -1)
    score, nearest, distance = np.empty(len(points)), np.empty(len(points), np.int64), np.empty(len(points))
    room = np.empty((_BLOCK, len(references.polygons)), np.float32)
    for start in range(0, len(points), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = points[rows]
        distances = room[: len(block)]
        # class by class, whose points stay in cache while those of the block are compared with them
        for first, end in itertools.pairwise(references.polygons_of):
            _polygon_distances(block, references.points, references.points_of, first, end, distances[:, first:end])
        groups = (references.polygons, references.polygons_of)
        _compare(distances, own[rows], polygons[rows], *groups, neighbours, score[rows], nearest[rows], distance[rows])
    codes = np.where(nearest >= 0, references.codes[nearest], 0)
    return Judgement(score, codes, distance / np.maximum(references.typical[place], _EPSILON))


@numba.njit(nogil=True, cache=True)
def _projected(features: Floats, lowest: Doubles, highest: Doubles, mean: Doubles, axes: Doubles) -> Floats:
    """Features (n, features) on the axes, float32 (n, components)."""
    count, components = len(features), axes.shape[1]
    found = np.zeros((count, components), np.float32)
    sums = np.empty(components)
    for row in range(count):
        sums[:] = 0
        for feature in range(len(mean)):
            value = min(max(features[row, feature], lowest[feature]), highest[feature]) - mean[feature]
            for component in range(components):
                sums[component] += value * axes[feature, component]
        found[row] = sums
    return found


@numba.njit(nogil=True, cache=True)
def _polygon_distances(points: Floats, references: Floats, points_of: Integers, first: int, end: int, found: Floats) -> None:
    """Fill `found` (n, end - first): how far each point (n, components) is from the nearest sample of each of the polygons."""
    begin, stop = points_of[first], points_of[end]
    squares = np.empty(stop - begin, np.float32)
    for row in range(len(points)):
        squares[:] = 0
        for component in range(points.shape[1]):
            value, along = points[row, component], references[component, begin:stop]
            for other in range(len(squares)):
                step = value - along[other]
                squares[other] += step * step
        for polygon in range(first, end):
            least = squares[points_of[polygon] - begin]
            for other in range(points_of[polygon] + 1 - begin, points_of[polygon + 1] - begin):
                least = min(least, squares[other])
            found[row, polygon - first] = np.sqrt(least)


@numba.njit(nogil=True, cache=True)
def _mean_of_least(values: Floats, among: int, least: Doubles) -> float:
    """The mean of the least of the first `among` values, as many as `least` has room for, where they are put."""
    count = len(least)
    least[:] = np.inf
    for position in range(among):
        value = values[position]
        if value < least[count - 1]:
            place = count - 1
            while place > 0 and least[place - 1] > value:
                least[place] = least[place - 1]
                place -= 1
            least[place] = value
    return float(least.sum() / count)


@numba.njit(nogil=True, cache=True)
def _put_others(distances: Floats, polygons: Integers, own: int, found: Floats) -> int:
    """Put the distances to polygons but one's own into `found`; gives their number."""
    count = 0
    for position in range(len(polygons)):
        if polygons[position] != own:
            found[count] = distances[position]
            count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _to_own(distances: Floats, own_polygons: Integers, polygons: Integers, neighbours: int) -> Doubles:
    """The mean distance (n,) to the nearest polygons of a class but one's own, NaN where there are too few."""
    found, others, least = np.empty(len(distances)), np.empty(len(polygons), np.float32), np.empty(neighbours)
    for row in range(len(distances)):
        count = _put_others(distances[row], polygons, own_polygons[row], others)
        found[row] = _mean_of_least(others, count, least) if count >= neighbours else np.nan
    return found


@numba.njit(nogil=True, cache=True)
def _compare(
    distances: Floats,
    own: Integers,
    own_polygons: Integers,
    polygons: Integers,
    polygons_of: Integers,
    neighbours: int,
    score: Doubles,
    nearest: Integers,
    distance: Doubles,
) -> None:
    """The largest ratio of each sample, the class that gives it (-1: none), and the distance to its own (NaN: none)."""
    others, least = np.empty(len(polygons), np.float32), np.empty(neighbours)
    for row in range(len(distances)):
        score[row], nearest[row], distance[row] = np.nan, -1, np.nan
        if own[row] < 0:
            continue
        mine = slice(polygons_of[own[row]], polygons_of[own[row] + 1])
        there = _put_others(distances[row, mine], polygons[mine], own_polygons[row], others)
        if there < neighbours:
            continue
        distance[row] = _mean_of_least(others, there, least)
        among, to_own = there, distance[row]
        for other in range(len(polygons_of) - 1):
            equally_many = min(there, polygons_of[other + 1] - polygons_of[other])
            if other == own[row] or equally_many < neighbours:
                continue
            if equally_many != among:
                among, to_own = equally_many, _mean_of_least(others, equally_many, least)
            to_other = _mean_of_least(distances[row, polygons_of[other] :], equally_many, least)
            ratio = (to_own + _EPSILON) / (to_other + _EPSILON)
            if nearest[row] < 0 or ratio > score[row]:
                score[row], nearest[row] = ratio, other
