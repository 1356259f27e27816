"""Validating settings and inputs before anything is computed; without Spark, so that the answer comes in seconds."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from sitspark.errors import SitsparkError, some
from sitspark.ground_truth.labels import count_labels
from sitspark.ground_truth.read import extent_of, inspect_vector
from sitspark.kernels.features import require_bands
from sitspark.scenes.archive import remarks
from sitspark.scenes.catalogue import footprint_of
from sitspark.scenes.inspect import Inspection, inspect_pixels, inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import ELSEWHERE, OTHER_CRS, REMEDY, Judgement, LeftOut, Reason
from sitspark.scenes.product import Source
from sitspark.scenes.region import Region
from sitspark.workflow.context import Context

_THREADS = 8  # headers opened at a time: opening waits for the disk or the network
PRODUCT = "product"  # the subject of findings on what is left out


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what is right, or the sentence of what is wrong."""

    subject: str
    sentence: str
    wrong: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """How closely products are looked at, and what is said where nothing is wrong with them."""

    inspect: Callable[[Source, Selection], Inspection]
    praise: str


HEADERS = Depth(inspect_product, "every band and mask is there, to its last block")
PIXELS = Depth(inspect_pixels, "every pixel of every band and mask can be decoded")


def check(context: Context, *, depth: Depth = HEADERS) -> list[Finding]:
    """Look at every input; all problems are found, not only the first."""
    found = glance(context)
    if not any(finding.wrong for finding in found if finding.subject in ("features", "scenes")):
        found += _every_product(context, depth)
    return found


def glance(context: Context) -> list[Finding]:
    """Look at all that is said without opening every image: what a run checks before it computes anything."""
    found = [_judged("output", context, _output), *_imagery(context)]
    found += [_judged("classes", context, _classes), _judged("ground truth", context, _ground_truth)]
    wrong = {finding.subject for finding in found if finding.wrong}
    if not wrong & {"classes", "ground truth"}:
        found.append(_judged("labels", context, _labels))
    if not wrong & {"features", "ground truth", "scenes", "region"}:
        found.append(_judged("overlap", context, _polygons_meet_imagery))
    return found


def _imagery(context: Context) -> list[Finding]:
    found = [_judged("features", context, _bands), _judged("scenes", context, _scenes)]
    if not any(finding.wrong for finding in found):
        found.append(_judged("region", context, _region))
    return found


def refuse_wrong_imagery(context: Context) -> None:
    """Raise SitsparkError for the first thing that is wrong with the imagery at a glance, and count the others."""
    _refuse([_judged("output", context, _output), *_imagery(context)])


def refuse_wrong_inputs(context: Context) -> None:
    """Raise SitsparkError for the first thing that a glance finds wrong, and count the others."""
    _refuse(glance(context))


def _refuse(findings: Sequence[Finding]) -> None:
    wrong = [finding.sentence for finding in findings if finding.wrong]
    if wrong:
        more = f" (and {len(wrong) - 1} more problems, which `sitspark check` lists)" if len(wrong) > 1 else ""
        raise SitsparkError(wrong[0] + more)


def _judged(subject: str, context: Context, look: Callable[[Context], str]) -> Finding:
    try:
        return Finding(subject, look(context), False)
    except SitsparkError as error:
        return Finding(subject, str(error), True)
    except Exception as error:
        # the other findings are worth telling all the same
        return Finding(subject, f"unforeseen {type(error).__name__}: {error}", True)


def _output(context: Context) -> str:
    output = context.settings.output
    existing = next(folder for folder in (output, *output.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise SitsparkError(
            f"output: {output} can't be written ({existing}: {error.strerror}); choose another folder"
        ) from None
    return f"{output} can be written"


def _classes(context: Context) -> str:
    return f"{len(context.nomenclature)} classes with colours"


def _ground_truth(context: Context) -> str:
    truth = context.settings.ground_truth
    found = inspect_vector(truth)
    return f"{found.features} features in {found.crs}, label field '{truth.label_field}'"


def _labels(context: Context) -> str:
    truth = context.settings.ground_truth
    counts = count_labels(truth, context.nomenclature)
    names = {code: f"{code} ({context.nomenclature.name_of(code)})" for code in context.nomenclature.codes}
    present = {code: counts.of_class[code] for code in names if counts.of_class[code]}
    if not present:
        raise SitsparkError(
            f"ground_truth.label_field: no value of '{truth.label_field}' in {truth.file} is a class of classes.nomenclature, "
            f"the first are {some(counts.unknown)}; name another field or another nomenclature"
        )
    parts = [f"{len(present)} of {len(names)} classes, from {min(present.values())} to {max(present.values())} features"]
    missing = [names[code] for code in names if code not in present]
    lonely = [names[code] for code, count in present.items() if count == 1]
    if missing:
        parts.append(f"never drawn for want of features: {some(missing)}")
    if lonely:
        parts.append(f"with one feature, so that none can be set aside: {some(lonely)}")
    if counts.unknown:
        parts.append(
            f"{sum(counts.unknown.values())} features of labels without class will be rejected: {some(counts.unknown)}"
        )
    return "; ".join(parts)


def _bands(context: Context) -> str:
    settings = context.settings
    layout, bands = context.selection.layout, context.selection.bands
    require_bands(settings.features.indices, bands, red=layout.red, nir=layout.nir, swir=layout.swir)
    return f"{len(bands)} bands, {', '.join(settings.features.indices) or 'no index'}"


def _scenes(context: Context) -> str:
    products = context.products
    tiles = sorted({product.name.tile for product in products})
    days = sorted(product.name.acquired.date() for product in products)
    times = context.settings.time_series
    if (times.start and times.start > days[-1]) or (times.end and times.end < days[0]):
        raise SitsparkError(
            f"time_series: {times.start or days[0]} to {times.end or days[-1]} lies outside the imagery, which is of {days[0]} "
            f"to {days[-1]}; correct the dates, or leave them out"
        )
    found = f"{len(products)} products of {len(tiles)} tiles ({', '.join(tiles)}), {days[0]} to {days[-1]}"
    return "; ".join((found, *remarks(context.archive, context.settings.scenes)))


def _polygons_meet_imagery(context: Context) -> str:
    """Compare the extent of the polygons with that of one product of each tile."""
    settings = context.settings
    boxes = list(context.tile_extents.values())
    if context.region is not None:
        boxes = [shapely.intersection(box, context.region.to("EPSG:4326").outline) for box in boxes]
    vector = inspect_vector(settings.ground_truth)
    bounds = extent_of(settings.ground_truth)
    transformer = pyproj.Transformer.from_crs(vector.crs, 4326, always_xy=True)
    extent = shapely.box(*transformer.transform_bounds(*bounds))
    if boxes and not any(box.intersects(extent) for box in boxes):
        raise SitsparkError(
            f"ground_truth.file: the features of {settings.ground_truth.file} lie at lon/lat "
            f"{_degrees(extent)}, none of the {len(boxes)} tiles reaches there; check the CRS "
            "of the file, or scenes.tiles, or grid.region"
        )
    return "the polygons' extent meets the imagery"


def _region(context: Context) -> str:
    if context.region is None:
        return "all that the imagery covers"
    outline = context.region.to("EPSG:4326").outline
    boxes = context.tile_extents.values()
    imagery = shapely.union_all(list(boxes))
    if boxes and not outline.intersects(imagery):
        swapped = shapely.transform(outline, lambda xy: xy[:, ::-1]).intersects(imagery)
        remedy = "longitude and latitude seem to be swapped" if swapped else "correct the region"
        raise SitsparkError(
            f"grid.region: lies at {_degrees(outline)}, none of the tiles {', '.join(sorted(context.tile_extents))} reaches "
            f"there, the imagery lies at {_degrees(imagery)}; {remedy}"
        )
    beyond = 1 - shapely.intersection(outline, imagery).area / outline.area
    # tiles turned against the meridians are a little smaller than their boxes
    partly = f"; {beyond:.0%} of it lies beyond the imagery" if boxes and beyond > 0.005 else ""
    return _degrees(outline) + partly


def _degrees(shape: BaseGeometry) -> str:
    left, bottom, right, top = shape.bounds
    return f"longitude {left:.3f} to {right:.3f}, latitude {bottom:.3f} to {top:.3f}"


def _every_product(context: Context, depth: Depth) -> list[Finding]:
    """Open every product: missing and damaged files, and what else leaves one out."""
    with ThreadPoolExecutor(_THREADS) as pool:
        inspected = list(pool.map(lambda product: depth.inspect(product.source, context.selection), context.products))
    left_out = [product.left_out for product in context.archive.products if product.left_out is not None]
    left_out += [found.left_out for found in inspected if found.left_out is not None]
    usable = {p.scene_id: found for p, found in zip(context.products, inspected, strict=True) if found.left_out is None}
    if context.region is not None:
        elsewhere = _elsewhere(usable, context.region)
        left_out += [LeftOut(Reason.OUTSIDE, ELSEWHERE % name) for name in elsewhere]
        usable = {name: found for name, found in usable.items() if name not in elsewhere}
    if context.settings.grid.crs is None:
        left_out += _of_other_crs({name: found.crs for name, found in usable.items()})
    judged = Judgement.of(len(context.archive.products), left_out, context.settings.scenes)
    found = [
        Finding(PRODUCT, p.sentence if judged.stops else f"will be left out: {p.sentence}", judged.stops) for p in judged.faulty
    ]
    chosen = ", ".join(f"{count} {reason}" for reason, count in judged.counts.items() if reason.is_chosen)
    if chosen:
        found.append(Finding(PRODUCT, f"left out by choice: {chosen}; `sitspark scenes` lists them", False))
    if not judged.faulty:
        return [*found, Finding("products", _praise(context, depth), False)]
    allowed = f", scenes.max_left_out allows {judged.allowed:.0%}" if judged.allowed else ""
    sentence = f"{len(judged.faulty)} of {judged.asked_for} can't be used{allowed}; {REMEDY}"
    return [*found, Finding("products", sentence, judged.stops)]


def _praise(context: Context, depth: Depth) -> str:
    """What is right with the products, and how many nobody has looked at."""
    believed = sum(product.source.is_described for product in context.products)
    if depth is PIXELS or not believed:
        return depth.praise
    return f"{believed} of {len(context.products)} are taken as their STAC items describe them; --deep opens their files"


def _elsewhere(usable: Mapping[str, Inspection], region: Region) -> list[str]:
    """The products that don't reach the region."""
    outline = region.to("EPSG:4326").outline
    footprints = {name: shapely.from_wkb(footprint_of(found.assets, found.crs)) for name, found in usable.items()}
    return [name for name, footprint in footprints.items() if not shapely.intersects(footprint, outline)]


def _of_other_crs(crs_of: Mapping[str, str | None]) -> list[LeftOut]:
    """The products that are not in the CRS of most: without grid.crs a run can't use them."""
    known = Counter(crs for crs in crs_of.values() if crs is not None)
    common = min(known, key=lambda crs: (-known[crs], crs), default=None)
    return [LeftOut(Reason.CRS, OTHER_CRS % (name, crs, common)) for name, crs in crs_of.items() if crs != common]
