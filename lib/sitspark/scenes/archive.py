"""The products of an archive: those that the settings ask for, and of the others the reason why they are left out."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sitspark.errors import SitsparkError, some
from sitspark.scenes.container import ARCHIVES, Container
from sitspark.scenes.layouts import LAYOUTS
from sitspark.scenes.left_out import LeftOut, Reason
from sitspark.scenes.product import Layout, ProductName, product_name
from sitspark.settings import ScenesSettings

_OF_THE_SYSTEM = ("lost+found", "System Volume Information", ".Trash-0")  # in the root of a volume, closed to users


@dataclass(frozen=True, slots=True)
class Listed:
    """A product of the archive, a folder or an archive file; `left_out` is None where it is wanted."""

    path: Path
    name: ProductName
    left_out: LeftOut | None = None

    @property
    def scene_id(self) -> str:
        """The name by which tables and settings call it."""
        return product_name(self.path)


@dataclass(frozen=True, slots=True)
class Archive:
    """What lies in the folder of an archive: products, and `strangers` that the layout doesn't recognise."""

    products: tuple[Listed, ...]
    strangers: tuple[Path, ...] = ()

    @property
    def wanted(self) -> list[Listed]:
        """The products that nothing leaves out so far."""
        return [product for product in self.products if product.left_out is None]


def list_archive(settings: ScenesSettings) -> Archive:
    """The products of the wanted tiles, without opening any; raises SitsparkError when none of them is wanted."""
    if not settings.folder.is_dir():
        raise SitsparkError(f"scenes.folder: there is no folder {settings.folder}; correct the path")
    found = search(settings.folder, LAYOUTS[settings.layout])
    if not found.products:
        raise SitsparkError(
            f"scenes.folder: no {settings.layout} product lies in {settings.folder} or one level below; "
            "name the folder that holds the products, or another scenes.layout"
        )
    tiles = {product.name.tile for product in found.products}
    absent = [tile for tile in settings.tiles if tile not in tiles]
    if absent:
        raise SitsparkError(
            f"scenes.tiles: no product of tile {', '.join(absent)} in {settings.folder}; it has {', '.join(sorted(tiles))}"
        )
    of_tiles = [p for p in found.products if not settings.tiles or p.name.tile in settings.tiles]
    archive = Archive(tuple(judge(of_tiles, settings)), found.strangers)
    if not archive.wanted:
        days = sorted(product.name.acquired.date() for product in archive.products)
        raise SitsparkError(
            f"scenes.start, scenes.end, scenes.exclude: of {len(days)} products from {days[0]} to {days[-1]} none is left"
        )
    return archive


def passed_over(archive: Archive, settings: ScenesSettings) -> str | None:
    """The sentence on what the layout doesn't recognise; None where there is nothing."""
    if not archive.strangers:
        return None
    names = some((str(path.relative_to(settings.folder)) for path in archive.strangers), most=3)
    return f"{len(archive.strangers)} entries of {settings.folder} aren't named as {settings.layout} products are: {names}"


def search(folder: Path, layout: Layout) -> Archive:
    """All products at <folder>/<product> and <folder>/<tile>/<product>, in the order of their paths.

    A product is a folder or an archive file. Strangers are the other archive files, and the other folders but those that
    hold products. Raises SitsparkError for a folder that can't be listed: what lies in it would be missed in silence.
    """
    products: list[Listed] = []
    strangers: list[Path] = []
    for first in _listed(folder):
        if (name := _recognised(first, layout)) is not None:
            products.append(Listed(first, name))
        elif first.is_dir():
            below = [(second, _recognised(second, layout)) for second in _listed(first)]
            inside = [Listed(path, name) for path, name in below if name is not None]
            products += inside
            strangers += [path for path, name in below if name is None and _may_be_one(path)] if inside else [first]
        elif _may_be_one(first):
            strangers.append(first)
    return Archive(tuple(products), tuple(strangers))


def _recognised(path: Path, layout: Layout) -> ProductName | None:
    name = layout.recognise(product_name(path))
    return name if name is not None and _may_be_one(path) else None


def _may_be_one(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVES or path.is_dir()


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name not in _OF_THE_SYSTEM)
    except OSError as error:
        raise SitsparkError(
            f"scenes.folder: {folder} can't be listed ({error.strerror}); make it readable, or move it out of the archive"
        ) from None


def judge(products: Sequence[Listed], settings: ScenesSettings) -> list[Listed]:
    """Leave out what the settings do not ask for, then all but the newest processing of each acquisition."""
    judged = [dataclasses.replace(product, left_out=_not_asked_for(product, settings)) for product in products]
    better = _superseded([product for product in judged if product.left_out is None])
    return [
        dataclasses.replace(product, left_out=better[product.path]) if product.path in better else product for product in judged
    ]


def _not_asked_for(product: Listed, settings: ScenesSettings) -> LeftOut | None:
    day: date = product.name.acquired.date()
    if settings.start is not None and day < settings.start:
        return LeftOut(Reason.DATE, f"{product.scene_id}: is of {day}, before scenes.start ({settings.start})")
    if settings.end is not None and day > settings.end:
        return LeftOut(Reason.DATE, f"{product.scene_id}: is of {day}, after scenes.end ({settings.end})")
    if {product.path.name, product.scene_id} & set(settings.exclude):
        return LeftOut(Reason.NAMED, f"{product.scene_id}: is named in scenes.exclude")
    return None


def _superseded(products: Sequence[Listed]) -> dict[Path, LeftOut]:
    """The products that another one replaces.

    Products of one platform, tile and second are one acquisition. The latest processing wins; of one product that is
    there twice the folder wins over the archive file, then the first path. Two acquisitions of one day are no duplicates.
    """
    by_acquisition: dict[tuple[str, str, object], list[Listed]] = {}
    for product in products:
        by_acquisition.setdefault((product.name.platform, product.name.tile, product.name.acquired), []).append(product)
    found = {}
    for same in by_acquisition.values():
        ranked = sorted(same, key=lambda p: (Container(p.path).is_archive, p.path))
        # stable: of equal processings the first of these stays in front
        ranked.sort(key=lambda p: p.name.processed, reverse=True)
        best, *others = ranked
        for other in others:
            twice = other.scene_id == best.scene_id
            why = "the same product is there twice" if twice else "the same acquisition was processed later"
            found[other.path] = LeftOut(Reason.DUPLICATE, f"{other.scene_id}: {why}, {best.path} is read")
    return found
