"""Values between the nodes of a lattice, by cubic polynomials."""

import numba
import numpy as np
import numpy.typing as npt

_LATTICE = 4  # nodes of a cubic polynomial


@numba.njit(nogil=True, cache=True)
def between_nodes(
    nodes: npt.NDArray[np.float64],
    rows: npt.NDArray[np.float64],
    cols: npt.NDArray[np.float64],
    out: npt.NDArray[np.float64],
) -> None:
    """Fill `out` (rows, columns) with values between those of a lattice of nodes, by cubic polynomials along both axes.

    `rows` and `cols`, float64, are places on the lattice, in steps from its first node; two nodes lie to either side of each.
    A value follows from its place and the sixteen nodes around alone, to the bit.
    """
    across = np.empty((cols.size, _LATTICE))
    for c in range(cols.size):
        _polynomial(cols[c] - np.floor(cols[c]), across[c])
    down, line = np.empty(_LATTICE), np.empty(nodes.shape[1])
    for r in range(rows.size):
        first = int(np.floor(rows[r])) - 1
        _polynomial(rows[r] - np.floor(rows[r]), down)
        for k in range(nodes.shape[1]):
            line[k] = (down[0] * nodes[first, k] + down[1] * nodes[first + 1, k]) + (
                down[2] * nodes[first + 2, k] + down[3] * nodes[first + 3, k]
            )
        for c in range(cols.size):
            left = int(np.floor(cols[c])) - 1
            weights = across[c]
            out[r, c] = (weights[0] * line[left] + weights[1] * line[left + 1]) + (
                weights[2] * line[left + 2] + weights[3] * line[left + 3]
            )


@numba.njit(nogil=True, cache=True, inline="always")
def _polynomial(t: float, weights: npt.NDArray[np.float64]) -> None:
    """Lagrange's weights of the nodes at -1, 0, 1, 2 for a place from 0 to 1."""
    weights[0] = -t * (t - 1) * (t - 2) / 6
    weights[1] = (t + 1) * (t - 1) * (t - 2) / 2
    weights[2] = -(t + 1) * t * (t - 2) / 2
    weights[3] = (t + 1) * t * (t - 1) / 6
