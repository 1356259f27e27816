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
def listed(mask: npt.NDArray[np.integer], excluded: npt.NDArray[np.bool_], valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` wherever `excluded` (one entry a value of `mask`) says so; values beyond its ends stay."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if 0 <= mask[r, c] < excluded.size and excluded[mask[r, c]]:
                valid[r, c] = 0


@numba.njit(nogil=True, cache=True)
def unlisted(mask: npt.NDArray[np.integer], accepted: npt.NDArray[np.bool_], valid: npt.NDArray[np.uint8]) -> None:
    """Clear `valid` wherever `accepted` (one entry a value of `mask`) doesn't say so; values beyond its ends are cleared."""
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if not (0 <= mask[r, c] < accepted.size and accepted[mask[r, c]]):
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
