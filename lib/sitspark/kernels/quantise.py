"""From float32 to eight bits."""

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
