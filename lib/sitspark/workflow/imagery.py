"""The stages that look at the archive: the catalogue of products, and the calendar of acquisitions."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy.figures import calendar_figure
from sitspark.atomic import publish
from sitspark.errors import SitsparkError, counted
from sitspark.marks import Marks
from sitspark.scenes.calendar import MOST_TILES, Acquisition, Calendar
from sitspark.scenes.catalogue import (
    CATALOGUE_VERSION,
    acquisitions,
    catalogue,
    counts_left_out,
    first_left_out,
    flag_beyond,
    flag_other_crs,
    flag_outside,
    of_this_version,
    shares_seen,
)
from sitspark.scenes.chunk_plan import coverage
from sitspark.scenes.cube import READER_VERSION
from sitspark.scenes.left_out import PARTLY, REMEDY, WHOLE, Judgement, LeftOut, Reason
from sitspark.scenes.sensors import ArchiveSensor
from sitspark.settings import OF_SERIES, ScenesSettings
from sitspark.workflow.context import Context, coverage_facts
from sitspark.workflow.keys import digest, fingerprint
from sitspark.workflow.left_out_table import LISTED, left_out_table
from sitspark.workflow.stage import Outcome, Stage
from sitspark.workflow.tables import read_table, write_table

_PRODUCTS_A_TASK = 8  # whose masks are read by one task: a few seconds
_SHOWN = 3  # problems named in a line or an error; the rest is counted


def _catalogue(context: Context, _key: str) -> Outcome:
    settings, target, leading = context.settings, context.folder.table("scenes"), context.leading.name
    with context.marked("scenes", sum(len(archive.products) for archive in context.archives.values()), "products") as marks:
        # all uses of the frame read the same headers once
        scenes = _all_sensors(context, marks).cache()
        found = flag_outside(scenes, context.region) if context.region else scenes
        found = found if settings.grid.crs else flag_other_crs(found, leading)
        found = flag_beyond(found, leading) if len(context.sensors) > 1 else found
        # tile by tile, as it is read
        write_table(found.orderBy("sensor", "tile", "acquired", "scene_id"), target, crs="EPSG:4326")
        scenes.unpersist()
    table = read_table(context.spark, target)
    judged = [_judged(context, sensor, table) for sensor in context.sensors]
    covered = coverage(table, settings.grid, leading=leading)
    blind = [sensor for sensor in context.sensors if sensor.name not in covered.acquired]
    if blind:
        raise SitsparkError(blind[0].told(f"no product reaches the tiles of {leading}; correct the folder"))
    shares = shares_seen(table, leading) if len(context.sensors) > 1 else {}
    for sensor, share in shares.items():
        if share < WHOLE:
            context.voice.note(PARTLY % (sensor, 100 * share, leading))
    used = sum(judgement.used for judgement in judged)
    reasons = sum((judgement.left_out for judgement in judged), Counter[Reason]())
    faulty = [product.sentence for product in first_left_out(table, _SHOWN) if not product.reason.is_chosen]
    lost = ", ".join(f"{reasons[reason]} {reason}" for reason in Reason if reasons[reason])
    grid = covered.grid
    return Outcome(
        f"{counted(used, 'product')} of {counted(len(covered.tiles), 'tile')}, {covered.period.first} to "
        f"{covered.period.last}, grid of {grid.width} x {grid.height} pixels of {grid.resolution:g} m in {grid.crs}"
        + (f"; left out: {lost} (sitspark scenes lists them)" if lost else ""),
        {
            "coverage": coverage_facts(covered),
            "products": used,
            "left_out": dict(reasons),
            "faulty": faulty,
        },
        (target,),
    )


def _all_sensors(context: Context, marks: Marks) -> DataFrame:
    """The scenes frame of all sensors; what is known is recognised by the fingerprints that archives have."""
    _noted = context.fingerprints_of_archives
    known = _known_scenes(context)
    frames = (
        catalogue(
            context.spark,
            context.archives[sensor.name],
            sensor.selection,
            scratch=context.folder.scratch,
            marks=marks,
            known=known,
        )
        for sensor in context.sensors
    )
    return functools.reduce(DataFrame.unionByName, frames)


def _judged(context: Context, sensor: ArchiveSensor, table: DataFrame) -> Judgement:
    """What of a sensor's products is left out; raises SitsparkError where that is more than may be."""
    own = table.where(F.col("sensor") == sensor.name)
    judged = Judgement.of(len(context.archives[sensor.name].products), counts_left_out(own), sensor.settings)
    if judged.stops:
        first = first_left_out(own, LISTED)
        context.voice.console.print(left_out_table(first, judged.left_out.total()))
        raise SitsparkError(sensor.told(_refusal(judged, first, sensor.settings)))
    return judged


def _calendar(context: Context, key: str) -> Outcome:
    """How much of each product is clear; drawn tile by tile."""
    figure = context.folder.calendar
    used = context.facts("scenes")["products"]
    with context.marked("calendar", used, "products") as marks:
        frames = (
            acquisitions(
                context.table("scenes"),
                context.folder.table("scenes"),
                sensor.selection.layout,
                region=context.region,
                tasks=-(-used // _PRODUCTS_A_TASK),
                marks=marks,
            )
            for sensor in context.sensors
        )
        context.write("acquisitions", functools.reduce(DataFrame.unionByName, frames), key=key)
    found = calendar_of(context)
    publish(figure, calendar_figure(found.acquisitions))
    clear = "without masks" if found.clear_share is None else f"{found.clear_share:.0%} clear on average"
    return Outcome(f"{counted(used, 'product')}, {clear}", {}, (context.folder.table("acquisitions"), figure))


def calendar_of(context: Context) -> Calendar:
    """The usable products by tile (and sensor, where there are several) and date."""
    # first: where all stages were done before, nothing has started Spark, without which there is no column either
    table = context.table("acquisitions")
    own = F.col("sensor") == context.leading.name
    table = table.withColumn("tile", F.when(own, F.col("tile")).otherwise(F.concat_ws(" ", "tile", "sensor")))
    sums = F.countDistinct("tile").alias("tiles"), F.count("*").alias("products"), F.avg("clear_share").alias("clear")
    (totals,) = table.agg(*sums).collect()
    first = table.select("tile").distinct().orderBy("tile").limit(MOST_TILES)
    rows = table.join(F.broadcast(first), "tile").orderBy("tile", "acquired", "scene_id").collect()
    shown = tuple(Acquisition(row.tile, row.acquired.date(), row.clear_share) for row in rows)
    return Calendar(shown, totals.tiles, totals.products, totals.clear)


def _known_scenes(context: Context) -> DataFrame | None:
    """The scenes table of an earlier run, where it was made by this version."""
    try:
        found = read_table(context.spark, context.folder.table("scenes"))
    except SitsparkError:
        return None
    return found if of_this_version(found) else None


def _refusal(judged: Judgement, first: Sequence[LeftOut], settings: ScenesSettings) -> str:
    """The sentence on products that can't be used, where none may be left out, or too many would be."""
    named = [product.sentence for product in first if not product.reason.is_chosen][:_SHOWN]
    more = [f"and {judged.faulty - len(named)} more"] if judged.faulty > len(named) else []
    where = "; `sitspark check` lists them all" if judged.faulty > LISTED else ""
    listed = f"{'; '.join(named + more)}{where}; {REMEDY}"
    if settings.on_problem == "fail":
        return listed
    return (
        f"{judged.faulty} of {counted(judged.asked_for, 'product')} can't be used, more than scenes.max_left_out "
        f"({settings.max_left_out:.0%}) allows: {listed}"
    )


def _scenes_inputs(context: Context) -> Any:
    settings = context.settings
    grid = settings.grid
    return [
        [archive.model_dump(mode="json", exclude=OF_SERIES) for archive in settings.archives],
        [grid.crs, grid.resolution, grid.overlap_margin, grid.region],
        fingerprint([grid.region]) if isinstance(grid.region, Path) else None,
        context.fingerprints_of_archives,
        # a product that can't be read has no fingerprint
        [digest(*(product.sentence for product in archive.faulty)) for archive in context.archives.values()],
    ]


STAGES = (
    Stage("scenes", (), CATALOGUE_VERSION, _scenes_inputs, _catalogue),
    Stage("calendar", ("scenes",), READER_VERSION, lambda _context: None, _calendar),
)
