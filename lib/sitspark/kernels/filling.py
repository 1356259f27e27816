"""From irregular acquisitions to values at given dates, one pixel after the other: the ways to fill gaps.

All take the acquisitions of `PixelSeries` and the `edges` of the dates, int32 (dates + 1,): the day of each, ascending, and
where the period of the last one ends. They write reflectance x 10 000 at each date, the bands of a date side by side, into the
row of each pixel in `out`, float32 (pixels, ...), from number `first` on: rows stay contiguous, which the compiler needs. A
pixel without any valid acquisition is 0 at all dates.
"""

import functools
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numba
import numpy as np
import numpy.typing as npt

from sitspark.kernels.series import PixelSeries

# a slope that no acquisition tells is taken for 0: so much of first differences beside second ones of weight 1
_FLAT = 1e-6


class Filler(Protocol):
    """A way to fill gaps; `least_dates` are those that it needs to be defined."""

    name: ClassVar[str]

    @property
    def least_dates(self) -> int:
        """The smallest number of dates that it is defined for."""
        ...

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """Write the values of each pixel into its row of `out`, float32 (pixels, ...), from number `first` on."""
        ...


@dataclass(frozen=True, slots=True)
class Linear:
    """Linear in time between valid acquisitions; before the first and after the last one its value holds (iota2, OTB).

    Of several valid acquisitions on a day the first one counts on that day and before it, the last one after it.
    """

    name: ClassVar[str] = "linear"
    least_dates: ClassVar[int] = 1

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """See `Filler`."""
        linear(series.reflectance, series.valid, series.days, edges[:-1], out, first)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The valid acquisition that is nearest in time; of two that are equally near the earlier one."""

    name: ClassVar[str] = "nearest"
    least_dates: ClassVar[int] = 1

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """See `Filler`."""
        _nearest(series.reflectance, series.valid, series.days, edges[:-1], out, first)


@dataclass(frozen=True, slots=True)
class Median:
    """The median of the valid acquisitions from each date to before the next one; linear where a period has none."""

    name: ClassVar[str] = "median"
    least_dates: ClassVar[int] = 1

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """See `Filler`."""
        _median(series.reflectance, series.valid, series.days, edges, out, first)


@dataclass(frozen=True, slots=True)
class Whittaker:
    """The series that is near the acquisitions and smooth (Whittaker 1923; Eilers 2003, doi:10.1021/ac034173t).

    Minimises the sum of squares of what the series, linear between its dates, differs from each valid acquisition, plus
    `smoothness` times that of its second differences. Beyond the first and the last valid acquisition its value holds. Of
    acquisitions before the first date only the last one counts, as if it were of that date; behind the last one likewise.
    """

    smoothness: float
    name: ClassVar[str] = "whittaker"
    least_dates: ClassVar[int] = 3  # second differences

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """See `Filler`."""
        _whittaker(series.reflectance, series.valid, series.days, edges[:-1], self.smoothness, out, first)


@dataclass(frozen=True, slots=True)
class SavitzkyGolay:
    """`Linear`, then at each date the polynomial of a `degree` fitted to the `window` dates around it (scipy's filter)."""

    window: int
    degree: int
    name: ClassVar[str] = "savitzky_golay"

    @property
    def least_dates(self) -> int:
        """The window."""
        return self.window

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """See `Filler`."""
        linear(series.reflectance, series.valid, series.days, edges[:-1], out, first)
        _weighted(_savitzky_golay(len(edges) - 1, self.window, self.degree), series.reflectance.shape[2], out, first)


@dataclass(frozen=True, slots=True)
class Unfilled:
    """The acquisitions of the dates themselves, 0 where there is no valid one; of several the first valid one counts."""

    name: ClassVar[str] = "none"
    least_dates: ClassVar[int] = 1

    def fill(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """See `Filler`."""
        _scatter(series.reflectance, series.valid, series.days, edges[:-1], out, first)

    def validity(self, series: PixelSeries, edges: npt.NDArray[np.int32], out: npt.NDArray[np.float32], first: int) -> None:
        """Write 1 where there is a valid acquisition of a date, else 0, one number a date from `first` on."""
        _scatter_validity(series.valid, series.days, edges[:-1], out, first)


# no 'nnan' and 'ninf': a NaN must stay visible; the others only let the compiler fuse and reorder
_FAST = {"contract", "reassoc", "arcp", "nsz"}


@numba.njit(nogil=True, cache=True, inline="always")
def _usable(valid: npt.NDArray[np.uint8], found: npt.NDArray[np.int64]) -> int:
    """Write the positions of the valid acquisitions of a pixel; gives their number."""
    n = 0
    for d in range(valid.shape[0]):
        if valid[d]:
            found[n] = d
            n += 1
    return n


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def linear(
    pixels: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    grid: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    """See `Linear`; arrays as in `PixelSeries`, grid int32 (steps,) ascending."""
    count, dates, bands = pixels.shape
    steps = grid.shape[0]
    one_day = days.shape[0] == 1
    usable = np.empty(dates, np.int64)
    for p in range(count):
        # a contiguous row, or the compiler makes no vectors of it
        row = out[p][at : at + steps * bands]
        own = days[0] if one_day else days[p]
        n = _usable(valid[p], usable)
        if n == 0:
            row[:] = 0
            continue
        following = 0
        for k in range(steps):
            while following < n and own[usable[following]] < grid[k]:
                following += 1
            low = usable[max(following - 1, 0)]
            high = usable[min(following, n - 1)]
            weight = np.float32(0)
            if low != high:
                weight = np.float32(grid[k] - own[low]) / np.float32(own[high] - own[low])
            for b in range(bands):
                before = np.float32(pixels[p, low, b])
                row[k * bands + b] = before + (np.float32(pixels[p, high, b]) - before) * weight


@numba.njit(nogil=True, cache=True)
def _nearest(
    pixels: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    grid: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    count, dates, bands = pixels.shape
    steps = grid.shape[0]
    one_day = days.shape[0] == 1
    usable = np.empty(dates, np.int64)
    for p in range(count):
        row = out[p][at : at + steps * bands]
        own = days[0] if one_day else days[p]
        n = _usable(valid[p], usable)
        if n == 0:
            row[:] = 0
            continue
        following = 0
        for k in range(steps):
            while following < n and own[usable[following]] < grid[k]:
                following += 1
            low, high = max(following - 1, 0), min(following, n - 1)
            while low > 0 and own[usable[low - 1]] == own[usable[low]]:
                low -= 1
            near = low if abs(grid[k] - own[usable[low]]) <= abs(own[usable[high]] - grid[k]) else high
            for b in range(bands):
                row[k * bands + b] = pixels[p, usable[near], b]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def _median(
    pixels: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    edges: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    """See `Median`; edges int32 (periods + 1,): each period lasts from one edge to before the next."""
    count, dates, bands = pixels.shape
    periods = edges.shape[0] - 1
    one_day = days.shape[0] == 1
    usable, filled, values = np.empty(dates, np.int64), np.empty(periods, np.int64), np.empty(dates, np.int16)
    for p in range(count):
        row = out[p][at : at + periods * bands]
        own = days[0] if one_day else days[p]
        n = _usable(valid[p], usable)
        row[:] = 0
        there, first = 0, 0
        for k in range(periods):
            while first < n and own[usable[first]] < edges[k]:
                first += 1
            stop = first
            while stop < n and own[usable[stop]] < edges[k + 1]:
                stop += 1
            if stop == first:
                continue
            found = stop - first
            for b in range(bands):
                # inserted one by one: periods hold a handful
                for i in range(found):
                    value = pixels[p, usable[first + i], b]
                    place = i
                    while place > 0 and values[place - 1] > value:
                        values[place] = values[place - 1]
                        place -= 1
                    values[place] = value
                row[k * bands + b] = (np.float32(values[found // 2]) + np.float32(values[(found - 1) // 2])) / np.float32(2)
            filled[there] = k
            there += 1
        _between(edges, filled[:there], bands, row)


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def _between(edges: npt.NDArray[np.int32], filled: npt.NDArray[np.int64], bands: int, row: npt.NDArray[np.float32]) -> None:
    """Fill the periods of a pixel that aren't among `filled`, linearly in the days on which they begin."""
    if filled.shape[0] == 0:
        return
    following = 0
    for k in range(edges.shape[0] - 1):
        while following < filled.shape[0] and filled[following] < k:
            following += 1
        low, high = filled[max(following - 1, 0)], filled[min(following, filled.shape[0] - 1)]
        if high == k:
            continue
        weight = np.float32(0)
        if low != high:
            weight = np.float32(edges[k] - edges[low]) / np.float32(edges[high] - edges[low])
        for b in range(bands):
            before = row[low * bands + b]
            row[k * bands + b] = before + (row[high * bands + b] - before) * weight


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=_FAST)
def _whittaker(
    pixels: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    grid: npt.NDArray[np.int32],
    smoothness: float,
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    """See `Whittaker`: the normal equations have five diagonals, and one factorisation serves all bands of a pixel."""
    count, dates, bands = pixels.shape
    steps = grid.shape[0]
    one_day = days.shape[0] == 1
    usable = np.empty(dates, np.int64)
    diagonal, next_one, next_two = np.empty(steps), np.empty(steps), np.empty(steps)
    right = np.empty((steps, bands))
    for p in range(count):
        row = out[p][at : at + steps * bands]
        own = days[0] if one_day else days[p]
        n = _usable(valid[p], usable)
        if n == 0:
            row[:] = 0
            continue
        _smoothing(smoothness, diagonal, next_one, next_two)
        right[:] = 0
        k = 0
        for i in range(n):
            day = own[usable[i]]
            is_early = i + 1 < n and own[usable[i + 1]] <= grid[0]
            if is_early or (i > 0 and own[usable[i - 1]] >= grid[steps - 1]):
                continue
            while k + 2 < steps and grid[k + 1] <= day:
                k += 1
            share = (day - grid[k]) / (grid[k + 1] - grid[k])
            share = min(max(share, 0.0), 1.0)
            diagonal[k] += (1 - share) * (1 - share)
            diagonal[k + 1] += share * share
            next_one[k] += share * (1 - share)
            for b in range(bands):
                value = np.float64(pixels[p, usable[i], b])
                right[k, b] += (1 - share) * value
                right[k + 1, b] += share * value
        _solve(diagonal, next_one, next_two, right)
        first, last = 0, steps - 1
        while first < steps - 1 and grid[first] < own[usable[0]]:
            first += 1
        while last > 0 and grid[last] > own[usable[n - 1]]:
            last -= 1
        if last < first:  # all acquisitions lie between two dates, or beyond them
            last = first
        for k in range(steps):
            source = min(max(k, first), last)
            for b in range(bands):
                row[k * bands + b] = np.float32(right[source, b])


@numba.njit(nogil=True, cache=True, inline="always")
def _smoothing(
    smoothness: float,
    diagonal: npt.NDArray[np.float64],
    next_one: npt.NDArray[np.float64],
    next_two: npt.NDArray[np.float64],
) -> None:
    """The diagonals of smoothness x (second differences)' (second differences), plus a little of the first ones."""
    steps = diagonal.shape[0]
    diagonal[:], next_one[:], next_two[:] = 0.0, 0.0, 0.0
    for k in range(steps - 1):
        diagonal[k] += _FLAT
        diagonal[k + 1] += _FLAT
        next_one[k] -= _FLAT
    for k in range(steps - 2):
        diagonal[k] += smoothness
        diagonal[k + 1] += 4 * smoothness
        diagonal[k + 2] += smoothness
        next_one[k] -= 2 * smoothness
        next_one[k + 1] -= 2 * smoothness
        next_two[k] += smoothness


@numba.njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _solve(
    diagonal: npt.NDArray[np.float64],
    next_one: npt.NDArray[np.float64],
    next_two: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
) -> None:
    """Solve a symmetric system of five diagonals for all columns of `right`, in place (L D L')."""
    steps, bands = right.shape
    for k in range(steps):
        if k >= 1:
            diagonal[k] -= next_one[k - 1] * next_one[k - 1] * diagonal[k - 1]
            if k + 1 < steps:
                next_one[k] -= next_two[k - 1] * next_one[k - 1] * diagonal[k - 1]
        if k >= 2:
            diagonal[k] -= next_two[k - 2] * next_two[k - 2] * diagonal[k - 2]
        next_one[k] /= diagonal[k]
        next_two[k] /= diagonal[k]
        for b in range(bands):
            if k >= 1:
                right[k, b] -= next_one[k - 1] * right[k - 1, b]
            if k >= 2:
                right[k, b] -= next_two[k - 2] * right[k - 2, b]
    for k in range(steps - 1, -1, -1):
        for b in range(bands):
            right[k, b] /= diagonal[k]
            if k + 1 < steps:
                right[k, b] -= next_one[k] * right[k + 1, b]
            if k + 2 < steps:
                right[k, b] -= next_two[k] * right[k + 2, b]


@functools.lru_cache(maxsize=8)  # one a sensor
def _savitzky_golay(steps: int, window: int, degree: int) -> npt.NDArray[np.float32]:
    """The filter as a matrix, float32 (steps, steps): what each date takes of each."""
    from scipy.signal import savgol_filter  # half a second that only this filler needs

    return np.ascontiguousarray(savgol_filter(np.eye(steps), window, degree, axis=0, mode="interp"), np.float32)


@numba.njit(nogil=True, cache=True, fastmath=_FAST)
def _weighted(matrix: npt.NDArray[np.float32], bands: int, out: npt.NDArray[np.float32], at: int) -> None:
    """Replace each series by its product with a matrix (steps, steps) of mostly zeros."""
    steps = matrix.shape[0]
    before = np.empty(steps * bands, np.float32)
    first, stop = np.empty(steps, np.int64), np.empty(steps, np.int64)
    for k in range(steps):
        members = np.nonzero(matrix[k])[0]
        first[k], stop[k] = members[0], members[-1] + 1
    for p in range(out.shape[0]):
        row = out[p][at : at + steps * bands]
        before[:] = row
        row[:] = 0
        for k in range(steps):
            for j in range(first[k], stop[k]):
                for b in range(bands):
                    row[k * bands + b] += matrix[k, j] * before[j * bands + b]


@numba.njit(nogil=True, cache=True)
def _scatter(
    pixels: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    grid: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    count, dates, bands = pixels.shape
    one_day = days.shape[0] == 1
    for p in range(count):
        row = out[p][at : at + grid.shape[0] * bands]
        row[:] = 0
        own = days[0] if one_day else days[p]
        k, taken = 0, -1
        for d in range(dates):
            while k < grid.shape[0] and grid[k] < own[d]:
                k += 1
            if k == grid.shape[0]:
                break
            if valid[p, d] and grid[k] == own[d] and k != taken:
                taken = k
                for b in range(bands):
                    row[k * bands + b] = pixels[p, d, b]


@numba.njit(nogil=True, cache=True)
def _scatter_validity(
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    grid: npt.NDArray[np.int32],
    out: npt.NDArray[np.float32],
    at: int,
) -> None:
    count, dates = valid.shape
    one_day = days.shape[0] == 1
    for p in range(count):
        row = out[p][at : at + grid.shape[0]]
        row[:] = 0
        own = days[0] if one_day else days[p]
        k = 0
        for d in range(dates):
            while k < grid.shape[0] and grid[k] < own[d]:
                k += 1
            if k == grid.shape[0]:
                break
            if valid[p, d] and grid[k] == own[d]:
                row[k] = 1
