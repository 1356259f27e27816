"""Products that come as a folder or an archive file each, in the folder of an archive or one level below."""

from pathlib import PurePosixPath

from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.container import ARCHIVES
from sitspark.scenes.product import DeliveredLayout, ProductName, Source, product_name
from sitspark.scenes.store import Entry

_OF_THE_SYSTEM = ("lost+found", "System Volume Information", ".Trash-0")  # in the root of a volume, closed to users


def search(folder: Location, layout: DeliveredLayout) -> Archive:
    """All products at <folder>/<product> and <folder>/<tile>/<product>, in the order of their names.

    Strangers are the other archive files, and the other folders but those that hold products. Raises SitsparkError for a
    folder that can't be listed: what lies in it would be missed in silence.
    """
    products: list[Listed] = []
    strangers: list[Location] = []
    for first in _listed(folder):
        if (name := _recognised(first, layout)) is not None:
            products.append(_product(first, name))
        elif first.is_folder:
            below = [(second, _recognised(second, layout)) for second in _listed(first.location)]
            inside = [_product(entry, name) for entry, name in below if name is not None]
            products += inside
            others = [entry.location for entry, name in below if name is None and _may_be_one(entry)]
            strangers += others if inside else [first.location]
        elif _may_be_one(first):
            strangers.append(first.location)
    return Archive(tuple(products), tuple(strangers))


def _product(entry: Entry, name: ProductName) -> Listed:
    return Listed.named(Source.delivered(entry.location, state=entry.state), name)


def _recognised(entry: Entry, layout: DeliveredLayout) -> ProductName | None:
    return layout.recognise(product_name(entry.location.name)) if _may_be_one(entry) else None


def _may_be_one(entry: Entry) -> bool:
    return entry.is_folder or PurePosixPath(entry.location.name).suffix.lower() in ARCHIVES


def _listed(folder: Location) -> list[Entry]:
    return [entry for entry in store.listed(folder) if entry.location.name not in _OF_THE_SYSTEM]
