"""From float32 to fewer bits."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True, error_model="numpy")
def quantise(
    values: npt.NDArray[np.float32],
    scale: npt.NDArray[np.float32],
    shift: npt.NDArray[np.float32],
    out: npt.NDArray[np.uint8],
) -> None:
    """Write `values` x `scale` + `shift`, rounded and bounded to 0-255, into `out`.

    `values` and `out` are (rows, columns), `scale` and `shift` (columns,).
    """
    for r in range(values.shape[0]):
        row, line = values[r], out[r]
        for c in range(row.shape[0]):
            # a half more and cut off is rounded, as nothing is below 0
            number = row[c] * scale[c] + (shift[c] + np.float32(0.5))
            line[c] = np.uint8(np.int32(min(max(number, np.float32(0)), np.float32(255))))


@numba.njit(nogil=True, cache=True)
def to_bfloat16(
    values: npt.NDArray[np.float32],
    scale: npt.NDArray[np.float32],
    shift: npt.NDArray[np.float32],
    out: npt.NDArray[np.uint16],
) -> None:
    """Write the bits of `values` x `scale` + `shift` as bfloat16 into `out`: the upper half of float32, rounded to even.

    `values` and `out` are (rows, columns), `scale` and `shift` (columns,). NaN stays NaN.
    """
    number = np.empty(values.shape[1], np.float32)
    bits = number.view(np.uint32)
    for r in range(values.shape[0]):
        row, line = values[r], out[r]
        for c in range(row.shape[0]):
            number[c] = row[c] * scale[c] + shift[c]
        for c in range(row.shape[0]):
            whole = bits[c]
            # NaN has all bits of the exponent, and one below
            unknown = (whole & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000)
            rounded = (whole + np.uint32(0x7FFF) + ((whole >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
            line[c] = np.uint16(0x7FC0) if unknown else np.uint16(rounded)
