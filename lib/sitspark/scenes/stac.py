"""Imagery described by a STAC catalogue: static, an item collection, or found by a search in an API."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pystac_client
import requests
from pystac_client.exceptions import APIError
from pystac_client.warnings import DoesNotConformTo
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.described import Place, places, refuse_unknown
from sitspark.scenes.left_out import LeftOut, Reason
from sitspark.scenes.region import Region
from sitspark.scenes.stac_item import Item, product_of, resolved
from sitspark.settings import ScenesSettings

_THREADS = 16  # documents fetched at a time
_PATIENCE = 30  # seconds for a server to begin its answer
_PAGE = 200  # items asked for at a time
_ROOTS = ("catalog.json", "collection.json", "item.json")

Box = tuple[float, float, float, float]  # left, bottom, right, top in degrees


def search(settings: ScenesSettings, region: Region | None) -> Archive:
    """The items of the wanted collections that meet the region; raises SitsparkError where the catalogue can't be read.

    Strangers are items without a name or a time.
    """
    box = None if region is None else region.to("EPSG:4326").outline.bounds
    wanted = places(settings.description)
    products, strangers = [], []
    for item in _items(settings, box):
        product = product_of(item, settings.description, wanted)
        if product is None:
            strangers.append(item.address)
        else:
            products.append((product, item))
    _refuse_unknown(products, wanted)
    return Archive(tuple(_with_names_of_their_own(products)), tuple(strangers))


def _refuse_unknown(products: Sequence[tuple[Listed, Item]], wanted: Mapping[str, Place]) -> None:
    """Raise SitsparkError for a name that no item has among its assets and their bands."""
    usable = [(product, item) for product, item in products if product.left_out is None]
    if usable:
        have = {name for product, _ in usable if product.source.contents for name in product.source.contents.files}
        refuse_unknown(wanted, have, {key for _, item in usable for key in item.fields.get("assets") or ()}, "an asset")


def _with_names_of_their_own(products: Sequence[tuple[Listed, Item]]) -> Iterator[Listed]:
    """Ids are unique in a collection: those that come again get its name, and what comes again even so is left out."""
    ids = Counter(item.id for _, item in products)
    seen: set[str] = set()
    for product, item in products:
        source = product.source
        if ids[item.id] > 1 and item.collection:
            source = replace(source, scene_id=f"{item.collection}/{item.id}")
        left_out = product.left_out
        if source.scene_id in seen:
            left_out = LeftOut(Reason.DUPLICATE, f"{source.scene_id}: another item of the collection has this id")
            source = replace(source, scene_id=f"{source.scene_id} ({product.address})")
        seen.add(source.scene_id)
        yield replace(product, source=source, left_out=left_out)


def _items(settings: ScenesSettings, box: Box | None) -> Iterator[Item]:
    start = _root(settings.folder)
    document = _read(start)
    if _is_api(document):
        yield from _searched(settings, box, document)
        return
    for item in sorted(_below(document, start, settings.collections), key=lambda item: item.id):
        if _meets(item, box):
            yield item


def _root(place: Location) -> Location:
    """The document to begin with: the place itself, or the usual one in a folder."""
    if store.is_web(place) or place.suffix in (".json", ".geojson") or not store.is_folder(place):
        return place
    names = {entry.location.name for entry in store.listed(place)}
    for name in _ROOTS:
        if name in names:
            return place / name
    raise SitsparkError(f"scenes.folder: {place} holds none of {', '.join(_ROOTS)}; name the file of the catalogue")


def _read(place: Location) -> Mapping[str, Any]:
    try:
        found = json.loads(_fetched(place) if store.is_web(place) else store.read(place))
    except SitsparkError as error:
        raise SitsparkError(f"scenes.folder: {error}") from None
    except ValueError as error:
        raise SitsparkError(f"scenes.folder: {place} is no JSON ({error})") from None
    if not isinstance(found, dict) or found.get("type") not in ("Catalog", "Collection", "Feature", "FeatureCollection"):
        raise SitsparkError(f"scenes.folder: {place} is no STAC document")
    return found


def _fetched(place: Location) -> bytes:
    """A document of a web server; addresses of pages have a query, which object stores don't know."""
    with requests.Session() as session:
        again = HTTPAdapter(max_retries=Retry(4, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504)))
        for scheme in ("http://", "https://"):
            session.mount(scheme, again)
        try:
            answer = session.get(place.address, timeout=_PATIENCE)
            if answer.status_code == requests.codes.not_found:
                raise SitsparkError(f"{place} doesn't exist")
            if not answer.ok:
                raise SitsparkError(f"{place} can't be read (status {answer.status_code}); correct the address")
            return answer.content
        except requests.RequestException as error:
            raise SitsparkError(f"{place} can't be read ({type(error).__name__}); correct the address") from None


def _links(document: Mapping[str, Any], *rels: str) -> list[Mapping[str, Any]]:
    """The links of some relations that lead anywhere."""
    found = (link for link in document.get("links") or () if isinstance(link, dict))
    return [link for link in found if link.get("rel") in rels and link.get("href")]


def _is_api(document: Mapping[str, Any]) -> bool:
    return document["type"] == "Catalog" and bool(_links(document, "search"))


def _below(document: Mapping[str, Any], place: Location, collections: Sequence[str]) -> list[Item]:
    """The items of a document and of all that it links to, page by page where a server gives pages."""
    found: list[Item] = []
    seen = {place}
    waiting = [(document, place)]
    with ThreadPoolExecutor(_THREADS) as pool:
        while waiting:
            links: list[Location] = []
            for current, where in waiting:
                if current["type"] == "Feature":
                    found.append(Item(current, where))
                elif current["type"] == "FeatureCollection":
                    found += [Item(feature, where) for feature in current.get("features") or ()]
                links += [resolved(link["href"], where) for link in _links(current, *_followed(current, collections))]
            fresh = [link for link in dict.fromkeys(links) if link not in seen]
            seen.update(fresh)
            waiting = list(zip(pool.map(_read, fresh), fresh, strict=True))
    return [item for item in found if not collections or item.collection in (*collections, None)]


def _followed(document: Mapping[str, Any], collections: Sequence[str]) -> tuple[str, ...]:
    """The relations that lead from a document to items that may be wanted."""
    if document["type"] == "FeatureCollection":
        return ("next",)
    if document["type"] == "Collection" and collections and document.get("id") not in collections:
        return ("child",)
    return ("child", "item", "items")


def _meets(item: Item, box: Box | None) -> bool:
    """Whether an item and a box have a point in common; one without bbox may lie anywhere."""
    own = item.bbox
    if box is None or own is None:
        return True
    left, bottom, right, top = own
    # across the antimeridian the left edge is beyond the right one (RFC 7946, 5.2)
    right += 360 if left > right else 0
    beside = any(left <= box[2] + turn and box[0] + turn <= right for turn in (-360, 0, 360))
    return beside and bottom <= box[3] and box[1] <= top


def _searched(settings: ScenesSettings, box: Box | None, landing_page: Mapping[str, Any]) -> Iterator[Item]:
    address = settings.folder.address
    dates = f"{settings.start or '..'}/{settings.end or '..'}" if settings.start or settings.end else None
    methods = {str(link.get("method", "GET")).upper() for link in _links(landing_page, "search")}
    try:
        client = pystac_client.Client.open(address, timeout=_PATIENCE)
        clouds = {"eo:cloud_cover": {"lte": settings.max_cloud_cover}}
        found = client.search(
            method="POST" if "POST" in methods else "GET",
            collections=list(settings.collections) or None,
            bbox=box,
            datetime=dates,
            query=clouds if settings.max_cloud_cover < 100 and client.conforms_to("QUERY") else None,
            limit=_PAGE,
            max_items=None,
        )
        for fields in found.items_as_dicts():
            own = next((link["href"] for link in _links(fields, "self")), None)
            yield Item(fields, Location(own) if own else settings.folder)
    except (APIError, DoesNotConformTo, requests.RequestException) as error:
        # what follows a mark is the server's page
        cause = str(error).partition("<")[0].strip()[:200] or type(error).__name__
        raise SitsparkError(
            f"scenes.folder: the search in {settings.folder} failed ({cause}); try again, or correct the address"
        ) from None
