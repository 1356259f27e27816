"""From a product's masks and nodata to one validity mask: 1 = usable, 0 = cloud, shadow, edge, saturated or no data."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def all_zero(mask: npt.NDArray[np.unsignedinteger], valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` (uint8, rows x columns) wherever any bit of `mask` is set: the rule of Theia's CLM, SAT and EDG."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if mask[r, c] != 0:
                valid[r, c] = 0


@numba.njit(nogil=True, cache=True)
def any_bits(mask: npt.NDArray[np.unsignedinteger], bits: int, valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` wherever `mask` has one of `bits` set."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if mask[r, c] & bits:
                valid[r, c] = 0


@numba.njit(nogil=True, cache=True)
def nodata(bands: npt.NDArray[np.int16], value: int, valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` (rows x columns) wherever one of the bands (bands, rows, columns) holds no data."""
    count, rows, cols = bands.shape
    for b in range(count):
        for r in range(rows):
            for c in range(cols):
                if bands[b, r, c] == value:
                    valid[r, c] = 0
