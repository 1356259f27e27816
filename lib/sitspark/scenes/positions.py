"""Where the centres of a grid's pixels lie in another CRS, by exact places on a lattice and cubic polynomials in between.

A projection is so smooth that over 32 pixels of 10 m this differs from the exact places by a thousand millionth of a pixel,
over those of 1 km by a millionth. Where it isn't so smooth, as with datum shifts by grids, or where longitudes jump, all places
are exact.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid, whole_and_rest
from sitspark.kernels.lattice import between_nodes
from sitspark.scenes.outline import transformer_of

Places = npt.NDArray[np.float64]

_STEP = 32  # pixels between nodes
_SLIGHT = 1e-5  # pixels by which places between nodes may be off: by a hundredth of a digital number
_DIGITS = 8  # of the part of a pixel by which a grid lies beside the origin: windows are given so exactly
BYTES = 2 * np.dtype(np.float64).itemsize  # that a pixel's centre takes


@dataclass(frozen=True, slots=True, eq=False)
class Centres:
    """Coordinates in some CRS, float64 (rows, columns)."""

    x: Places
    y: Places


@dataclass(frozen=True, slots=True)
class Axes:
    """Rows and columns of a grid in pixels from the origin of its CRS: centres float64 (n,), and the part of one beside it.

    The centres of a window are those of the whole grid, to the bit.
    """

    rows: Places
    cols: Places
    below: float
    right: float

    @staticmethod
    def of(grid: Grid) -> "Axes":
        """Those of a grid, or of a window of it."""
        row0, below = whole_and_rest(-grid.top / grid.resolution, digits=_DIGITS)
        col0, right = whole_and_rest(grid.left / grid.resolution, digits=_DIGITS)
        rows, cols = np.arange(grid.height, dtype=np.float64), np.arange(grid.width, dtype=np.float64)
        return Axes(rows + (row0 + 0.5), cols + (col0 + 0.5), below, right)


@functools.lru_cache(maxsize=2)  # all files of a chunk have one CRS, or two
def centres_in(crs: str, grid: Grid) -> Centres:
    """The centres of the pixels of a grid in another CRS; not finite where it doesn't reach.

    Where the way between both is smooth a centre is the same, to the bit, on each window of a grid.
    """
    axes, size = Axes.of(grid), grid.resolution

    def moved(rows: Places, cols: Places) -> Centres:
        columns, lines = np.meshgrid((cols + axes.right) * size, -(rows + axes.below) * size)
        return Centres(*transformer_of(grid.crs, crs).transform(columns, lines))

    # a power of two: places on the lattice are exact
    on_rows, on_cols = axes.rows / _STEP, axes.cols / _STEP
    rows, cols = _nodes(on_rows), _nodes(on_cols)
    nodes = moved(_STEP * rows, _STEP * cols)
    if np.isfinite(nodes.x).all() and np.isfinite(nodes.y).all():
        # the middle of each of the squares in which there are pixels
        middles = rows[1:-2] + 0.5, cols[1:-2] + 0.5
        exact, found = moved(_STEP * middles[0], _STEP * middles[1]), _between(nodes, *middles, rows[0], cols[0])
        width = float(np.median(np.hypot(np.diff(nodes.x, axis=1), np.diff(nodes.y, axis=1))))
        if (np.hypot(exact.x - found.x, exact.y - found.y) <= _SLIGHT * width / _STEP).all():
            return _between(nodes, on_rows, on_cols, rows[0], cols[0])
    return moved(axes.rows, axes.cols)


def _nodes(places: Places) -> Places:
    """The nodes of a lattice around places along one axis, two beyond them to either side."""
    return np.arange(np.floor(places[0]) - 1, np.floor(places[-1]) + 3)


def _between(nodes: Centres, rows: Places, cols: Places, first_row: float, first_col: float) -> Centres:
    found = Centres(np.empty((len(rows), len(cols))), np.empty((len(rows), len(cols))))
    for of_nodes, out in ((nodes.x, found.x), (nodes.y, found.y)):
        between_nodes(of_nodes, rows - first_row, cols - first_col, out)
    return found
