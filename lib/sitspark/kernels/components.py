"""Connected components of a map of classes: pixels of one class that meet along an edge (4 neighbours)."""

import numba
import numpy as np
import numpy.typing as npt


@numba.njit(nogil=True, cache=True)
def components(classes: npt.NDArray[np.unsignedinteger]) -> tuple[npt.NDArray[np.int32], int]:
    """Number the components of `classes` (rows, columns; 0 belongs to none) from 1, in the order of their first pixels.

    Gives the numbers, int32 (rows, columns), 0 where there is no class, and how many there are.
    """
    rows, cols = classes.shape
    labels = np.zeros((rows, cols), np.int32)
    parent = np.zeros(rows * cols + 1, np.int32)
    count = 0
    for r in range(rows):
        for c in range(cols):
            own = classes[r, c]
            if own == 0:
                continue
            above = _root(parent, labels[r - 1, c]) if r > 0 and classes[r - 1, c] == own else 0
            left = _root(parent, labels[r, c - 1]) if c > 0 and classes[r, c - 1] == own else 0
            if above and left:
                label = min(above, left)
                parent[max(above, left)] = label
            elif above or left:
                label = above + left
            else:
                count += 1
                label = count
                parent[count] = count
            labels[r, c] = label
    # a parent is never larger: one pass in order numbers the roots, and gives the others theirs
    roots = 0
    for label in range(1, count + 1):
        if parent[label] == label:
            roots += 1
            parent[label] = roots
        else:
            parent[label] = parent[parent[label]]
    for r in range(rows):
        for c in range(cols):
            labels[r, c] = parent[labels[r, c]]
    return labels, roots


@numba.njit(nogil=True, cache=True)
def _root(parent: npt.NDArray[np.int32], label: int) -> int:
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label
