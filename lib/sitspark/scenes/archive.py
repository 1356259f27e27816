"""The products of an archive: those that the settings ask for, and of the others the reason why they are left out."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sitspark.errors import SitsparkError, counted, some
from sitspark.location import Location
from sitspark.scenes.container import Container
from sitspark.scenes.left_out import NO_DATE, LeftOut, Reason
from sitspark.scenes.product import ProductName, Source
from sitspark.settings import ScenesSettings


@dataclass(frozen=True, slots=True)
class Listed:
    """A product of the archive; `left_out` is None where it is wanted."""

    source: Source
    name: ProductName
    left_out: LeftOut | None = None

    @staticmethod
    def named(source: Source, name: ProductName) -> "Listed":
        """A product by its name; without a date it has no place in a series, and is left out."""
        undated = LeftOut(Reason.NO_DATE, NO_DATE % (source.scene_id, source.location))
        return Listed(source, name, undated if name.acquired is None else None)

    @property
    def acquired(self) -> datetime:
        """When it was acquired: of all that are wanted it is known."""
        assert self.name.acquired is not None, self.scene_id
        return self.name.acquired

    @property
    def scene_id(self) -> str:
        """The name by which tables and settings call it."""
        return self.source.scene_id

    @property
    def address(self) -> str:
        """Where it is; no other product has the same."""
        return self.source.location.address


@dataclass(frozen=True, slots=True)
class Archive:
    """What lies in the folder of an archive: products, and `strangers` that the layout doesn't recognise."""

    products: tuple[Listed, ...]
    strangers: tuple[Location, ...] = ()

    @property
    def wanted(self) -> list[Listed]:
        """The products that nothing leaves out so far."""
        return [product for product in self.products if product.left_out is None]

    @property
    def faulty(self) -> list[LeftOut]:
        """What their listing alone tells to be wrong with products."""
        left_out = (product.left_out for product in self.products)
        return [reason for reason in left_out if reason is not None and not reason.reason.is_chosen]


def chosen(found: Archive, settings: ScenesSettings) -> Archive:
    """The products of the wanted tiles, judged by the settings; raises SitsparkError when none of them is wanted."""
    tiles = {product.name.tile for product in found.products}
    absent = [tile for tile in settings.tiles if tile not in tiles]
    if absent:
        raise SitsparkError(
            f"scenes.tiles: no product of tile {', '.join(absent)} in {settings.folder}; it has {', '.join(sorted(tiles))}"
        )
    of_tiles = [p for p in found.products if not settings.tiles or p.name.tile in settings.tiles]
    archive = Archive(tuple(judge(of_tiles, settings)), found.strangers)
    if not archive.wanted:
        raise SitsparkError(_nothing_left(archive, settings))
    return archive


def _nothing_left(archive: Archive, settings: ScenesSettings) -> str:
    if faulty := [product.sentence for product in archive.faulty]:
        total = counted(len(archive.products), "product")
        return f"scenes: none of {total} can be used: {some(faulty, most=3, separator='; ')}"
    days = sorted(product.name.acquired.date() for product in archive.products if product.name.acquired is not None)
    period = f" from {days[0]} to {days[-1]}" if days else ""
    chosen = {"scenes.start": settings.start, "scenes.end": settings.end, "scenes.exclude": settings.exclude}
    keys = ", ".join(f"{key} ({value})" for key, value in chosen.items() if value and key != "scenes.exclude")
    named = sum(p.left_out is not None and p.left_out.reason is Reason.NAMED for p in archive.products)
    excluded = f"scenes.exclude ({named} of them)" if named else ""
    return (
        f"{', '.join(filter(None, (keys, excluded)))}: of {counted(len(archive.products), 'product')}{period} none is left; "
        "correct the dates or names"
    )


def remarks(archive: Archive, settings: ScenesSettings) -> list[str]:
    """Sentences on what the layout doesn't recognise, and on excluded names that no product has."""
    found = []
    if archive.strangers:
        names = some((place.below(settings.folder) for place in archive.strangers), most=3)
        many = len(archive.strangers) > 1
        what = f"{len(archive.strangers)} entries" if many else "1 entry"
        found.append(f"{what} of {settings.folder} {'are' if many else 'is'} no {settings.layout} product: {names}")
    if settings.description.bands and not settings.description.masks:
        found.append("scenes.description.masks: there are none, so that clouds count as clear ground")
    unknown = set(settings.exclude) - {name for product in archive.products for name in _names(product)}
    if unknown:
        found.append(f"scenes.exclude: no product is called {some(sorted(unknown), most=3)}")
    return found


def judge(products: Sequence[Listed], settings: ScenesSettings) -> list[Listed]:
    """Leave out what the settings do not ask for, then all but the newest processing of each acquisition."""
    judged = [dataclasses.replace(p, left_out=_not_asked_for(p, settings) or p.left_out) for p in products]
    better = _superseded([product for product in judged if product.left_out is None])
    return [
        dataclasses.replace(product, left_out=better[product.address]) if product.address in better else product
        for product in judged
    ]


def _names(product: Listed) -> set[str]:
    return {product.source.location.name, product.scene_id}


def _not_asked_for(product: Listed, settings: ScenesSettings) -> LeftOut | None:
    day: date | None = product.name.acquired and product.name.acquired.date()
    if day and settings.start and day < settings.start:
        return LeftOut(Reason.DATE, f"{product.scene_id}: is of {day}, before scenes.start ({settings.start})")
    if day and settings.end and day > settings.end:
        return LeftOut(Reason.DATE, f"{product.scene_id}: is of {day}, after scenes.end ({settings.end})")
    if _names(product) & set(settings.exclude):
        return LeftOut(Reason.NAMED, f"{product.scene_id}: is named in scenes.exclude")
    return None


def _superseded(products: Sequence[Listed]) -> dict[str, LeftOut]:
    """The products that another one replaces, by their addresses.

    Products of one platform, tile and second are one acquisition. The latest processing wins; of one product that is
    there twice the folder wins over the archive file, then the first address. Two acquisitions of one day are no duplicates.
    """
    by_acquisition: dict[tuple[object, ...], list[Listed]] = {}
    for product in products:
        name = product.name
        # processings of one acquisition differ by milliseconds
        second = product.acquired.replace(microsecond=0)
        by_acquisition.setdefault((name.platform, name.tile, name.ground, second), []).append(product)
    found = {}
    for same in by_acquisition.values():
        ranked = sorted(same, key=lambda p: (Container(p.source.location).is_archive, p.address))
        # stable: of equal processings the first of these stays in front
        ranked.sort(key=lambda p: p.name.processed, reverse=True)
        best, *others = ranked
        for other in others:
            twice = other.scene_id == best.scene_id
            why = "the same product is there twice" if twice else "the same acquisition was processed later"
            found[other.address] = LeftOut(Reason.DUPLICATE, f"{other.scene_id}: {why}, {best.address} is read")
    return found
