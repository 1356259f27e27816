"""Reading the series of chosen pixels of one chunk (floor 2: files, no Spark)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import Window
from sitspark.kernels.series import PixelSeries
from sitspark.scenes.cube import Cube
from sitspark.scenes.points import Points
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading


@dataclass(frozen=True, slots=True)
class RawPixels:
    """Some pixels as they are read.

    The series of each sensor, the static layers, float32 (pixels, layers), and what the user's own functions give for what is
    around them, float32 (pixels, features): none where these take each pixel by itself.
    """

    series: tuple[PixelSeries, ...]
    static: npt.NDArray[np.float32]
    custom: npt.NDArray[np.float32]


def read_pixels(
    scenes: Mapping[str, Sequence[Scene]],
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    reading: Reading,
    recipe: Recipe,
    *,
    window: Window,
    tile: str,
) -> RawPixels:
    """Read the pixels at (rows, cols) of the output grid in a window (a chunk) that `tile` owns.

    Only the blocks that hold them are decoded; with a padding, all that it reaches around them.
    """
    if not recipe.padding:
        series, static = reading.points(scenes, window, Points(rows - window.row, cols - window.col), tile=tile)
        return RawPixels(series, static, np.zeros((len(rows), 0), np.float32))
    around = Window(int(rows.min()), int(cols.min()), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
    parts = reading.around(scenes, around, tile=tile)
    own = parts[0]
    row, col = rows - own.window.row, cols - own.window.col
    custom = recipe.custom_of(parts, around, reading.grid)[:, rows - around.row, cols - around.col]
    return RawPixels(
        tuple(_series(cube, row, col) for cube in own.stack.cubes),
        np.ascontiguousarray(own.stack.static[:, row, col].T),
        np.ascontiguousarray(custom.T),
    )


def _series(cube: Cube, row: npt.NDArray[np.int64], col: npt.NDArray[np.int64]) -> PixelSeries:
    """The series at some places of a cube."""
    return PixelSeries(
        np.ascontiguousarray(cube.reflectance[:, :, row, col].transpose(2, 0, 1)),
        np.ascontiguousarray(cube.valid[:, row, col].T),
        cube.days[None] if cube.pixel_days is None else np.ascontiguousarray(cube.pixel_days[:, row, col].T),
    )
