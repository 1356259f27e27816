"""Bringing pixels onto another grid, given where each centre of the other grid lies in the image.

The numbers are those of GDAL's warper (alg/gdalwarpkernel.cpp, GWKCubicResample4Sample and GWKBilinearResample4Sample) where
pixels of the image are no smaller than those of the grid: cubic convolution after Keys with a = -0.5 over 4 x 4 pixels, or the
bilinear mean of those of the nearest 2 x 2 that have data, at the edge of the image and where one of the sixteen has none;
nothing where the pixel itself has none.
"""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def nearest(
    source: npt.NDArray[np.generic],
    rows: npt.NDArray[np.float64],
    cols: npt.NDArray[np.float64],
    out: npt.NDArray[np.generic],
    outside: float,
) -> None:
    """Fill `out` (n,) with the pixel of `source` (rows, columns) in which each place lies; `outside` where none does.

    `rows` and `cols` are in pixels from the corner of `source`.
    """
    height, width = source.shape
    for i in range(out.size):
        row, col = rows[i], cols[i]
        if not _is_inside(row, col, height, width):
            out[i] = outside
        else:
            out[i] = source[min(int(row + _EDGE), height - 1), min(int(col + _EDGE), width - 1)]


_EDGE = 1e-10  # pixels by which GDAL lets a place lie beyond a border, for the sake of rounding


@numba.njit(nogil=True, cache=True, inline="always")
def _is_inside(row: float, col: float, height: int, width: int) -> bool:
    # of a place that isn't finite no comparison holds
    return row >= 0 and col >= 0 and row + _EDGE <= height and col + _EDGE <= width


@numba.njit(nogil=True, cache=True)
def interpolated(
    source: npt.NDArray[np.integer],
    rows: npt.NDArray[np.float64],
    cols: npt.NDArray[np.float64],
    out: npt.NDArray[np.integer],
    cubic: bool,
    nodata: int,
    lowest: float,
    highest: float,
) -> None:
    """Fill `out` (n,) with what `source` (rows, columns; integers) has at each place; `nodata` where its pixel has no data.

    `rows` and `cols` are in pixels from the corner of `source`, whose edges count as those of the image. Numbers are rounded, a
    half upwards, and kept between `lowest` and `highest`; `nodata` never arises from pixels with data.
    """
    height, width = source.shape
    across, down = np.empty(4), np.empty(4)
    for i in range(out.size):
        row, col = rows[i], cols[i]
        if not _is_inside(row, col, height, width):
            out[i] = nodata
            continue
        # nothing is invented where the pixel itself has no data
        if source[min(int(row + _EDGE), height - 1), min(int(col + _EDGE), width - 1)] == nodata:
            out[i] = nodata
            continue
        r, c = int(row - 0.5), int(col - 0.5)
        if cubic and 1 <= r <= height - 3 and 1 <= c <= width - 3:
            _keys(col - 0.5 - c, across)
            _keys(row - 0.5 - r, down)
            value, hole = 0.0, False
            for k in range(4):
                a, b = source[r - 1 + k, c - 1], source[r - 1 + k, c]
                d, e = source[r - 1 + k, c + 1], source[r - 1 + k, c + 2]
                hole |= (a == nodata) | (b == nodata) | (d == nodata) | (e == nodata)
                value += down[k] * (across[0] * a + across[1] * b + across[2] * d + across[3] * e)
            if not hole:
                out[i] = _digital_number(value, nodata, lowest, highest)
                continue
        weight, value = _bilinear(source, row, col, nodata)
        out[i] = _digital_number(value / weight, nodata, lowest, highest)


@numba.njit(nogil=True, cache=True, inline="always")
def _keys(t: float, weights: npt.NDArray[np.float64]) -> None:
    """Weights of the four pixels around a place that lies by `t` behind the second one."""
    half = 0.5 * t
    weights[0] = half * (-1 + t * (2 - t))
    weights[1] = 1 + half * t * (-5 + 3 * t)
    weights[2] = half * (1 + t * (4 - 3 * t))
    weights[3] = half * t * (-1 + t)


@numba.njit(nogil=True, cache=True)
def _bilinear(source: npt.NDArray[np.integer], row: float, col: float, nodata: int) -> tuple[float, float]:
    """The weights of those of the 2 x 2 pixels around a place that have data, and the sum of these so weighted."""
    height, width = source.shape
    r, c = int(np.floor(row - 0.5)), int(np.floor(col - 0.5))
    lower, right = row - 0.5 - r, col - 0.5 - c
    weight = value = 0.0
    for i in range(2):
        for j in range(2):
            if 0 <= r + i < height and 0 <= c + j < width and source[r + i, c + j] != nodata:
                own = (lower if i else 1 - lower) * (right if j else 1 - right)
                weight += own
                value += own * source[r + i, c + j]
    return weight, value


@numba.njit(nogil=True, cache=True, inline="always")
def _digital_number(value: float, nodata: int, lowest: float, highest: float) -> int:
    number = int(min(max(np.floor(value + 0.5), lowest), highest))
    if number != nodata:
        return number
    return number - 1 if number > lowest else number + 1
