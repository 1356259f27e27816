"""Reading the series of chosen pixels of one chunk (floor 2: files, no Spark)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid, Window
from sitspark.scenes.cube import read_cube
from sitspark.scenes.product import Layout, Scene


@dataclass(frozen=True, slots=True)
class PixelSeries:
    """Raw series of some pixels: reflectance int16 (pixels, dates, bands), valid uint8 (pixels, dates), days int32."""

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.uint8]
    days: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reading:
    """How imagery is read, for samples and maps alike."""

    layout: Layout
    bands: tuple[str, ...]
    interpolator: str
    grid: Grid


def read_series(
    scenes: Sequence[Scene], rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64], reading: Reading
) -> PixelSeries:
    """Read the pixels at (rows, cols) of the output grid; only the window around them is decoded."""
    window = Window(int(rows.min()), int(cols.min()), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
    cube = read_cube(
        scenes,
        reading.grid.cropped(window),
        layout=reading.layout,
        bands=reading.bands,
        interpolator=reading.interpolator,
    )
    row, col = rows - window.row, cols - window.col
    return PixelSeries(
        np.ascontiguousarray(cube.reflectance[:, :, row, col].transpose(2, 0, 1)),
        np.ascontiguousarray(cube.valid[:, row, col].T),
        cube.days,
    )
