"""Where the pixels of a grid lie in a file of other pixels, and what the file has there."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid, Window
from sitspark.kernels.warp import interpolated, nearest
from sitspark.scenes import positions
from sitspark.scenes.gdal_warp import resolution_of
from sitspark.scenes.points import Points
from sitspark.scenes.positions import Axes, Places, centres_in
from sitspark.scenes.product import Asset, Scene

SUPPORT = 2  # pixels that cubic interpolation reaches to either side
_KINDS = 6  # of files, by CRS and pixels, whose places are kept: two pixel sizes where three tiles meet
_SAME_SIZE = 0.95  # of a pixel: from here on GDAL too takes 4 x 4, or 2 x 2


@dataclass(frozen=True, slots=True, eq=False)
class Crossing:
    """Where the centres of a grid, or some of them, lie in a file of other pixels: places float64 (n,).

    They are in pixels from the corner of `window` on, which is of the file: all pixels that the places reach.
    """

    window: Window
    rows: Places
    cols: Places

    @staticmethod
    def of(rows: Places, cols: Places, source: Grid) -> "Crossing":
        """Of places (n,) in pixels from the corner of the file, whose grid is `source`."""
        known = np.isfinite(rows) & np.isfinite(cols)
        if not known.any():
            return Crossing(Window(0, 0, 0, 0), rows, cols)
        (top, bottom), (left, right) = (
            (int(np.floor(places[known].min())), int(np.floor(places[known].max())) + 1) for places in (rows, cols)
        )
        window = Window(top, left, bottom - top, right - left).grown(SUPPORT).intersection(source.window)
        # a whole number taken off leaves all bits of the fraction
        return Crossing(window, rows - window.row, cols - window.col)

    def interpolate(self, stored: npt.NDArray[np.generic], kind: str, *, nodata: float, out: npt.NDArray[np.generic]) -> None:
        """Fill `out` (n,) with what the file has at each place, `nodata` where it has nothing.

        `stored` are the pixels of `window`, `kind` is nearest, bilinear or cubic.
        """
        if kind == "nearest":
            nearest(stored, self.rows, self.cols, out, float(nodata))
            return
        limits = np.iinfo(stored.dtype)  # type: ignore[type-var]  # integers: `crossing` looked
        lowest, highest = float(limits.min), float(limits.max)
        interpolated(stored, self.rows, self.cols, out, kind == "cubic", int(nodata), lowest, highest)  # type: ignore[arg-type]


def crossing_bytes(scenes: Sequence[Scene], grid: Grid, crossed: Callable[[Scene, Asset], bool]) -> int:
    """The memory for where a grid's pixels lie in files of other pixels, and in their CRSs; 0 where no file is `crossed`."""
    # on all dates there are the same few kinds of files
    kinds = {(scene.crs, asset.transform): (scene, asset) for scene in scenes for asset in scene.assets}
    own = [scene.crs for scene, asset in kinds.values() if crossed(scene, asset)]
    # and twice as much while those of a kind are found
    places = min(len(own), _KINDS) + min(len(set(own)), 2) + 2
    return places * positions.BYTES * grid.window.pixels if own else 0


def crossing(scene: Scene, asset: Asset, grid: Grid, *, nodata: float, points: Points | None = None) -> Crossing | None:
    """Where a grid, or points of it, lie in a file; None for a file that GDAL has to warp.

    That are files of floating-point numbers, those whose type can't hold `nodata`, those that don't lie north up, and those of
    smaller pixels than the grid's: of them more than 4 x 4 have to be averaged, and many be read for a chunk.
    """
    source = asset.grid(scene.crs)
    if source is None or not _holds(asset.dtype, nodata):
        return None
    if resolution_of(scene, asset, grid.crs) < _SAME_SIZE * grid.resolution:
        return None
    return _crossing(source, grid, points)


def _holds(dtype: str, value: float) -> bool:
    """Whether a value is a number of an integer type."""
    if not np.issubdtype(dtype, np.integer):
        return False
    limits = np.iinfo(dtype)
    return float(value).is_integer() and limits.min <= value <= limits.max


@functools.lru_cache(maxsize=_KINDS)  # on all dates, the files of one pixel size have those of a chunk alike
def _crossing(source: Grid, grid: Grid, points: Points | None) -> Crossing:
    place = np.s_[:, :] if points is None else (points.rows, points.cols)
    if source.crs == grid.crs:
        rows, cols = _places_beside(source, grid)
        lines, columns = np.meshgrid(rows, cols, indexing="ij")
        return Crossing.of(lines[place].ravel(), columns[place].ravel(), source)
    centres = centres_in(source.crs, grid)
    x, y = centres.x[place].ravel(), centres.y[place].ravel()
    return Crossing.of((source.top - y) / source.resolution, (x - source.left) / source.resolution, source)


def _places_beside(source: Grid, grid: Grid) -> tuple[Places, Places]:
    """The rows and columns of a grid in pixels from the corner of a file in the same CRS.

    They are found in pixels, not in metres or degrees: half a pixel stays half a pixel, whatever the window, and a mean of two
    numbers is rounded alike everywhere.
    """
    axes, own = Axes.of(grid), Axes.of(source)
    times = grid.resolution / source.resolution
    rows = (axes.rows + axes.below) * times - (own.rows[0] - 0.5 + own.below)
    return rows, (axes.cols + axes.right) * times - (own.cols[0] - 0.5 + own.right)
