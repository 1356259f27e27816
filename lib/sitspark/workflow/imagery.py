"""The stages that look at the archive: the catalogue of products, and the calendar of acquisitions."""

from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from sitspark.accuracy.figures import calendar_figure
from sitspark.atomic import publish
from sitspark.errors import SitsparkError, some
from sitspark.scenes.calendar import Acquisition
from sitspark.scenes.catalogue import acquisitions, catalogue, flag_other_crs, flag_outside, left_out
from sitspark.scenes.chunk_plan import coverage
from sitspark.scenes.cube import READER_VERSION
from sitspark.scenes.left_out import REMEDY, Judgement
from sitspark.settings import ScenesSettings
from sitspark.workflow.context import Context, coverage_facts
from sitspark.workflow.keys import digest, fingerprint
from sitspark.workflow.left_out_table import LISTED, left_out_table
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.tables import read_table, write_table

SCENES_VERSION = 7
_PRODUCTS_A_TASK = 8  # whose masks are read by one task: a few seconds
_SHOWN = 3  # problems named in a line or an error; the rest is counted


def _catalogue(context: Context, _key: str) -> Outcome:
    settings, target = context.settings, context.folder.table("scenes")
    with context.marked("scenes", len(context.archive.products), "products") as marks:
        scenes = catalogue(
            context.spark,
            context.archive.products,
            context.selection,
            fingerprints=_row_fingerprints(context),
            marks=marks,
            known=_known_scenes(context),
        )
        # both uses of the frame read the same headers once
        scenes = scenes.cache()
        here = flag_outside(scenes, context.region) if context.region else scenes
        write_table(here if settings.grid.crs else flag_other_crs(here), target, crs="EPSG:4326")
        scenes.unpersist()
    table = read_table(context.spark, target)
    judged = Judgement.of(len(context.archive.products), left_out(table), settings.scenes)
    if judged.stops:
        context.voice.console.print(left_out_table(judged.left_out))
        raise SitsparkError(_refusal(judged, settings.scenes))
    covered = coverage(table, settings.grid)
    used = judged.total - len(judged.left_out)
    grid = covered.grid
    lost = ", ".join(f"{count} {reason}" for reason, count in judged.counts.items())
    return Outcome(
        f"{used} products of {len(covered.tiles)} tiles, {covered.first} to {covered.last}, grid of "
        f"{grid.width} x {grid.height} pixels of {grid.resolution:g} m in {grid.crs}"
        + (f"; left out: {lost} (sitspark scenes lists them)" if lost else ""),
        {
            "coverage": coverage_facts(covered),
            "products": used,
            "left_out": judged.counts,
            "faulty": [product.sentence for product in judged.faulty[:_SHOWN]],
        },
        (target,),
    )


def _calendar(context: Context, _key: str) -> Outcome:
    """How much of each product is clear; drawn tile by tile."""
    target, figure = context.folder.table("acquisitions"), context.folder.calendar
    used = context.facts("scenes")["products"]
    with context.marked("calendar", used, "products") as marks:
        frame = acquisitions(
            context.table("scenes"),
            context.folder.table("scenes"),
            context.selection.layout,
            region=context.region,
            tasks=-(-used // _PRODUCTS_A_TASK),
            marks=marks,
        )
        write_table(frame, target)
    found = acquisitions_of(context)
    publish(figure, calendar_figure(found))
    known = [acquisition.clear_share for acquisition in found if acquisition.clear_share is not None]
    clear = f"{sum(known) / len(known):.0%} clear on average" if known else "without masks"
    return Outcome(f"{used} products, {clear}", {}, (target, figure))


def acquisitions_of(context: Context) -> tuple[Acquisition, ...]:
    """The usable products by tile and date."""
    rows = context.table("acquisitions").collect()
    return tuple(
        sorted((Acquisition(r.tile, r.acquired.date(), r.clear_share) for r in rows), key=lambda a: (a.tile, a.acquired))
    )


def _row_fingerprints(context: Context) -> dict[str, str]:
    """What the row of a product follows from, and the version of the code that makes it."""
    return {address: digest(found, SCENES_VERSION) for address, found in context.product_fingerprints.items()}


def _known_scenes(context: Context) -> DataFrame | None:
    """The scenes table of an earlier run, where it has the columns of this version."""
    try:
        found = read_table(context.spark, context.folder.table("scenes"))
    except SitsparkError:
        return None
    return found if "fingerprint" in found.columns else None


def _refusal(judged: Judgement, settings: ScenesSettings) -> str:
    """The sentence on products that can't be used, where none may be left out, or too many would be."""
    faulty = judged.faulty
    where = "; `sitspark check` lists them all" if len(faulty) > LISTED else ""
    listed = f"{some((product.sentence for product in faulty), most=_SHOWN, separator='; ')}{where}; {REMEDY}"
    if settings.on_problem == "fail":
        return listed
    return (
        f"{len(faulty)} of {judged.asked_for} products can't be used, more than scenes.max_left_out "
        f"({settings.max_left_out:.0%}) allows: {listed}"
    )


def _scenes_inputs(context: Context) -> Any:
    settings = context.settings
    grid = settings.grid
    return [
        settings.scenes.model_dump(mode="json"),
        [grid.crs, grid.resolution, grid.overlap_margin, grid.region],
        fingerprint([grid.region]) if isinstance(grid.region, Path) else None,
        sorted(context.product_fingerprints.items()),
    ]


STAGES = (
    Stage("scenes", (), SCENES_VERSION, _scenes_inputs, _catalogue),
    Stage("calendar", ("scenes",), READER_VERSION, lambda _context: None, _calendar),
)
