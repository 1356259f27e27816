"""Reading the series of chosen pixels of one chunk (floor 2: files, no Spark)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid, Window
from sitspark.scenes.cube import Cube, read_cube
from sitspark.scenes.product import Layout, Scene
from sitspark.scenes.region import Region


@dataclass(frozen=True, slots=True)
class PixelSeries:
    """Raw series of some pixels: reflectance int16 (pixels, dates, bands), valid uint8 (pixels, dates), days int32."""

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.uint8]
    days: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Reading:
    """How imagery is read, for samples and maps alike.

    With a `region`, in the CRS of the grid, pixels outside it are never valid. `merged`: where tiles overlap all
    acquisitions count alike; else those of the owner of a chunk come first.
    """

    layout: Layout
    bands: tuple[str, ...]
    interpolator: str
    grid: Grid
    merged: bool = False
    region: Region | None = None

    def cube(self, scenes: Sequence[Scene], window: Window, *, tile: str) -> Cube:
        """The cube of a window of the output grid that `tile` owns."""
        grid = self.grid.cropped(window)
        return read_cube(
            scenes,
            grid,
            layout=self.layout,
            bands=self.bands,
            interpolator=self.interpolator,
            owner=None if self.merged else tile,
            within=self.region.pixels(grid) if self.region else None,
        )


def read_series(
    scenes: Sequence[Scene], rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64], reading: Reading, *, tile: str
) -> PixelSeries:
    """Read the pixels at (rows, cols) of the output grid, which `tile` owns; only the window around them is decoded."""
    window = Window(int(rows.min()), int(cols.min()), int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
    cube = reading.cube(scenes, window, tile=tile)
    row, col = rows - window.row, cols - window.col
    return PixelSeries(
        np.ascontiguousarray(cube.reflectance[:, :, row, col].transpose(2, 0, 1)),
        np.ascontiguousarray(cube.valid[:, row, col].T),
        cube.days,
    )
