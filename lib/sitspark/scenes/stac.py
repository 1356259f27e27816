"""Imagery described by a STAC catalogue: static, an item collection, or found by a search in an API.

What an item says of its files (projection, raster and eo extensions of STAC 1.0, common metadata of 1.1) is believed, so
that no header needs to be opened.
"""

import hashlib
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pystac_client
import requests
from pystac_client.exceptions import APIError
from pystac_client.warnings import DoesNotConformTo

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.described import Place, common_scale, places
from sitspark.scenes.left_out import LeftOut, Reason
from sitspark.scenes.product import Contents, Header, ProductName, Source, StoredFile
from sitspark.scenes.region import Region
from sitspark.settings import DescriptionSettings, ScenesSettings

_THREADS = 16  # documents fetched at a time
_ROOTS = ("catalog.json", "collection.json", "item.json")
_PICTURES = {"overview", "thumbnail", "visual"}  # roles of assets that are no measurements
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
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        found: Mapping[str, Any] = self.fields.get("properties") or {}
        return found

    def one_of(self, *names: str) -> Any:
        """The first property that is there."""
        return next((self.properties[name] for name in names if self.properties.get(name) is not None), None)

    @property
    def address(self) -> Location:
        """An address that no other item has, also of those in the same document."""
        return Location(f"{self.location}#{self.fields['id']}")


def search(settings: ScenesSettings, region: Region | None) -> Archive:
    """The items of the wanted collections that meet the region; raises SitsparkError where the catalogue can't be read."""
    box = None if region is None else region.to("EPSG:4326").outline.bounds
    wanted = places(settings.description)
    return Archive(tuple(_product(item, settings.description, wanted) for item in _items(settings, box)))


def _items(settings: ScenesSettings, box: tuple[float, float, float, float] | None) -> Iterator[Item]:
    start = _root(settings.folder)
    document = _read(start)
    if _is_api(document):
        yield from _searched(settings, box)
        return
    for item in sorted(_below(document, start, settings.collections), key=lambda item: str(item.fields["id"])):
        if _meets(item, box):
            yield item


def _root(place: Location) -> Location:
    """The document to begin with: the place itself, or the usual one in a folder."""
    if store.is_web(place) or not store.is_folder(place):
        return place
    names = {entry.location.name for entry in store.listed(place)}
    for name in _ROOTS:
        if name in names:
            return place / name
    raise SitsparkError(f"scenes.folder: {place} holds none of {', '.join(_ROOTS)}; name the file of the catalogue")


def _read(place: Location) -> Mapping[str, Any]:
    try:
        found = json.loads(store.read(place))
    except SitsparkError as error:
        raise SitsparkError(f"scenes.folder: {error}") from None
    except ValueError as error:
        raise SitsparkError(f"scenes.folder: {place} is no JSON ({error})") from None
    if not isinstance(found, dict) or found.get("type") not in ("Catalog", "Collection", "Feature", "FeatureCollection"):
        raise SitsparkError(f"scenes.folder: {place} is no STAC document")
    return found


def _is_api(document: Mapping[str, Any]) -> bool:
    return document["type"] == "Catalog" and any(link.get("rel") == "search" for link in document.get("links", ()))


def _below(document: Mapping[str, Any], place: Location, collections: Sequence[str]) -> list[Item]:
    """The items of a static document and of all that it links to."""
    found: list[Item] = []
    seen = {place}
    waiting = [(document, place)]
    with ThreadPoolExecutor(_THREADS) as pool:
        while waiting:
            links: list[Location] = []
            for current, where in waiting:
                if current["type"] == "Feature":
                    found.append(_item(current, where))
                elif current["type"] == "FeatureCollection":
                    found += [_item(feature, where) for feature in current.get("features", ())]
                elif current["type"] == "Catalog" or not collections or current.get("id") in collections:
                    rels = (link for link in current.get("links", ()) if link.get("rel") in ("child", "item"))
                    links += [_resolved(link["href"], where) for link in rels]
            fresh = [link for link in dict.fromkeys(links) if link not in seen]
            seen.update(fresh)
            waiting = list(zip(pool.map(_read, fresh), fresh, strict=True))
    return [item for item in found if not collections or item.fields.get("collection") in (*collections, None)]


def _item(fields: Mapping[str, Any], place: Location) -> Item:
    """An item that has a name; raises SitsparkError for one that hasn't."""
    if not fields.get("id"):
        raise SitsparkError(f"scenes.folder: {place} has an item without id; correct the catalogue")
    return Item(fields, place)


def _meets(item: Item, box: tuple[float, float, float, float] | None) -> bool:
    """Whether an item's bbox, of two or three dimensions, and a box of longitudes and latitudes have a point in common."""
    own = item.fields.get("bbox")
    if box is None or not own:
        return True
    half = len(own) // 2
    return bool(own[0] <= box[2] and box[0] <= own[half] and own[1] <= box[3] and box[1] <= own[half + 1])


def _searched(settings: ScenesSettings, box: tuple[float, float, float, float] | None) -> Iterator[Item]:
    address = settings.folder.address
    dates = f"{settings.start or '..'}/{settings.end or '..'}" if settings.start or settings.end else None
    try:
        client = pystac_client.Client.open(address)
        clouds = {"eo:cloud_cover": {"lte": settings.max_cloud_cover}}
        asked = clouds if settings.max_cloud_cover < 100 and client.conforms_to("QUERY") else None
        found = client.search(
            collections=list(settings.collections) or None, bbox=box, datetime=dates, query=asked, limit=200, max_items=None
        )
        for fields in found.items_as_dicts():
            own = next((link["href"] for link in fields.get("links", ()) if link.get("rel") == "self"), None)
            yield _item(fields, Location(own) if own else settings.folder)
    except (APIError, DoesNotConformTo, requests.RequestException) as error:
        raise SitsparkError(f"scenes.folder: the search in {address} failed ({error}); try again, or correct it") from None


def _resolved(href: str, base: Location) -> Location:
    """The place of a link in a document at `base`."""
    if "://" in href:
        try:
            return Location.of(href)
        except ValueError as error:
            raise SitsparkError(f"{base}: {error}") from None
    if href.startswith("/") and base.path is not None:
        return Location(href)
    folder = f"/{posixpath.dirname(base.key)}"
    return Location(f"{base.root}{posixpath.normpath(posixpath.join(folder, href))}")


def _product(item: Item, description: DescriptionSettings, wanted: Mapping[str, Place]) -> Listed:
    name = ProductName(
        description.sensor,
        str(item.one_of("platform") or description.sensor),
        _tile(item),
        _acquired(item),
        item.one_of("sat:relative_orbit"),
        item.one_of("s2:processing_baseline", "processing:version"),
        " ".join(str(item.one_of(key) or "") for key in ("s2:processing_baseline", "processing:version", "updated", "created")),
    )
    state = hashlib.sha256(json.dumps(item.fields, sort_keys=True).encode()).hexdigest()
    scene_id = str(item.fields["id"])
    files, left_out = {}, None
    try:
        for band, place in wanted.items():
            stored = _stored(item, place, description, is_reflectance=band in description.bands)
            if stored is not None:
                files[band] = stored
    except SitsparkError as error:
        left_out = LeftOut(Reason.DAMAGED, f"{scene_id}: {error}")
    return Listed(Source(scene_id, item.address, Contents(files, item.one_of("eo:cloud_cover")), state), name, left_out)


def _tile(item: Item) -> str:
    """The tile by the names that catalogues have for it, else the collection."""
    code = item.one_of("grid:code", "s2:mgrs_tile")
    if code is not None:
        return str(code).partition("-")[2] or str(code)
    path, row = item.one_of("landsat:wrs_path"), item.one_of("landsat:wrs_row")
    if path is not None and row is not None:
        return f"{int(path):03d}{int(row):03d}"
    zone, band, square = (item.one_of(f"mgrs:{part}") for part in ("utm_zone", "latitude_band", "grid_square"))
    if zone is not None and band is not None and square is not None:
        return f"{int(zone):02d}{band}{square}"
    return str(item.fields.get("collection") or "all")


def _acquired(item: Item) -> datetime:
    text = item.one_of("datetime", "start_datetime")
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise SitsparkError(f"{item.location}: item {item.fields['id']} has no datetime ({text})") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _stored(item: Item, place: Place, description: DescriptionSettings, *, is_reflectance: bool) -> StoredFile | None:
    """Where a band is and how it is stored; None where the item hasn't got it.

    Raises SitsparkError for Sentinel-2 of which the item doesn't say whether an offset has been added.
    """
    found = _asset(item, place)
    if found is None:
        return None
    key, number = found
    asset = item.fields["assets"][key]
    if not asset.get("href"):
        raise SitsparkError(f"asset {key} has no href in {item.address}; correct the catalogue")
    bands = _bands(asset)
    facts = {**asset, **(bands[number - 1] if number <= len(bands) else {})}
    address = _resolved(asset["href"], item.location).address
    header = _header(item, facts)
    if not is_reflectance:
        return StoredFile(address, number=number, header=header)
    scale = _first(description.scale, facts.get("raster:scale"), facts.get("scale"))
    offset = _offset(item, facts, description, scale_stated=scale is not None)
    nodata = _first(description.nodata, facts.get("nodata"), facts.get("raster:nodata"))
    stored_nodata = None if nodata is None else float(nodata)
    return StoredFile(address, *common_scale(_first(scale, 1e-4), offset), stored_nodata, number, header)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _asset(item: Item, place: Place) -> tuple[str, int] | None:
    """The asset of that key, else the first whose bands have that name or common name; and the number of the band in it."""
    assets: Mapping[str, Any] = item.fields.get("assets") or {}
    if place.text in assets:
        return str(place.text), place.number
    for key, asset in assets.items():
        if _PICTURES & {key, *(asset.get("roles") or ())}:
            continue
        for number, band in enumerate(_bands(asset), start=1):
            if place.text in (band.get("name"), band.get("common_name"), band.get("eo:common_name")):
                return key, number
    return None


def _bands(asset: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What an asset says of each of its bands, by STAC 1.1 and by the extensions before."""
    lists = [asset.get(name) or [] for name in ("eo:bands", "raster:bands", "bands")]
    count = max(len(found) for found in lists)
    return [{k: v for found in lists if number < len(found) for k, v in found[number].items()} for number in range(count)]


def _offset(item: Item, facts: Mapping[str, Any], description: DescriptionSettings, *, scale_stated: bool) -> float:
    """The offset of reflectances; never guessed for Sentinel-2, where one was introduced within the series."""
    # Earth Search has taken the offset out of some pixels and says so, while its raster:bands go on stating it
    if description.offset is None and item.one_of("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied") is True:
        return 0.0
    stated = _first(description.offset, facts.get("raster:offset"), facts.get("offset"))
    if stated is not None:
        return float(stated)
    platform = str(item.one_of("constellation", "platform") or "").lower()
    if scale_stated or not platform.startswith("sentinel-2"):
        return 0.0
    baseline = item.one_of("s2:processing_baseline", "processing:version")
    if baseline is not None and _number(baseline) < _FIRST_WITH_OFFSET:
        return 0.0
    known = "no processing baseline" if baseline is None else f"processing baseline {baseline}"
    raise SitsparkError(
        f"the item has {known} and doesn't say whether its reflectances have an offset; set scenes.description.offset (-0.1 "
        "where ESA's files were left as they are, else 0)"
    )


def _number(text: object) -> float:
    try:
        return float(str(text))
    except ValueError:
        return float("inf")


def _header(item: Item, facts: Mapping[str, Any]) -> Header | None:
    """The header of a file where the item has all of it, else None."""
    whole = {**item.properties, **facts}
    code = whole.get("proj:code") or (f"EPSG:{whole['proj:epsg']}" if whole.get("proj:epsg") else None)
    shape, transform, dtype = whole.get("proj:shape"), whole.get("proj:transform"), facts.get("data_type")
    if code is None or not str(code).startswith("EPSG:") or not shape or not transform or dtype is None:
        return None
    a, b, c, d, e, f = (float(value) for value in transform[:6])
    return Header(str(code), int(shape[0]), int(shape[1]), (a, b, c, d, e, f), str(dtype), _BLOCK, _BLOCK)
