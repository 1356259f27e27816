"""Checking every product of every sensor: missing and damaged files, and what else leaves one out."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from sitspark.ahead import mapped
from sitspark.scenes.catalogue import footprint_of
from sitspark.scenes.inspect import Inspection, inspect_pixels, inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import BEYOND, ELSEWHERE, OTHER_CRS, PARTLY, REMEDY, WHOLE, Judgement, LeftOut, Reason
from sitspark.scenes.outline import share_covered
from sitspark.scenes.product import Source
from sitspark.scenes.sensors import ArchiveSensor
from sitspark.workflow.context import Context
from sitspark.workflow.finding import Finding, Verdict

_PRODUCT = "product"  # the subject of lines on single products, and on what is left out
_THREADS = 8  # headers opened at a time: opening waits for the disk or the network

# the usable products of one sensor by their ids
Usable = Mapping[str, Inspection]


@dataclass(frozen=True, slots=True)
class Depth:
    """How closely products are looked at, and what is said where nothing is wrong with them."""

    inspect: Callable[[Source, Selection], Inspection]
    praise: str


HEADERS = Depth(inspect_product, "every band and mask is there, to its last block")
PIXELS = Depth(inspect_pixels, "every pixel of every band and mask can be decoded")


def check_products(context: Context, depth: Depth) -> list[Finding]:
    """Open every product, sensor by sensor."""
    found: list[Finding] = []
    ground: BaseGeometry | None = None
    for sensor in context.sensors:
        usable, left_out = _inspected(context, sensor, depth)
        if context.region is not None:
            apart = _apart(usable, context.region.to("EPSG:4326").outline)
            left_out += [LeftOut(Reason.OUTSIDE, ELSEWHERE % name) for name in apart]
            usable = {name: found for name, found in usable.items() if name not in apart}
        if ground is None:
            if context.settings.grid.crs is None:
                other = _of_other_crs(usable)
                left_out += other.values()
                usable = {name: found for name, found in usable.items() if name not in other}
            ground = shapely.union_all(list(_footprints(usable).values()))
        else:
            apart = _apart(usable, ground)
            left_out += [LeftOut(Reason.BEYOND, BEYOND % (name, context.leading.name)) for name in apart]
            if usable and len(apart) == len(usable):
                sentence = f"no product reaches the tiles of {context.leading.name}; correct the folder"
                found.append(Finding(f"products{context.naming(sensor)}", sensor.told(sentence), Verdict.WRONG))
                continue
            near = [footprint for name, footprint in _footprints(usable).items() if name not in apart]
            share = share_covered(ground, shapely.union_all(near))
            if near and share < WHOLE:
                found.append(Finding(_PRODUCT, PARTLY % (sensor.name, 100 * share, context.leading.name), Verdict.DETAIL))
        found += _findings(context, sensor, left_out, depth)
    return found


def _inspected(context: Context, sensor: ArchiveSensor, depth: Depth) -> tuple[Usable, list[LeftOut]]:
    """The products of a sensor that can be used, and why others can't."""
    archive = context.archives[sensor.name]
    inspected = list(mapped(lambda product: depth.inspect(product.source, sensor.selection), archive.wanted, threads=_THREADS))
    left_out = list(archive.left_out)
    left_out += [product.left_out for product in inspected if product.left_out is not None]
    usable = {p.scene_id: found for p, found in zip(archive.wanted, inspected, strict=True) if found.left_out is None}
    return usable, left_out


def _findings(context: Context, sensor: ArchiveSensor, left_out: list[LeftOut], depth: Depth) -> list[Finding]:
    counts = Counter(product.reason for product in left_out)
    judged = Judgement.of(len(context.archives[sensor.name].products), counts, sensor.settings)
    of = context.naming(sensor)
    found = [
        Finding(_PRODUCT, p.sentence if judged.stops else f"will be left out: {p.sentence}", Verdict.DETAIL)
        for p in left_out
        if not p.reason.is_chosen
    ]
    chosen = ", ".join(f"{counts[reason]} {reason}" for reason in Reason if reason.is_chosen and counts[reason])
    if chosen:
        found.append(Finding(_PRODUCT, f"left out{of} by choice: {chosen}; `sitspark scenes` lists them", Verdict.DETAIL))
    if not judged.faulty:
        return [*found, Finding(f"products{of}", _praise(context, sensor, depth))]
    allowed = f", scenes.max_left_out allows {judged.allowed:.0%}" if judged.allowed else ""
    if judged.stops_late:
        allowed = ", and a run stops when it comes to what is damaged inside"
    sentence = f"{judged.faulty} of {judged.asked_for} can't be used{allowed}; {REMEDY}"
    return [*found, Finding(f"products{of}", sentence, Verdict.WRONG if judged.stops else Verdict.LOSS)]


def _praise(context: Context, sensor: ArchiveSensor, depth: Depth) -> str:
    """What is right with the products, and how many nobody has looked at."""
    products = context.archives[sensor.name].wanted
    believed = sum(product.source.is_described for product in products)
    if depth is PIXELS or not believed:
        return depth.praise
    return f"{believed} of {len(products)} are taken as their STAC items describe them; --deep opens their files"


def _footprints(usable: Usable) -> dict[str, BaseGeometry]:
    outlines = {name: footprint_of(found.assets, found.crs) for name, found in usable.items()}
    return {name: shapely.from_wkb(wkb) for name, wkb in outlines.items() if wkb is not None}


def _apart(usable: Usable, ground: BaseGeometry) -> set[str]:
    """The products that don't reach a ground."""
    return {name for name, footprint in _footprints(usable).items() if not shapely.intersects(footprint, ground)}


def _of_other_crs(usable: Usable) -> dict[str, LeftOut]:
    """The products that are not in the CRS of most, with the reason: without grid.crs a run can't use them."""
    crs_of = {name: found.crs for name, found in usable.items()}
    known = Counter(crs for crs in crs_of.values() if crs is not None)
    common = min(known, key=lambda crs: (-known[crs], crs), default=None)
    return {name: LeftOut(Reason.CRS, OTHER_CRS % (name, crs, common)) for name, crs in crs_of.items() if crs != common}
