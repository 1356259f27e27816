"""Bringing a 20 m band to 10 m: interpolation to a grid that is exactly twice as fine.

The numbers are those of GDAL's RasterIO (gcore/overview.cpp): a separable convolution in which taps outside the image
or without data are left out and the weights of the rest are scaled to a sum of 1. One difference: where the nearest
coarse pixel has no data the result has none, so that nothing is invented beyond the edge of a swath.
"""

import numba
import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError

# by parity of the fine pixel: of the coarse pixels k-2..k+1 for 2k, a quarter before the centre of k; of k-1..k+2 for 2k+1
_WEIGHTS = {
    kind: np.array([weights, weights[::-1]], np.float32)
    for kind, weights in {
        "bilinear": [0.0, 0.25, 0.75, 0.0],
        "cubic": [-0.0234375, 0.2265625, 0.8671875, -0.0703125],  # Keys, a = -0.5
    }.items()
}
_TAPS = 4


def upsample_2x(
    source: npt.NDArray[np.int16], out: npt.NDArray[np.int16], *, row0: int, col0: int, kind: str, nodata: int
) -> None:
    """Fill `out` (int16, rows x columns) with `source` (int16, coarse rows x columns) at twice the resolution.

    `row0`, `col0` place out's first pixel on the fine grid that starts at the corner of `source`. The edges of `source`
    count as the edges of the image: where the image goes on, give a margin of 2 coarse pixels, and a window has the
    same bits as the whole. `kind` is nearest, bilinear or cubic; `nodata` never arises from pixels with data.
    """
    rows, cols = source.shape
    if not (0 <= row0 <= 2 * rows - out.shape[0] and 0 <= col0 <= 2 * cols - out.shape[1]):
        raise ValueError(f"{out.shape} pixels from ({row0}, {col0}) reach outside twice {source.shape}")
    if kind == "nearest":
        _nearest(source, out, row0, col0)
    elif kind in _WEIGHTS:
        # of one type with the pixels, so that comparisons fill a vector register
        _convolve(source, out, row0, col0, _WEIGHTS[kind], np.int16(nodata))
    else:
        raise SitsparkError(f"grid.interpolator: '{kind}' is unknown; use nearest, bilinear or cubic")


def upsample_2x_at(
    source: npt.NDArray[np.int16],
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    out: npt.NDArray[np.int16],
    *,
    kind: str,
    nodata: int,
) -> None:
    """Fill `out` (int16, n) with what `upsample_2x` gives in the fine pixels at (rows, cols), to the bit."""
    if kind == "nearest":
        out[:] = source[rows // 2, cols // 2]
    elif kind in _WEIGHTS:
        _convolve_at(source, rows, cols, out, _WEIGHTS[kind], np.int16(nodata))
    else:
        raise SitsparkError(f"grid.interpolator: '{kind}' is unknown; use nearest, bilinear or cubic")


@numba.njit(nogil=True, cache=True)
def _convolve_at(
    source: npt.NDArray[np.int16],
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    out: npt.NDArray[np.int16],
    weights: npt.NDArray[np.float32],
    nodata: np.int16,
) -> None:
    height, width = source.shape
    line, holes, taps = np.empty(_TAPS, np.float32), np.empty(_TAPS, np.bool_), np.empty((2, _TAPS))
    for i in range(rows.size):
        row, col = rows[i], cols[i]
        first, left = _first_tap(row), _first_tap(col)
        complete = 0 <= first <= height - _TAPS and 0 <= left <= width - _TAPS
        if complete and not _vertical(source[:, left : left + _TAPS], first, weights[row % 2], nodata, line, holes):
            across = weights[col % 2]
            value = across[0] * line[0] + across[1] * line[1] + across[2] * line[2] + across[3] * line[3]
            out[i] = _digital_number(value, nodata)
        elif source[row // 2, col // 2] == nodata:
            out[i] = nodata
        else:
            out[i] = _incomplete(source, row, col, weights, nodata, taps)


@numba.njit(nogil=True, cache=True)
def _nearest(source: npt.NDArray[np.int16], out: npt.NDArray[np.int16], row0: int, col0: int) -> None:
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            out[r, c] = source[(row0 + r) // 2, (col0 + c) // 2]


@numba.njit(nogil=True, cache=True)
def _convolve(
    source: npt.NDArray[np.int16],
    out: npt.NDArray[np.int16],
    row0: int,
    col0: int,
    weights: npt.NDArray[np.float32],
    nodata: np.int16,
) -> None:
    """Write every line as if all taps were there, then once more the pixels for which they are not."""
    rows, cols = source.shape
    height, width = out.shape
    line = np.empty(cols, np.float32)
    fine_line = np.empty(2 * cols, np.int16)
    holes = np.empty(cols, np.bool_)
    taps = np.empty((2, _TAPS))
    # columns that have all their taps inside the image
    left = min(max(3 - col0, 0), width)
    right = min(max(2 * cols - 3 - col0, left), width)
    for r in range(height):
        fine_row = row0 + r
        first = _first_tap(fine_row)
        if first < 0 or first > rows - _TAPS:
            holes[:] = True
            _mend(source, out[r], fine_row, col0, holes, weights, nodata, taps)
            continue
        any_hole = _vertical(source, first, weights[fine_row % 2], nodata, line, holes)
        _horizontal(line, weights, nodata, fine_line)
        target, piece = out[r], fine_line[col0 : col0 + width]
        for c in range(width):
            target[c] = piece[c]
        if any_hole:
            _mend(source, target, fine_row, col0, holes, weights, nodata, taps)
        else:
            _mend(source, target[:left], fine_row, col0, holes, weights, nodata, taps)
            _mend(source, target[right:], fine_row, col0 + right, holes, weights, nodata, taps)


@numba.njit(nogil=True, cache=True)
def _mend(
    source: npt.NDArray[np.int16],
    line: npt.NDArray[np.int16],
    fine_row: int,
    fine_col: int,
    holes: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float32],
    nodata: np.int16,
    taps: npt.NDArray[np.float64],
) -> None:
    """Of the fine pixels of `line`, from `fine_col` on, write those that have taps outside the image or without data."""
    cols = source.shape[1]
    for c in range(line.size):
        col = fine_col + c
        first = _first_tap(col)
        complete = 0 <= first <= cols - _TAPS
        if complete and not (holes[first] or holes[first + 1] or holes[first + 2] or holes[first + 3]):
            continue
        if source[fine_row // 2, col // 2] == nodata:
            line[c] = nodata
        else:
            line[c] = _incomplete(source, fine_row, col, weights, nodata, taps)


@numba.njit(nogil=True, cache=True, inline="always")
def _first_tap(fine: int) -> int:
    """The first of the four coarse pixels around a fine one; -2 and more outside the image at its edges."""
    return fine // 2 - 2 + fine % 2


@numba.njit(nogil=True, cache=True)
def _vertical(
    source: npt.NDArray[np.int16],
    first: int,
    weights: npt.NDArray[np.float32],
    nodata: np.int16,
    line: npt.NDArray[np.float32],
    holes: npt.NDArray[np.bool_],
) -> bool:
    """One line between four coarse rows; `holes` are the columns where one of them has no data."""
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    any_hole = False
    for c in range(source.shape[1]):
        a, b, d, e = source[first, c], source[first + 1, c], source[first + 2, c], source[first + 3, c]
        line[c] = w0 * np.float32(a) + w1 * np.float32(b) + w2 * np.float32(d) + w3 * np.float32(e)
        hole = (a == nodata) | (b == nodata) | (d == nodata) | (e == nodata)
        holes[c] = hole
        any_hole |= hole
    return any_hole


@numba.njit(nogil=True, cache=True)
def _horizontal(
    line: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], nodata: np.int16, fine_line: npt.NDArray[np.int16]
) -> None:
    """The fine pixels 3 to 2n - 4 of a line of n coarse ones: those that have all taps."""
    w0, w1, w2, w3 = weights[0, 0], weights[0, 1], weights[0, 2], weights[0, 3]
    for k in range(1, line.size - 2):
        a, b, d, e = line[k - 1], line[k], line[k + 1], line[k + 2]
        fine_line[2 * k + 1] = _digital_number(w3 * a + w2 * b + w1 * d + w0 * e, nodata)
        fine_line[2 * k + 2] = _digital_number(w0 * a + w1 * b + w2 * d + w3 * e, nodata)


@numba.njit(nogil=True, cache=True, inline="always")
def _digital_number(value: np.float32, nodata: np.int16) -> np.int16:
    """Rounded half away from zero and saturated; nodata itself becomes its neighbour (all as GDAL does)."""
    half = np.float32(0.5) if value >= 0 else np.float32(-0.5)
    number = np.int16(min(max(value + half, np.float32(-32768)), np.float32(32767)))
    beside = np.int16(nodata + 1) if nodata < 32767 else np.int16(nodata - 1)
    return beside if number == nodata else number


@numba.njit(nogil=True, cache=True)
def _incomplete(
    source: npt.NDArray[np.int16],
    fine_row: int,
    fine_col: int,
    weights: npt.NDArray[np.float32],
    nodata: np.int16,
    taps: npt.NDArray[np.float64],
) -> np.int16:
    """A fine pixel that has taps outside the image or without data."""
    first_row, first_col = _first_tap(fine_row), _first_tap(fine_col)
    value = _mean_without_holes(source, first_row, first_col, weights, fine_row % 2, fine_col % 2, nodata)
    if not np.isnan(value):
        return _digital_number(np.float32(value), nodata)
    top, bottom = max(-first_row, 0), min(source.shape[0] - first_row, _TAPS)
    left, right = max(-first_col, 0), min(source.shape[1] - first_col, _TAPS)
    for i in range(top, bottom):
        for j in range(left, right):
            number = source[first_row + i, first_col + j]
            taps[1, j] = np.nan if number == nodata else number
        taps[0, i] = _mean_of_taps(taps[1], weights[fine_col % 2], left, right)
    value = _mean_of_taps(taps[0], weights[fine_row % 2], top, bottom)
    return nodata if np.isnan(value) else _digital_number(np.float32(value), nodata)


@numba.njit(nogil=True, cache=True)
def _mean_without_holes(
    source: npt.NDArray[np.int16],
    first_row: int,
    first_col: int,
    weights: npt.NDArray[np.float32],
    row_parity: int,
    col_parity: int,
    nodata: np.int16,
) -> float:
    """What `_mean_of_taps` gives across and then down, for a pixel along the edge of an image; NaN if a tap has no data."""
    total = weight = 0.0
    for i in range(max(-first_row, 0), min(source.shape[0] - first_row, _TAPS)):
        of_row = weight_of_row = 0.0
        for j in range(max(-first_col, 0), min(source.shape[1] - first_col, _TAPS)):
            number = source[first_row + i, first_col + j]
            if number == nodata:
                return np.nan
            of_row += weights[col_parity, j] * number
            weight_of_row += weights[col_parity, j]
        total += weights[row_parity, i] * (of_row / weight_of_row)
        weight += weights[row_parity, i]
    return total / weight


@numba.njit(nogil=True, cache=True)
def _mean_of_taps(taps: npt.NDArray[np.float64], weights: npt.NDArray[np.float32], start: int, stop: int) -> float:
    """The weighted mean of the taps that are not NaN; NaN where they are too few."""
    total = weight = 0.0
    run = longest = 0
    for i in range(start, stop):
        run = 0 if np.isnan(taps[i]) else run + 1
        longest = max(longest, run)
        if run:
            total += weights[i] * taps[i]
            weight += weights[i]
    # GDAL's rule for cubic: at least half of the taps, side by side
    if weight <= 0 or (weights[0] < 0 and longest < (stop - start) // 2):
        return np.nan
    return total / weight
