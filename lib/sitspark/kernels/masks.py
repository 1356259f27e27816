"""From a product's masks and nodata to one validity mask: 1 = usable, 0 = cloud, shadow, edge, saturated or no data."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def any_bits(mask: npt.NDArray[np.integer], bits: int, valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` wherever `mask` has one of `bits` set."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if mask[r, c] & bits:
                valid[r, c] = 0


@numba.njit(nogil=True, cache=True)
def listed(mask: npt.NDArray[np.integer], excluded: npt.NDArray[np.bool_], others: bool, valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` wherever `excluded` (one entry a value of `mask`) says so; `others` says it of values beyond its ends."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            value = mask[r, c]
            if excluded[value] if 0 <= value < excluded.size else others:
                valid[r, c] = 0


def nodata(bands: npt.NDArray[np.int16], value: int, valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` (rows x columns) wherever one of the bands (bands, rows, columns) holds no data."""
    # of one type with the pixels, so that comparisons fill a vector register
    _nodata(bands, np.int16(value), valid)


@numba.njit(nogil=True, cache=True)
def _nodata(bands: npt.NDArray[np.int16], value: np.int16, valid: npt.NDArray[np.uint8]) -> None:
    count, rows, cols = bands.shape
    for b in range(count):
        for r in range(rows):
            # most lines miss nothing, and are only looked at
            missing = False
            for c in range(cols):
                missing |= bands[b, r, c] == value
            if missing:
                for c in range(cols):
                    if bands[b, r, c] == value:
                        valid[r, c] = 0
