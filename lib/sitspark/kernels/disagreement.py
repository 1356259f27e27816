"""How many classes several maps give to a pixel."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def count_classes(maps: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.uint8]:
    """The number of different codes at each pixel, uint8 (rows, columns), of maps (maps, rows, columns); 0 is no code."""
    count, rows, cols = maps.shape
    found = np.zeros((rows, cols), np.uint8)
    for row in range(rows):
        for col in range(cols):
            for one in range(count):
                code = maps[one, row, col]
                if code == 0:
                    continue
                known = False
                for before in range(one):
                    known = known or maps[before, row, col] == code
                if not known:
                    found[row, col] += 1
    return found
