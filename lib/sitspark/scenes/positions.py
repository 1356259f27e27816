"""Where the centres of a grid's pixels lie in another CRS, by exact places on a lattice and cubic polynomials in between.

A projection is so smooth that over 32 pixels this differs from the exact places by a thousand millionth of a pixel; where it
isn't, as with datum shifts by grids, all places are exact.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid
from sitspark.kernels.warp import between_nodes
from sitspark.scenes.outline import transformer_of

Places = npt.NDArray[np.float64]

_STEP = 32  # pixels between nodes
_TRIED = 7  # places along each side that are looked at exactly
_SLIGHT = 1e-5  # pixels by which places between nodes may be off: no digital number shows it
BYTES = 2 * np.dtype(np.float64).itemsize  # that a pixel's centre takes


@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Coordinates in some CRS, float64 (rows, columns)."""

    x: Places
    y: Places


@functools.lru_cache(maxsize=2)  # all files of a chunk have one CRS, or two
def centres_in(crs: str, grid: Grid) -> Centres:
    """The centres of the pixels of a grid in a CRS; not finite where it doesn't reach.

    A centre is the same, to the bit, on each window of a grid.
    """
    x = np.float64(grid.left) + (np.arange(grid.width) + 0.5) * grid.resolution
    y = np.float64(grid.top) - (np.arange(grid.height) + 0.5) * grid.resolution
    if crs == grid.crs:
        return Centres(*(np.ascontiguousarray(values) for values in np.meshgrid(x, y)))
    step = np.float64(_STEP * grid.resolution)
    # nodes are at multiples of the step, whatever the window
    on_rows, on_cols = -y / step, x / step
    first_row, first_col = int(np.floor(on_rows[0])) - 1, int(np.floor(on_cols[0])) - 1
    down = -step * np.arange(first_row, int(np.floor(on_rows[-1])) + 3)
    across = step * np.arange(first_col, int(np.floor(on_cols[-1])) + 3)
    nodes = _moved(across, down, grid.crs, crs)
    found = Centres(np.empty((grid.height, grid.width)), np.empty((grid.height, grid.width)))
    for of_nodes, of_centres in zip((nodes.x, nodes.y), (found.x, found.y), strict=True):
        between_nodes(of_nodes, on_rows - first_row, on_cols - first_col, of_centres)
    # a pixel's size there
    size = float(np.hypot(np.diff(nodes.x, axis=1), np.diff(nodes.y, axis=1)).max() / _STEP)
    rows, cols = (np.unique(np.linspace(0, length - 1, _TRIED).astype(int)) for length in (grid.height, grid.width))
    exact, place = _moved(x[cols], y[rows], grid.crs, crs), np.ix_(rows, cols)
    off = np.hypot(exact.x - found.x[place], exact.y - found.y[place])
    return found if (off <= _SLIGHT * size).all() else _moved(x, y, grid.crs, crs)


def _moved(x: Places, y: Places, source: str, target: str) -> Centres:
    """All points of columns at `x` and rows at `y` in another CRS."""
    columns, rows = np.meshgrid(x, y)
    return Centres(*transformer_of(source, target).transform(columns, rows))
