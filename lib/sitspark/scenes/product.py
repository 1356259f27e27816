"""Value types of the archive: what a layout knows, what a product is, what one of its files looks like."""

import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from sitspark.errors import SitsparkError, counted
from sitspark.grid import Grid
from sitspark.location import Location
from sitspark.scenes.container import ARCHIVES, Container
from sitspark.scenes.mask_rules import MaskRule

NODATA = -10000  # of the common int16 scale, Theia's value
_DIGITS = 6  # of a part of a version or time: fractions of a second have as many


@dataclass(frozen=True, slots=True)
class ProductName:
    """What the name of a product says; `acquired` is in UTC, None where the name has a date that doesn't exist.

    Of several products of one acquisition the one with the greatest `processed` is the newest processing. `ground` tells
    apart those that lie elsewhere, where the tile doesn't.
    """

    sensor: str
    platform: str
    tile: str
    acquired: datetime | None
    relative_orbit: int | None = None
    processing_baseline: str | None = None
    processed: str = ""
    ground: str = ""


def moment(text: str, form: str) -> datetime | None:
    """The time in UTC that a name says, in a form of strptime; None for one that doesn't exist."""
    try:
        found = datetime.strptime(text, form)
    except ValueError:
        return None
    # day 366 of a year of 365 days would be the first of the next
    return found.replace(tzinfo=UTC) if found.strftime(form).lower() == text.lower() else None


def in_order_of_versions(text: str) -> str:
    """A text whose numbers are of one width, so that version 10 is greater than version 9."""
    return re.sub(r"\d+", lambda number: number[0].zfill(_DIGITS), text)


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a raster file says; block sizes are in pixels."""

    crs: str
    height: int
    width: int
    transform: tuple[float, float, float, float, float, float]
    dtype: str
    block_height: int
    block_width: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A band or mask as a product holds it.

    `member` is its path in the product, `number` that of the band in the file. Stored values become reflectance x 10 000
    by `scale` and `offset`; `nodata` is the stored value that means none, None: the one that the file states. With a
    `header` the file needs not be opened to know it.
    """

    member: str
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = NODATA
    number: int = 1
    header: Header | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What a product says of itself: its bands and masks by name, and the clouds over it in per cent, None: not said."""

    files: Mapping[str, StoredFile]
    cloud_cover: float | None = None

    def only(self, names: Sequence[str], kind_of: Callable[[str], str]) -> "Contents":
        """These files, in this order; raises SitsparkError for one that the product doesn't have, with its kind."""
        for name in names:
            if name not in self.files:
                raise SitsparkError(f"{kind_of(name)} {name} is missing")
        return Contents({name: self.files[name] for name in names}, self.cloud_cover)

    def to_json(self) -> str:
        """As text, for a column of a frame."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> "Contents":
        """Read back what `to_json` wrote."""
        found = json.loads(text)
        files = {}
        for name, file in found["files"].items():
            header = file.pop("header")
            known = Header(**header | {"transform": tuple(header["transform"])}) if header else None
            files[name] = StoredFile(**file, header=known)
        return Contents(files, found["cloud_cover"])


@dataclass(frozen=True, slots=True)
class Source:
    """Where a product is: its folder, archive file or catalogue item, and the name by which tables and settings call it.

    `contents` are known where the listing tells them, with addresses as members; `state` then changes when they do.
    """

    scene_id: str
    location: Location
    contents: Contents | None = None
    state: str = ""

    @property
    def files_like(self) -> str:
        """What GDAL opens: one of its files, or what holds them."""
        files = () if self.contents is None else self.contents.files.values()
        return next((Location(file.member).gdal for file in files), self.location.gdal)

    @property
    def is_described(self) -> bool:
        """Whether the header of each of its files is known without opening it."""
        return self.contents is not None and all(file.header is not None for file in self.contents.files.values())

    @staticmethod
    def delivered(location: Location, *, state: str = "") -> "Source":
        """A product that is a folder or an archive file, called as that is."""
        return Source(product_name(location.name), location, state=state)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is read of one kind of product.

    `masks` are read in this order, each with the rule by which it excludes pixels. `red`, `nir` and `swir` are the bands
    of the spectral indices, None where there is no such band. `day` is the file that says on which day of the year each
    pixel was acquired, None where all of a product are of its own day.
    """

    name: str
    sensor: str
    bands: tuple[str, ...]
    masks: Mapping[str, MaskRule]
    red: str | None
    nir: str | None
    swir: str | None
    day: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class DeliveredLayout(Layout):
    """How a product is recognised and read that comes as one folder or archive file.

    `recognise` parses the name of a product (None: no such product). `contents(product, band and mask names, reflectance)`
    says where each one lies and how it is stored; it raises SitsparkError for a product whose metadata don't tell.
    """

    recognise: Callable[[str], ProductName | None]
    contents: Callable[[Container, Sequence[str], str], Contents]


@dataclass(frozen=True, slots=True)
class Asset:
    """One raster file of a product, a band or a mask, as GDAL opens it; block sizes are in pixels.

    `nodata`, `scale`, `offset` and `number` are those of its `StoredFile`.
    """

    name: str
    path: str
    height: int
    width: int
    transform: tuple[float, float, float, float, float, float]
    dtype: str
    nodata: float
    scale: float
    offset: float
    block_height: int
    block_width: int
    number: int = 1

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in the product's CRS."""
        a, _, left, _, e, top = self.transform
        return left, top + e * self.height, left + a * self.width, top

    def refuse_other(self, height: int, width: int, dtypes: Sequence[str]) -> None:
        """Raise OSError for a file of another kind: written again since, or not as a catalogue describes it.

        `dtypes` are those of its bands.
        """
        if self.number > len(dtypes):
            raise OSError(f"it has {counted(len(dtypes), 'band')}, not {self.number}")
        dtype = dtypes[self.number - 1]
        if (height, width, dtype) != (self.height, self.width, self.dtype):
            raise OSError(
                f"it holds {height} x {width} pixels of {dtype}, not {self.height} x {self.width} of {self.dtype} as the "
                "catalogue found or was told"
            )

    def block_bytes(self, bounds: tuple[float, float, float, float], margin: float) -> int:
        """The decoded size of the file's blocks that bounds (left, bottom, right, top) touch when widened by a margin."""
        a, _, left, _, e, top = self.transform
        first_col, last_col = (bounds[0] - margin - left) / a, (bounds[2] + margin - left) / a
        first_row, last_row = (bounds[3] + margin - top) / e, (bounds[1] - margin - top) / e
        cols = _blocks(first_col, last_col, self.width, self.block_width)
        rows = _blocks(first_row, last_row, self.height, self.block_height)
        return rows * cols * self.block_height * self.block_width * np.dtype(self.dtype).itemsize

    def grid(self, crs: str) -> Grid | None:
        """The pixel grid; None where pixels aren't square or the image isn't north-up."""
        a, b, left, d, e, top = self.transform
        # a millionth: resolutions are decimal numbers that went through binary arithmetic
        if b or d or a <= 0 or abs(a + e) > 1e-6 * a:
            return None
        return Grid(crs, left, top, a, self.height, self.width)


def _blocks(first: float, last: float, size: int, block: int) -> int:
    """The blocks along one axis of `size` pixels in which pixels from `first` to `last` lie."""
    first, last = max(first, 0), min(last, size)
    return max(math.ceil(last / block) - math.floor(first / block), 0) if first < last else 0


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


_SUFFIXES = (*ARCHIVES, ".SAFE")  # that a product's file or folder may have beyond its name


def product_name(name: str) -> str:
    """The name of a product's folder or archive file without .zip, .tar and .SAFE."""
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix.lower()):
            name = name[: -len(suffix)]
    return name
