"""Imagery described by a STAC catalogue: static, an item collection, or found by a search in an API."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pystac_client
import requests
from pystac_client.exceptions import APIError
from pystac_client.warnings import DoesNotConformTo
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from sitspark.ahead import mapped
from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Found
from sitspark.scenes.described import places, refuse_unknown
from sitspark.scenes.region import Region
from sitspark.scenes.stac_item import Item, product_of, resolved
from sitspark.settings import ScenesSettings

_THREADS = 16  # documents fetched at a time
_PATIENCE = 30  # seconds for a server to begin its answer
_PAGE = 200  # items asked for at a time
_ROOTS = ("catalog.json", "collection.json", "item.json")

Box = tuple[float, float, float, float]  # left, bottom, right, top in degrees


def search(settings: ScenesSettings, region: Region | None) -> Iterator[Found]:
    """The items of the wanted collections that meet the region; raises SitsparkError where the catalogue can't be read.

    Strangers are items without a name or a time.
    """
    box = None if region is None else region.to("EPSG:4326").outline.bounds
    wanted = places(settings.description)
    have: set[str] = set()
    assets: set[str] = set()
    usable = False
    for item in _items(settings, box):
        product = product_of(item, settings.description, wanted)
        if product is None:
            yield item.address
            continue
        yield product
        if product.left_out is None and product.source.contents is not None:
            usable = True
            have.update(product.source.contents.files)
            assets.update(item.fields.get("assets") or ())
    if usable:
        refuse_unknown(wanted, have, assets, "an asset")


def _items(settings: ScenesSettings, box: Box | None) -> Iterator[Item]:
    start = _root(settings.folder)
    document = _read(start)
    if _is_api(document):
        yield from _searched(settings, box, document)
        return
    yield from (item for item in _below(document, start, settings.collections) if _meets(item, box))


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


def _below(document: Mapping[str, Any], place: Location, collections: Sequence[str]) -> Iterator[Item]:
    """The items of a document and of all that it links to, page by page where a server gives pages.

    Of documents only addresses are kept, and a few are read together.
    """
    seen = {place}
    documents: Iterable[tuple[Mapping[str, Any], Location]] = [(document, place)]
    waiting: list[Location] = []
    while documents:
        for current, where in documents:
            items = [current] if current["type"] == "Feature" else ()
            if current["type"] == "FeatureCollection":
                items = current.get("features") or ()
            for item in (Item(fields, where) for fields in items):
                if not collections or item.collection in (*collections, None):
                    yield item
            links = (resolved(link["href"], where) for link in _links(current, *_followed(current, collections)))
            fresh = [link for link in dict.fromkeys(links) if link not in seen]
            seen.update(fresh)
            waiting += fresh
        # what was found last comes first: the links that wait are those of few documents
        some, waiting = waiting[-_THREADS:], waiting[:-_THREADS]
        documents = list(zip(mapped(_read, some, threads=_THREADS), some, strict=True))


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
