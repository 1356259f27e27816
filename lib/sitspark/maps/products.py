"""The products of a map, and the small GeoTIFF that each chunk gives of each."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from sitspark.atomic import publish
from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.settings import MapSettings

# changes whenever chunks are written otherwise: part of the key of the stage that writes them
PRODUCTS_VERSION = 1

_BLOCK = 256  # pixels; the side of the tiles inside a chunk's file


@dataclass(frozen=True, slots=True)
class Product:
    """One raster of a map: its name, data type, nodata and how overviews are made.

    `bands` are the names of its bands where there are several, or where their number follows from the run; none: one band,
    which is called as the title. `scale` is what 1 is written as.
    """

    name: str
    title: str
    dtype: str
    nodata: float
    overview_resampling: str
    bands: tuple[str, ...] = ()
    scale: int = 1

    @property
    def descriptions(self) -> tuple[str, ...]:
        """The name of every band."""
        return self.bands or (self.title,)

    @property
    def count(self) -> int:
        """The number of bands."""
        return len(self.descriptions)

    @property
    def pixel_bytes(self) -> int:
        """The bytes of a pixel with all its bands, before compression."""
        return self.count * np.dtype(self.dtype).itemsize


def classification(codes: Iterable[int]) -> Product:
    """Class codes, uint8 where they fit, else uint16; 0 = not classified = nodata, as in iota2."""
    dtype = "uint8" if max(codes, default=0) <= 255 else "uint16"
    return Product("classification", "Land cover", dtype, 0, "mode")


def regularised(codes: Iterable[int]) -> Product:
    """Class codes of the map after what is done to it when it is drawn, as those of the classification."""
    return replace(classification(codes), name="regularised", title="Land cover, regularised")


# 0 outside the map, as in iota2; the chosen of fewer than 200 classes never has a probability that rounds to 0
CONFIDENCE = Product("confidence", "Probability of the chosen class (%)", "uint8", 0, "average", scale=100)
# 0 says that the imagery is never clear; nodata that there is none, or that the region of interest is elsewhere
VALIDITY = Product("validity", "Number of clear acquisition dates", "uint16", 65535, "average")


def probability(nomenclature: Nomenclature, scale: int) -> Product:
    """The probability of every class, a band each, as 0 to `scale` (100: uint8, else uint16).

    Nodata is the largest value of the type, where nothing is classified: 0 is a probability.
    """
    dtype = "uint8" if scale == 100 else "uint16"
    nodata, names = int(np.iinfo(dtype).max), tuple(c.name for c in nomenclature)
    return Product("probability", f"Probability of each class (0-{scale})", dtype, nodata, "average", names, scale)


def entropy(scale: int) -> Product:
    """How unsure the probabilities are, 0 to `scale` in the type of `probability`."""
    return _share("entropy", f"Entropy of the class probabilities (0-{scale}; the largest: all classes are as likely)", scale)


def margin(scale: int) -> Product:
    """What lies between the two highest probabilities, 0 to `scale` in the type of `probability`."""
    return _share("margin", f"Margin between the two most probable classes (0-{scale}; 0: either may be)", scale)


def _share(name: str, title: str, scale: int) -> Product:
    dtype = "uint8" if scale == 100 else "uint16"
    return Product(name, title, dtype, int(np.iinfo(dtype).max), "average", scale=scale)


# how often models say the class of the map; 0 is a number: of two tied ones a third one may be the most probable
AGREEMENT = Product(
    "agreement",
    "Agreement of models",
    "uint8",
    255,
    "mode",
    ("models that say the class", "models that say something", "1: a vote was tied"),
)


# rounded up: what is above `scale` is outside the area of applicability; far pixels all have the largest number
DISSIMILARITY = Product(
    "dissimilarity", "Dissimilarity to the training samples (above 1000: too far)", "uint16", 65535, "average", scale=1000
)


def features(names: Sequence[str]) -> Product:
    """What the model is given, a band each, float32; NaN where nothing is classified."""
    return Product("features", "Features", "float32", math.nan, "average", tuple(names))


def products_of(settings: MapSettings, nomenclature: Nomenclature, names: Sequence[str]) -> tuple[Product, ...]:
    """The rasters of a map with features of these names."""
    scale = settings.probability_scale
    further = {
        "probability": probability(nomenclature, scale),
        "entropy": entropy(scale),
        "margin": margin(scale),
        "agreement": AGREEMENT,
        "features": features(names),
        "dissimilarity": DISSIMILARITY,
    }
    return (classification(nomenclature.codes), CONFIDENCE, VALIDITY, *(further[name] for name in settings.products))


def held_bytes(products: Iterable[Product]) -> int:
    """The bytes of a pixel that a worker holds while it writes them, beyond what any map takes: arrays, and files of them."""
    return 2 * sum(product.pixel_bytes for product in products if product.name == "features")


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A published raster: its name within its folder, its data type, the SHA-256 of its bytes, and how many there are."""

    name: str
    dtype: str
    sha256: str
    bytes: int


def write_chunk(path: Path, array: npt.NDArray[np.generic], grid: Grid, product: Product) -> WrittenFile:
    """Write `array` (bands x rows x columns, or rows x columns of one) as a tiled deflate GeoTIFF on `grid`, the chunk's own.

    Its type is the product's. The file appears under its name by one rename, whole; a killed worker leaves at most a hidden
    part file of its attempt. The same array gives the same bytes. Raises SitsparkError when the folder can't be written.
    """
    pixels = array if array.ndim == 3 else array[np.newaxis]
    shape = (product.count, grid.height, grid.width)
    if pixels.shape != shape or pixels.dtype != np.dtype(product.dtype):
        raise ValueError(f"{path.name}: {array.dtype} {array.shape}, not {product.dtype} {shape}")
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=grid.height,
            width=grid.width,
            count=product.count,
            dtype=product.dtype,
            crs=grid.crs,
            transform=grid.transform,
            nodata=product.nodata,
            tiled=True,
            blockxsize=_BLOCK,
            blockysize=_BLOCK,
            interleave="band",
            compress="deflate",
            predictor=predictor(product),
        ) as dataset:
            dataset.write(pixels)
        content = memory.read()
    publish(path, content)
    return WrittenFile(path.name, product.dtype, hashlib.sha256(content).hexdigest(), len(content))


def read_chunk(path: Path) -> npt.NDArray[np.generic]:
    """The pixels of a chunk's file of one band, rows x columns; raises SitsparkError with the path when it can't be read."""
    try:
        with rasterio.open(path) as dataset:
            pixels: npt.NDArray[np.generic] = dataset.read(1)
            return pixels
    except RasterioError as error:
        raise SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew") from None


def predictor(product: Product) -> int:
    """TIFF's predictor: differences help numbers (2, of floats 3), and hurt class codes, which have no order (1)."""
    if product.overview_resampling == "mode":
        return 1
    return 3 if np.dtype(product.dtype).kind == "f" else 2
