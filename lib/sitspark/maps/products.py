"""The products of a map, and the small GeoTIFF that each chunk gives of each."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from sitspark.atomic import publish
from sitspark.errors import SitsparkError
from sitspark.grid import Grid

_BLOCK = 256  # pixels; the side of the tiles inside a chunk's file


@dataclass(frozen=True, slots=True)
class Product:
    """One raster of a map: its name, data type, nodata (None: every value counts) and how overviews are made."""

    name: str
    title: str
    dtype: str
    nodata: int | None
    overview_resampling: str


def classification(codes: Iterable[int]) -> Product:
    """Class codes, uint8 where they fit, else uint16; 0 = not classified = nodata, as in iota2."""
    dtype = "uint8" if max(codes, default=0) <= 255 else "uint16"
    return Product("classification", "Land cover", dtype, 0, "mode")


# 0 outside the map, as in iota2; the chosen of fewer than 200 classes never has a probability that rounds to 0
CONFIDENCE = Product("confidence", "Probability of the chosen class (%)", "uint8", 0, "average")
VALIDITY = Product("validity", "Number of clear acquisition dates", "uint16", None, "average")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A published file: its name within its folder, the SHA-256 of its bytes, and how many there are."""

    name: str
    sha256: str
    bytes: int


def write_chunk(path: Path, array: npt.NDArray[np.generic], grid: Grid, product: Product) -> WrittenFile:
    """Write `array` (rows x columns, of the product's dtype) as a tiled deflate GeoTIFF on `grid`, the chunk's own.

    The file appears under its name by one rename, whole; a killed worker leaves at most a hidden part file of its
    attempt. The same array gives the same bytes. Raises SitsparkError when the folder can't be written.
    """
    if array.shape != (grid.height, grid.width) or array.dtype != np.dtype(product.dtype):
        raise ValueError(f"{path.name}: {array.dtype} {array.shape}, not {product.dtype} {(grid.height, grid.width)}")
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=grid.height,
            width=grid.width,
            count=1,
            dtype=product.dtype,
            crs=grid.crs,
            transform=grid.transform,
            nodata=product.nodata,
            tiled=True,
            blockxsize=_BLOCK,
            blockysize=_BLOCK,
            compress="deflate",
            predictor=predictor(product),
        ) as dataset:
            dataset.write(array, 1)
        content = memory.read()
    publish(path, content)
    return WrittenFile(path.name, hashlib.sha256(content).hexdigest(), len(content))


def read_chunk(path: Path) -> npt.NDArray[np.generic]:
    """The pixels of a chunk's file, rows x columns; raises SitsparkError with the path when it can't be read."""
    try:
        with rasterio.open(path) as dataset:
            pixels: npt.NDArray[np.generic] = dataset.read(1)
            return pixels
    except RasterioError as error:
        raise SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew") from None


def predictor(product: Product) -> int:
    """TIFF's predictor: differences help counts (2), and hurt class codes, which have no order (1)."""
    return 1 if product.name == "classification" else 2


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
