"""Value types of the archive: what a layout knows, what a product is, what one of its files looks like."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError
from sitspark.grid import Grid

NODATA = -10000  # of the common int16 scale, Theia's value


@dataclass(frozen=True, slots=True)
class ProductName:
    """What the name of a product's folder says; `acquired` is in UTC."""

    sensor: str
    platform: str
    tile: str
    acquired: datetime
    relative_orbit: int | None = None
    processing_baseline: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of product is recognised and read.

    `recognise` parses a folder's name (None: no such product); `file_of` gives the path, relative to the product, of a
    band or mask. `invalidate(mask name, mask values, valid)` clears the validity (uint8) of pixels that a mask
    excludes. Stored values become reflectance x 10 000 as int16 by `scale` and `offset`.
    """

    name: str
    sensor: str
    bands: tuple[str, ...]
    masks: tuple[str, ...]
    red: str
    nir: str
    swir: str
    stored_nodata: int
    scale: float
    offset: float
    recognise: Callable[[str], ProductName | None]
    file_of: Callable[[str, str, str], str]
    invalidate: Callable[[str, npt.NDArray[np.unsignedinteger], npt.NDArray[np.uint8]], None]


@dataclass(frozen=True, slots=True)
class Asset:
    """One raster file of a product: a band or a mask. `nodata` is what its header says, block sizes are in pixels."""

    name: str
    path: str
    height: int
    width: int
    transform: tuple[float, float, float, float, float, float]
    dtype: str
    nodata: float | None
    block_height: int
    block_width: int

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in the product's CRS."""
        a, _, left, _, e, top = self.transform
        return left, top + e * self.height, left + a * self.width, top

    def grid(self, crs: str) -> Grid | None:
        """The pixel grid; None where pixels aren't square or the image isn't north-up."""
        a, b, left, d, e, top = self.transform
        # a millionth: resolutions are decimal numbers that went through binary arithmetic
        if b or d or a <= 0 or abs(a + e) > 1e-6 * a:
            return None
        return Grid(crs, left, top, a, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Scene:
    """One usable product."""

    scene_id: str
    tile: str
    acquired: datetime
    crs: str
    assets: tuple[Asset, ...]

    def asset(self, name: str) -> Asset:
        """The file of a band or mask."""
        return next(asset for asset in self.assets if asset.name == name)


_OF_THE_SYSTEM = ("lost+found", "System Volume Information", ".Trash-0")  # in the root of a volume, closed to users


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise SitsparkError(
            f"scenes.folder: {folder} can't be listed ({error.strerror}); make it readable, or move it out of the archive"
        ) from None


def find_products(folder: Path, layout: Layout) -> list[tuple[Path, ProductName]]:
    """All products at <folder>/<product> and <folder>/<tile>/<product>, in the order of their paths.

    Raises SitsparkError for a folder that can't be listed: what lies in it would be missed in silence.
    """
    found = []
    for first in _listed(folder):
        if not first.is_dir() or first.name in _OF_THE_SYSTEM:
            continue
        name = layout.recognise(first.name)
        if name is not None:
            found.append((first, name))
            continue
        for second in _listed(first):
            name = layout.recognise(second.name) if second.is_dir() else None
            if name is not None:
                found.append((second, name))
    return found
