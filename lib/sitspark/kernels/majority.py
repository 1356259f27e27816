"""The majority filter of a map of classes, class-aware: only classes of one group replace each other."""

import numba
import numpy as np
import numpy.typing as npt


def majority(
    classes: npt.NDArray[np.uint16], group: npt.NDArray[np.int64], radius: npt.NDArray[np.int64], passes: int
) -> npt.NDArray[np.uint16]:
    """Give each pixel the class that is alone the most frequent of its group in the square around it, and pass again.

    `classes` (rows, columns) are positions from 1; 0 takes no part and stays. `group` and `radius` (pixels) have an entry a
    position, that of 0 unused. Where several classes are equally frequent the pixel stays. Each pass reads the one before:
    a pixel hangs on those within the largest radius times `passes`, and on no others.
    """
    for _ in range(passes):
        filtered = classes.copy()
        for side in np.unique(radius[1:]):
            if side > 0:
                _one_pass(classes, group, radius, side, filtered)
        classes = filtered
    return classes


@numba.njit(nogil=True, cache=True)
def _one_pass(
    classes: npt.NDArray[np.uint16],
    group: npt.NDArray[np.int64],
    radius: npt.NDArray[np.int64],
    side: int,
    filtered: npt.NDArray[np.uint16],
) -> None:
    """Filter the pixels of the classes whose radius is `side`; the counts of the square move along each row."""
    rows, cols = classes.shape
    counts = np.zeros(group.size, np.int64)
    area = (2 * side + 1) ** 2
    for r in range(rows):
        top, stop = max(r - side, 0), min(r + side + 1, rows)
        counts[:] = 0
        for c in range(-side, cols):
            if c + side < cols:
                for y in range(top, stop):
                    counts[classes[y, c + side]] += 1
            if c - side - 1 >= 0:
                for y in range(top, stop):
                    counts[classes[y, c - side - 1]] -= 1
            if c < 0:
                continue
            own = classes[r, c]
            # with half of the square nothing is more frequent
            if own == 0 or radius[own] != side or 2 * counts[own] >= area:
                continue
            most, best, alone = counts[own], own, True
            for other in range(1, group.size):
                if other == own or group[other] != group[own]:
                    continue
                if counts[other] > most:
                    most, best, alone = counts[other], other, True
                elif counts[other] == most:
                    alone = False
            if alone:
                filtered[r, c] = best
