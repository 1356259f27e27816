"""Undoing TIFF's horizontal differencing (TIFF 6.0, section 14: predictor 2)."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def undo_differences(block: npt.NDArray[np.generic], first_row: int, first_col: int, out: npt.NDArray[np.generic]) -> None:
    """Fill `out` (rows, columns) with the pixels of `block` from (first_row, first_col) on.

    Of `block` (rows, columns; of the integer type of `out`) each row holds its first pixel and then the differences of
    neighbours, modulo the range of the type.
    """
    rows, cols = out.shape
    # four rows together: one alone would wait for each of its sums
    for row in range(0, rows - 3, 4):
        at = first_row + row
        a = b = c = d = 0
        for col in range(first_col):
            a += block[at, col]
            b += block[at + 1, col]
            c += block[at + 2, col]
            d += block[at + 3, col]
        for col in range(cols):
            a += block[at, first_col + col]
            b += block[at + 1, first_col + col]
            c += block[at + 2, first_col + col]
            d += block[at + 3, first_col + col]
            out[row, col] = a
            out[row + 1, col] = b
            out[row + 2, col] = c
            out[row + 3, col] = d
    for row in range(rows // 4 * 4, rows):
        a = 0
        for col in range(first_col):
            a += block[first_row + row, col]
        for col in range(cols):
            a += block[first_row + row, first_col + col]
            out[row, col] = a
