"""Reading the raster of a map block by block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from sitspark.errors import SitsparkError
from sitspark.grid import Window
from sitspark.maps.mosaic import raster_window


def blocks(window: Window, side: int) -> Iterator[Window]:
    """A window in squares of `side` pixels, row by row; those at its right and bottom may be smaller."""
    for row in range(window.row, window.stop_row, side):
        for col in range(window.col, window.stop_col, side):
            yield Window(row, col, min(side, window.stop_row - row), min(side, window.stop_col - col))


@contextmanager
def opened(path: Path) -> Iterator[DatasetReader]:
    """A raster of a map; raises SitsparkError with the path where it can't be opened."""
    try:
        source = rasterio.open(path)
    except RasterioError as error:
        raise _unreadable(path, error) from None
    with source:
        yield source


def read(source: DatasetReader, window: Window) -> npt.NDArray[np.unsignedinteger[Any]]:
    """The pixels of a window (bands, rows, columns); raises SitsparkError with the path where they can't be read."""
    try:
        pixels: npt.NDArray[np.unsignedinteger[Any]] = source.read(window=raster_window(window))
        return pixels
    except RasterioError as error:
        raise _unreadable(Path(source.name), error) from None


def _unreadable(path: Path, error: RasterioError) -> SitsparkError:
    return SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew")
