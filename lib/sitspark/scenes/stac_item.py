"""What a STAC item says of a product and of its files.

The projection, raster and eo extensions of STAC 1.0 and the common metadata of 1.1 are believed, so that no header needs
to be opened.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import numpy as np
import pyproj

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Listed
from sitspark.scenes.described import Place, common_scale
from sitspark.scenes.left_out import LeftOut, Reason
from sitspark.scenes.product import Contents, Header, ProductName, Source, StoredFile, in_order_of_versions
from sitspark.settings import DescriptionSettings

# keys and roles of assets that are no measurements
_OTHER = {"overview", "thumbnail", "visual", "metadata"}
# items don't say how a file is cut; half of a usual block is read twice by a wrong guess, and memory is reserved by it
_BLOCK = 512
# from this processing baseline on (25 January 2022) Sentinel-2 reflectances are stored with an offset
_FIRST_WITH_OFFSET = 4.0


@dataclass(frozen=True, slots=True)
class Item:
    """A STAC item, and the address from which its relative links start."""

    fields: Mapping[str, Any]
    location: Location

    @property
    def id(self) -> str:
        """Its name, empty where it has none."""
        return str(self.fields.get("id") or "")

    @property
    def collection(self) -> str | None:
        """The collection that it belongs to."""
        found = self.fields.get("collection")
        return None if found is None else str(found)

    @property
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        found: Mapping[str, Any] = self.fields.get("properties") or {}
        return found

    @property
    def bbox(self) -> tuple[float, float, float, float] | None:
        """Its box in degrees, without heights; None where it says none."""
        own = self.fields.get("bbox")
        if not own or len(own) not in (4, 6):
            return None
        half = len(own) // 2
        left, bottom, right, top = own[0], own[1], own[half], own[half + 1]
        return left, bottom, right, top

    def one_of(self, *names: str) -> Any:
        """The first property that is there."""
        return next((self.properties[name] for name in names if self.properties.get(name) is not None), None)

    @property
    def address(self) -> Location:
        """An address that no other item has, also of those in the same document."""
        return Location(f"{self.location}#{self.id}")


def product_of(item: Item, description: DescriptionSettings, wanted: Mapping[str, Place]) -> Listed | None:
    """The product that an item describes, left out where what it says can't be used; None for what is no item at all."""
    try:
        return _product_of(item, description, wanted)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError):
        return None  # parts are of other types than STAC has


def _product_of(item: Item, description: DescriptionSettings, wanted: Mapping[str, Place]) -> Listed | None:
    acquired = _acquired(item)
    if not item.id or acquired is None:
        return None
    tile = _tile(item)
    # many tiles under one name: those at other places are no duplicates
    ground = "" if tile else json.dumps(item.fields.get("bbox"))
    baseline = item.one_of("s2:processing_baseline", "processing:version")
    processed = (baseline, item.one_of("s2:generation_time", "processing:datetime"), *map(item.one_of, ("updated", "created")))
    name = ProductName(
        description.sensor,
        str(item.one_of("platform") or description.sensor),
        tile or item.collection or "all",
        acquired,
        _integer(item.one_of("sat:relative_orbit")),
        None if baseline is None else str(baseline),
        " ".join(in_order_of_versions(str(part or "")) for part in processed),
        ground,
    )
    state = hashlib.sha256(json.dumps(item.fields, sort_keys=True).encode()).hexdigest()
    files, clouds, left_out = {}, None, None
    try:
        clouds = _number(item.one_of("eo:cloud_cover"), "eo:cloud_cover")
        for band, place in wanted.items():
            stored = _stored(item, place, description, is_reflectance=band in description.bands)
            if stored is not None:
                files[band] = stored
    except SitsparkError as error:
        left_out = LeftOut(Reason.DAMAGED, f"{item.id}: {error}")
    source = Source(item.id, item.address, Contents(files, clouds), state)
    return Listed(source, name, left_out, item.collection or "")


def _integer(value: Any) -> int | None:
    # of more digits it is no number of an orbit, path or row
    return int(value) if str(value).isdigit() and len(str(value)) < 10 else None


def _number(value: Any, key: str) -> float | None:
    """A number, also where it is written as text; raises SitsparkError for anything else."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise SitsparkError(f"the item's {key} is {value!r}, which is no number; correct the catalogue") from None


def _tile(item: Item) -> str | None:
    """The tile by the names that catalogues have for it."""
    code = item.one_of("grid:code", "s2:mgrs_tile")
    if code is not None:
        return str(code).partition("-")[2] or str(code)
    path, row = _integer(item.one_of("landsat:wrs_path")), _integer(item.one_of("landsat:wrs_row"))
    if path is not None and row is not None:
        return f"{path:03d}{row:03d}"
    zone, band, square = (item.one_of(f"mgrs:{part}") for part in ("utm_zone", "latitude_band", "grid_square"))
    if zone is not None and band is not None and square is not None:
        return f"{int(zone):02d}{band}{square}"
    return None


def _acquired(item: Item) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(item.one_of("datetime", "start_datetime")))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _stored(item: Item, place: Place, description: DescriptionSettings, *, is_reflectance: bool) -> StoredFile | None:
    """Where a band is and how it is stored; None where the item hasn't got it.

    Raises SitsparkError for what can't be used, as Sentinel-2 of which the item doesn't say whether an offset has been
    added.
    """
    found = _asset(item, place)
    if found is None:
        return None
    key, number = found
    asset = item.fields["assets"][key]
    if not asset.get("href"):
        raise SitsparkError(f"asset {key} has no href in {item.address}; correct the catalogue")
    facts = _facts(asset, number)
    address = resolved(asset["href"], item.location).address
    header = _header(item, facts)
    if not is_reflectance:
        return StoredFile(address, number=number, header=header)
    own_scale = _first(facts, "raster:scale", "scale")
    scale = own_scale if description.scale is None else description.scale
    offset = _offset(item, facts, description, has_scale=own_scale is not None)
    nodata = _first(facts, "nodata", "raster:nodata") if description.nodata is None else description.nodata
    # what neither item nor settings say stands in the file
    header = None if nodata is None else header
    return StoredFile(address, *common_scale(1e-4 if scale is None else scale, offset), nodata, number, header)


def _first(facts: Mapping[str, Any], *keys: str) -> float | None:
    """The first fact that is there, as a number."""
    return next((_number(facts[key], key) for key in keys if facts.get(key) is not None), None)


def _asset(item: Item, place: Place) -> tuple[str, int] | None:
    """The asset of that key, else the one whose bands have that name or common name; and the number of the band in it.

    Of several resolutions the finest is taken. Raises SitsparkError where several assets may be meant.
    """
    assets: Mapping[str, Any] = item.fields.get("assets") or {}
    if place.text is not None and place.text in assets:
        return place.text, place.number
    measured = {key: asset for key, asset in assets.items() if not _OTHER & {key, *(asset.get("roles") or ())}}
    if place.text is None:
        if len(measured) > 1:
            raise SitsparkError(
                f"{place.number} may be a band of {', '.join(measured)}; name the asset too, as {min(measured)}:{place.number}"
            )
        return next(((key, place.number) for key in measured), None)
    found = [
        (key, number)
        for key, asset in measured.items()
        for number, band in enumerate(_bands(asset), start=1)
        if place.text in (band.get("name"), band.get("common_name"), band.get("eo:common_name"))
    ]
    if len(found) < 2:
        return found[0] if found else None
    sizes = [_pixel_size(assets[key], number) for key, number in found]
    known = [size for size in sizes if size is not None]
    if len(known) < len(found) or known.count(min(known)) > 1:
        raise SitsparkError(f"{place.text} is a band of {', '.join(key for key, _ in found)}; name the asset instead")
    return found[known.index(min(known))]


def _pixel_size(asset: Mapping[str, Any], number: int) -> float | None:
    facts = _facts(asset, number)
    stated = _first(facts, "gsd", "spatial_resolution", "raster:spatial_resolution")
    transform = asset.get("proj:transform")
    return abs(float(transform[0])) if stated is None and transform else stated


def _facts(asset: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """What is said of a band: by itself, else by its asset."""
    bands = _bands(asset)
    return {**asset, **(bands[number - 1] if number <= len(bands) else {})}


def _bands(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What an asset says of each of its bands, by STAC 1.1 and by the extensions before."""
    lists = [asset.get(name) or [] for name in ("eo:bands", "raster:bands", "bands")]
    count = max(len(found) for found in lists)
    return [{k: v for found in lists if number < len(found) for k, v in found[number].items()} for number in range(count)]


def _offset(item: Item, facts: Mapping[str, Any], description: DescriptionSettings, *, has_scale: bool) -> float:
    """The offset of reflectances; never guessed for Sentinel-2, where one was introduced within the series."""
    if description.offset is not None:
        return description.offset
    # Earth Search has taken the offset out of some pixels and says so, while its raster:bands go on stating it
    if item.one_of("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied") is True:
        return 0.0
    stated = _first(facts, "raster:offset", "offset")
    if stated is not None:
        return stated
    if has_scale or not _is_sentinel_2(item, description):
        return 0.0
    baseline = item.one_of("s2:processing_baseline", "processing:version")
    if baseline is not None and _version(baseline) < _FIRST_WITH_OFFSET:
        return 0.0
    known = "no processing baseline" if baseline is None else f"processing baseline {baseline}"
    raise SitsparkError(
        f"the item has {known} and doesn't say whether its reflectances have an offset; set scenes.description.offset (-0.1 "
        "where ESA's files were left as they are, else 0)"
    )


def _is_sentinel_2(item: Item, description: DescriptionSettings) -> bool:
    names = (item.one_of("constellation"), item.one_of("platform"), description.sensor)
    plain = [re.sub(r"[^a-z0-9]", "", str(name).lower()) for name in names]
    by_name = any(re.match(r"sentinel2|s2[a-d]?$", name) for name in plain)
    return by_name or any(key.startswith("s2:") for key in item.properties)


def _version(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return float("inf")


def _header(item: Item, facts: Mapping[str, Any]) -> Header | None:
    """The header of a file where the item has all of it in a form that can be used, else None."""
    whole = {**item.properties, **facts}
    code = whole.get("proj:code") or (f"EPSG:{whole['proj:epsg']}" if whole.get("proj:epsg") else None)
    shape, transform, dtype = whole.get("proj:shape"), whole.get("proj:transform"), facts.get("data_type")
    try:
        a, b, c, d, e, f = (float(value) for value in list(transform or ())[:6])
        height, width = (int(value) for value in shape or ())
        real = np.dtype(str(dtype)).kind in "iuf"
        pyproj.CRS.from_user_input(str(code))
    except (TypeError, ValueError, pyproj.exceptions.CRSError):
        return None
    if not real or not str(code).startswith("EPSG:"):
        return None
    return Header(str(code), height, width, (a, b, c, d, e, f), str(dtype), _BLOCK, _BLOCK)


def resolved(href: str, base: Location) -> Location:
    """The place of a link in a document at `base`; raises SitsparkError for one that can't be followed."""
    if "://" in href or store.is_web(base):
        try:
            return Location.of(urljoin(base.address, href) if store.is_web(base) else href)
        except ValueError as error:
            raise SitsparkError(f"{base}: {error}") from None
    if href.startswith("/") and base.path is not None:
        return Location(href)
    folder = f"/{posixpath.dirname(base.key)}"
    return Location(f"{base.root}{posixpath.normpath(posixpath.join(folder, href))}")
