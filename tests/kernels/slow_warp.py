"""Interpolation between pixels as its definition reads, place by place."""

import numpy as np

NODATA = -10_000


def keys(distance: float) -> float:
    """Cubic convolution (Keys 1981, equation 15, a = -1/2)."""
    s = abs(distance)
    if s < 1:
        return 1.5 * s**3 - 2.5 * s**2 + 1
    return -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2 if s < 2 else 0.0


def tent(distance: float) -> float:
    return max(1 - abs(distance), 0.0)


def slow(source: np.ndarray, row: float, col: float, *, cubic: bool) -> float | None:
    """The value at a place, in pixels from the corner; None where there is none, as on the far borders."""
    height, width = source.shape
    if not (0 <= row < height and 0 <= col < width):
        return None
    if source[int(row), int(col)] == NODATA:
        return None
    if cubic:
        rows, cols = ([int(np.floor(at - 0.5)) + k for k in (-1, 0, 1, 2)] for at in (row, col))
        if rows[0] >= 0 and cols[0] >= 0 and rows[-1] < height and cols[-1] < width:
            around = source[np.ix_(rows, cols)]
            if (around != NODATA).all():
                return sum(keys(row - 0.5 - r) * keys(col - 0.5 - c) * float(source[r, c]) for r in rows for c in cols)
    weight = value = 0.0
    for r in range(height):
        for c in range(width):
            own = tent(row - 0.5 - r) * tent(col - 0.5 - c)
            if source[r, c] != NODATA:
                weight, value = weight + own, value + own * float(source[r, c])
    return value / weight
