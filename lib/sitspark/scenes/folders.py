"""Products that come as a folder or an archive file each, in the folder of an archive or one level below."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from sitspark.ahead import mapped
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.archive import Found, Listed
from sitspark.scenes.container import ARCHIVES
from sitspark.scenes.product import DeliveredLayout, ProductName, Source, product_name
from sitspark.scenes.store import Entry

_OF_THE_SYSTEM = ("lost+found", "System Volume Information", ".Trash-0")  # in the root of a volume, closed to users

_THREADS = 16  # folders listed at a time: that waits for the disk or the network


def search(folder: Location, layout: DeliveredLayout) -> Iterator[Found]:
    """All products at <folder>/<product> and <folder>/<tile>/<product>.

    Strangers are the other archive files, and the other folders but those that hold products. Raises SitsparkError for a
    folder that can't be listed: what lies in it would be missed in silence.
    """
    for found in mapped(lambda entry: _found_at(entry, layout), _entries(folder), threads=_THREADS):
        yield from found


def _found_at(first: Entry, layout: DeliveredLayout) -> list[Found]:
    """What is found at an entry of the archive, or below it."""
    if (name := _recognised(first, layout)) is not None:
        return [_product(first, name)]
    if not first.is_folder:
        return [first.location] if _may_be_one(first) else []
    below = [(second, _recognised(second, layout)) for second in _entries(first.location)]
    if all(name is None for _, name in below):
        return [first.location]
    found = (_product(entry, name) if name else entry.location for entry, name in below if name or _may_be_one(entry))
    return list(found)


def _product(entry: Entry, name: ProductName) -> Listed:
    return Listed.named(Source.delivered(entry.location, state=entry.state), name)


def _recognised(entry: Entry, layout: DeliveredLayout) -> ProductName | None:
    return layout.recognise(product_name(entry.location.name)) if _may_be_one(entry) else None


def _may_be_one(entry: Entry) -> bool:
    return entry.is_folder or PurePosixPath(entry.location.name).suffix.lower() in ARCHIVES


def _entries(folder: Location) -> Iterator[Entry]:
    return (entry for entry in store.scanned(folder) if entry.location.name not in _OF_THE_SYSTEM)
