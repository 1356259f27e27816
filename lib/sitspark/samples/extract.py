"""Reading the series of chosen pixels of one chunk (floor 2: files, no Spark)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Window
from sitspark.kernels.features import PixelSeries
from sitspark.scenes.cube import Cube
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading


@dataclass(frozen=True, slots=True)
class RawPixels:
    """Some pixels as they are read: the series of each sensor, and the static layers, float32 (pixels, layers)."""

    series: tuple[PixelSeries, ...]
    static: npt.NDArray[np.float32]


def read_pixels(
    scenes: Mapping[str, Sequence[Scene]],
    rows: npt.NDArray[np.int64],
    cols: npt.NDArray[np.int64],
    reading: Reading,
    *,
    tile: str,
) -> RawPixels:
    """Read the pixels at (rows, cols) of the output grid, which `tile` owns; only the window around them is decoded."""
    window = Window(int(rows.min()), int(cols.min()), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
    stack = reading.stack(scenes, window, tile=tile)
    row, col = rows - window.row, cols - window.col
    return RawPixels(tuple(_series(cube, row, col) for cube in stack.cubes), np.ascontiguousarray(stack.static[:, row, col].T))


def _series(cube: Cube, row: npt.NDArray[np.int64], col: npt.NDArray[np.int64]) -> PixelSeries:
    """The series at some places of a cube."""
    return PixelSeries(
        np.ascontiguousarray(cube.reflectance[:, :, row, col].transpose(2, 0, 1)),
        np.ascontiguousarray(cube.valid[:, row, col].T),
        cube.days[None] if cube.pixel_days is None else np.ascontiguousarray(cube.pixel_days[:, row, col].T),
    )
