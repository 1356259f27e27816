"""What the dissimilarity index of Meyer and Pebesma (2021) takes: nearest places among some, the mean distance of all, and
the largest index that is no outlier.
"""

import numba
import numpy as np
import numpy.typing as npt

_WHISKER = 1.5  # interquartile ranges beyond the upper quartile, after which an index is an outlier


def furthest_first(places: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Which of `places` (n, d) lie as far apart as they can, int64 (at most `count`,), in the order in which they are chosen.

    The first is the one furthest from the mean, each further one the furthest from those before it (Gonzalez 1985): no place is
    then further from the nearest of them than twice what the best choice of as many could do. None is chosen of what is
    equal to a chosen one.
    """
    chosen = np.empty(min(count, len(places)), np.int64)
    start = int(np.argmax(((places - places.mean(axis=0, dtype=np.float64)) ** 2).sum(axis=1)))
    return chosen[: _furthest_first(places, start, chosen)]


@numba.njit(nogil=True, cache=True)
def _furthest_first(places: npt.NDArray[np.float32], start: int, chosen: npt.NDArray[np.int64]) -> int:
    left = np.full(len(places), np.inf, np.float32)
    furthest = start
    for number in range(len(chosen)):
        chosen[number] = furthest
        centre, longest = places[furthest], np.float32(0)
        for place in range(len(places)):
            square = np.float32(0)
            for dimension in range(places.shape[1]):
                apart = places[place, dimension] - centre[dimension]
                square += apart * apart
            left[place] = min(left[place], square)
            if left[place] > longest:
                longest, furthest = left[place], place
        if longest == 0:
            return number + 1
    return len(chosen)


@numba.njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def nearest_in_cells(
    points: npt.NDArray[np.float32],
    cells: npt.NDArray[np.int64],
    places: npt.NDArray[np.float32],
    starts: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """The Euclidean distance of each of `points` (n, d) to the nearest place in its `cells` (n, some), float32 (n,).

    The places of cell c are `places[starts[c] : starts[c + 1]]`, float32 (all, d), of which a point's cells have one at least.
    """
    found = np.empty(len(points), np.float32)
    for point in range(len(points)):
        least = np.float32(np.inf)
        for cell in cells[point]:
            for place in range(starts[cell], starts[cell + 1]):
                square = np.float32(0)
                for dimension in range(places.shape[1]):
                    apart = places[place, dimension] - points[point, dimension]
                    square += apart * apart
                if square < least:
                    least = square
        found[point] = np.sqrt(least)
    return found


@numba.njit(nogil=True, cache=True)
def mean_distance(places: npt.NDArray[np.float32]) -> float:
    """The mean Euclidean distance between two different ones of `places` (n, d), n > 1."""
    total, count = 0.0, len(places)
    for one in range(count):
        for other in range(one):
            square = np.float32(0)
            for dimension in range(places.shape[1]):
                apart = places[one, dimension] - places[other, dimension]
                square += apart * apart
            total += np.sqrt(square)
    return total / (count * (count - 1) / 2)


def outlier_free_maximum(values: npt.NDArray[np.floating]) -> float:
    """The upper quartile and 1.5 interquartile ranges, or the largest of `values` (n,), n > 0, where that is less."""
    lower, upper = np.quantile(values, (0.25, 0.75))
    return float(min(upper + _WHISKER * (upper - lower), values.max()))
