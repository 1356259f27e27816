"""The catalogue: one row a product, with Sedona footprints, and what was left out with the reason."""

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import shapely
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType
from shapely.geometry.base import BaseGeometry

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.marks import Marks
from sitspark.scenes.archive import ROW, Archive
from sitspark.scenes.calendar import clear_share
from sitspark.scenes.inspect import Inspection, inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import BEYOND, ELSEWHERE, OTHER_CRS, LeftOut, Reason
from sitspark.scenes.outline import share_covered, to_geographic
from sitspark.scenes.product import Asset, Contents, Layout, Scene, Source
from sitspark.scenes.region import Region
from sitspark.scenes.table import scenes_of_tile
from sitspark.spark import pattern
from sitspark.worker import end_task

CATALOGUE_VERSION = 10  # of the code that makes the rows
_HEADERS_A_TASK = 400  # files opened by one task: about a second

_LISTED = """
    scene_id string, sensor string, platform string, tile string, acquired timestamp, relative_orbit int,
    processing_baseline string, path string, fingerprint string, left_out string, problem string
"""
_SCHEMA = f"""{_LISTED}, cloud_cover double, crs string, footprint_wkb binary,
    assets array<struct<name: string, path: string, height: int, width: int, transform: array<double>, dtype: string,
        nodata: double, scale: double, offset: double, block_height: int, block_width: int, number: int>>
"""


def catalogue(
    spark: SparkSession, archive: Archive, selection: Selection, *, scratch: Path, marks: Marks, known: DataFrame | None = None
) -> DataFrame:
    """The scenes frame, a row for each product; `left_out` and `problem` are null for the usable ones.

    Metadata and headers are opened in parallel, but not of products that are left out already, nor of those in `known`
    (an earlier scenes frame) that have the same fingerprint: it stands for a product's files and for all that its row
    follows from. Each product is marked when it is done. What is listed goes through a file of its own below `scratch`, a
    folder that the workers see too.
    """
    frame = _listed(spark, archive, scratch)
    fresh = frame
    if known is not None:
        wanted = frame.where("left_out is null").select("fingerprint")
        here = known.where(F.col("sensor") == selection.layout.sensor)
        unchanged = _before_comparison(here).join(wanted, "fingerprint", "left_semi")
        fresh = frame.join(unchanged.select("fingerprint"), "fingerprint", "left_anti")
    tasks = -(-len(archive.products) * len(selection.names) // _HEADERS_A_TASK)

    def inspect(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield pd.DataFrame([_inspected(product, selection) for product in batch.to_dict("records")])
            marks.add(batch["scene_id"].iloc[0], len(batch))
        end_task()

    opened = (
        fresh.repartition(tasks, "path")
        .mapInPandas(inspect, _SCHEMA)
        .withColumn("footprint", F.expr("ST_SetSRID(ST_GeomFromWKB(footprint_wkb), 4326)"))
        .drop("footprint_wkb")
    )
    return opened if known is None else opened.unionByName(unchanged)


def _before_comparison(known: DataFrame) -> DataFrame:
    """The products whose own files are usable, also those that were left out for where they lie, as if they weren't."""
    by_place = F.col("left_out").isin([reason.value for reason in Reason if reason.is_by_place])
    usable = known.where(F.col("left_out").isNull() | by_place)
    return usable.withColumns({name: F.lit(None).cast("string") for name in ("left_out", "problem")})


def _listed(spark: SparkSession, archive: Archive, scratch: Path) -> DataFrame:
    """What is known of products before they are opened; batch by batch, for the driver may not hold them all."""
    file = Path(tempfile.mkdtemp(prefix="listed-", dir=scratch), "products.parquet")
    with pq.ParquetWriter(file, ROW) as writer:
        for batch in archive.batches():
            writer.write_batch(batch)
    return spark.read.parquet(pattern(file)).withColumnRenamed("address", "path")


def _inspected(product: Mapping[Any, Any], selection: Selection) -> Mapping[Any, Any]:
    """The row of a product with what its metadata and headers say, unless it is left out already."""
    described = product["contents"]
    contents = Contents.from_json(described) if described else None
    source = Source(product["scene_id"], Location(product["path"]), contents)
    found = inspect_product(source, selection) if product["left_out"] is None else Inspection(None, ())
    row = {
        **{name: value for name, value in product.items() if name != "contents"},
        "crs": found.crs,
        "cloud_cover": found.cloud_cover,
        "footprint_wkb": footprint_of(found.assets, found.crs),
        "assets": [dataclasses.asdict(asset) for asset in found.assets],
    }
    return row | {"left_out": found.left_out.reason, "problem": found.problem} if found.left_out else row


def footprint_of(assets: tuple[Asset, ...], crs: str | None) -> bytes | None:
    """The outline of a product in EPSG:4326 as WKB."""
    if not assets or crs is None:
        return None
    outline = shapely.unary_union([shapely.box(*asset.bounds) for asset in assets])
    return shapely.to_wkb(to_geographic(outline, crs))


def acquisitions(
    scenes: DataFrame, table: Path, layout: Layout, *, region: Region | None, tasks: int, marks: Marks
) -> DataFrame:
    """The usable products of a layout with their clear shares (in the region): scene_id, sensor, tile, acquired, clear_share.

    `table` is where `scenes` lies. Each product is marked when its masks are read.
    """

    def look(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            shares = []
            for scene_id, tile in zip(batch["scene_id"], batch["tile"], strict=True):
                scene = next(s for s in scenes_of_tile(table, layout.sensor, tile) if s.scene_id == scene_id)
                shares.append(_known_share(scene, layout, region))
                marks.add(scene_id)
            yield batch.assign(clear_share=np.array(shares, np.float64))
        end_task()

    usable = scenes.where("left_out is null").where(F.col("sensor") == layout.sensor)
    return (
        usable.select("scene_id", "sensor", "tile", "acquired")
        # tile by tile: a worker keeps the scenes of a few
        .repartitionByRange(tasks, "tile", "scene_id")
        .mapInPandas(look, "scene_id string, sensor string, tile string, acquired timestamp, clear_share double")
    )


def _known_share(scene: Scene, layout: Layout, region: Region | None) -> float | None:
    """The clear share; None where a mask is damaged, which matters only where the run reads it."""
    try:
        return clear_share(scene, layout, region)
    except SitsparkError:
        return None


def of_this_version(scenes: DataFrame) -> bool:
    """Whether a scenes frame has the columns of this version, with what they hold."""
    wanted = StructType.fromDDL(_SCHEMA)
    assert isinstance(wanted, StructType)
    types = {field.name: field.dataType.simpleString() for field in scenes.schema}
    return all(types.get(field.name) == field.dataType.simpleString() for field in wanted if field.name != "footprint_wkb")


def counts_left_out(scenes: DataFrame) -> dict[Reason, int]:
    """How many products are left out for each reason that occurs."""
    rows = scenes.where("left_out is not null").groupBy("left_out").count().collect()
    counts = {row.left_out: row["count"] for row in rows}
    return {reason: counts[reason] for reason in Reason if reason in counts}


def first_left_out(scenes: DataFrame, most: int) -> list[LeftOut]:
    """Some of the products that are left out, those with which something is wrong before the others, then by name."""
    chosen = F.col("left_out").isin([reason.value for reason in Reason if reason.is_chosen])
    rows = scenes.where("left_out is not null").orderBy(chosen, "left_out", "scene_id").limit(most)
    return [LeftOut(Reason(row.left_out), row.problem) for row in rows.select("left_out", "problem").collect()]


def flag_other_crs(scenes: DataFrame, leading: str) -> DataFrame:
    """Leave out every product of the sensor `leading` whose CRS isn't that of most of them; others are warped to it."""
    led = F.col("sensor") == leading
    counted = scenes.where("left_out is null").where(led).groupBy("crs").count().orderBy(F.desc("count"), "crs").limit(1)
    most = counted.select(F.col("crs").alias("common_crs"))
    sentence = F.format_string(OTHER_CRS, "scene_id", "crs", "common_crs")
    # there is no such row where nothing is left
    joined = scenes.join(F.broadcast(most), F.lit(True), "left")
    return _without(joined, led & (F.col("crs") != F.col("common_crs")), Reason.CRS, sentence).drop("common_crs")


def flag_outside(scenes: DataFrame, region: Region) -> DataFrame:
    """Leave out every product that doesn't reach the region."""
    sentence = F.format_string(ELSEWHERE, "scene_id")
    return _flag_apart(scenes, region.to("EPSG:4326").outline, F.lit(True), Reason.OUTSIDE, sentence)


def flag_beyond(scenes: DataFrame, leading: str) -> DataFrame:
    """Leave out every product of another sensor that reaches no product of the sensor `leading`."""
    led = F.col("sensor") == leading
    ground = _grounds(scenes.where(led)).get(leading, shapely.Polygon())
    return _flag_apart(scenes, ground, ~led, Reason.BEYOND, F.format_string(BEYOND, "scene_id", F.lit(leading)))


def shares_seen(scenes: DataFrame, leading: str) -> dict[str, float]:
    """The share (0-1) of the ground of the sensor `leading` that the products of each other sensor cover."""
    grounds = _grounds(scenes)
    own = grounds.pop(leading)
    return {sensor: share_covered(own, ground) for sensor, ground in grounds.items()}


def _grounds(scenes: DataFrame) -> dict[str, BaseGeometry]:
    """The ground that the usable products of each sensor cover."""
    outlines: dict[str, list[BaseGeometry]] = {}
    # the products of a tile have few outlines, most often one
    few = scenes.where("left_out is null").select("sensor", F.expr("ST_AsBinary(footprint)").alias("wkb")).distinct()
    for row in few.collect():
        outlines.setdefault(row.sensor, []).append(shapely.from_wkb(bytes(row.wkb)))
    return {sensor: shapely.union_all(parts) for sensor, parts in outlines.items()}


def _flag_apart(scenes: DataFrame, ground: BaseGeometry, where: Column, reason: Reason, sentence: Column) -> DataFrame:
    """Leave out every product for which `where` holds and which doesn't reach a ground (in EPSG:4326)."""
    outline = scenes.sparkSession.createDataFrame([(bytearray(shapely.to_wkb(ground)),)], "wkb binary")
    apart = ~F.expr("ST_Intersects(footprint, ST_SetSRID(ST_GeomFromWKB(wkb), 4326))")
    return _without(scenes.crossJoin(F.broadcast(outline)), where & apart, reason, sentence).drop("wkb")


def _without(scenes: DataFrame, where: Column, reason: Reason, sentence: Column) -> DataFrame:
    """Give a reason to the products that none leaves out so far and for which `where` holds."""
    now = F.col("left_out").isNull() & where
    return scenes.withColumns(
        {
            "left_out": F.when(now, F.lit(reason.value)).otherwise(F.col("left_out")),
            "problem": F.when(now, sentence).otherwise(F.col("problem")),
        }
    )
