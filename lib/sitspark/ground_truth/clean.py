"""Cleaning in Sedona SQL.

Every input feature ends either in pieces that are valid, single-part and in the output CRS, or among the rejected
features with its reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Territory
from sitspark.ground_truth.crs_range import beyond_range
from sitspark.ground_truth.labels import not_a_label
from sitspark.ground_truth.overlaps import Overlaps, losers, shared_ground
from sitspark.ground_truth.twins import twins
from sitspark.scenes.region import Region

_REJECTED = ("polygon_id", "label", "reason")
# what can't be read is never touched
READ = "case when problem is null then ST_Force_2D(ST_GeomFromWKB(wkb)) end"
# most are valid, and to find that costs a third of a repair
REPAIR = "case when ST_IsValid(geometry) then geometry else ST_MakeValid(geometry) end"


@dataclass(frozen=True, slots=True)
class Ground:
    """The ground that can be labelled: the output grid, the rectangles of it that each tile owns, and the region in its CRS."""

    grid: Grid
    territories: Sequence[Territory]
    region: Region | None = None

    def owned(self, spark: SparkSession) -> DataFrame:
        """owner (tile), ground (geometry in the CRS of the grid): a row for each rectangle that a tile owns."""
        boxes = [(t.tile, shapely.to_wkb(shapely.box(*self.grid.cropped(t.window).bounds))) for t in self.territories]
        frame = spark.createDataFrame(boxes, "owner string, wkb binary")
        return frame.select("owner", F.expr("ST_GeomFromWKB(wkb)").alias("ground"))


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`pieces`: polygon_id, piece_id, label, tile, area_m2, geometry. `rejected`: polygon_id, label, reason."""

    pieces: DataFrame
    rejected: DataFrame
    cached: tuple[DataFrame, ...] = ()

    def release(self) -> None:
        """Drop what was kept in memory, once both frames are written."""
        for frame in self.cached:
            frame.unpersist()


def encode_labels(features: DataFrame, nomenclature: Nomenclature, *, source: str) -> DataFrame:
    """Turn labels into class codes: whole numbers stay, names of the nomenclature become their code.

    Raises SitsparkError with the feature for a text that is neither; a number outside the nomenclature passes.
    """
    names = F.create_map(*[F.lit(part) for c in nomenclature for part in (c.name, c.code)])
    number = F.expr("try_cast(label as double)")
    whole = number == F.floor(number)
    code = F.when(whole, F.expr("try_cast(try_cast(label as double) as int)")).otherwise(
        F.try_element_at(names, F.trim("label"))
    )
    encoded = features.withColumn("code", code)
    for row in encoded.where("trim(label) <> '' and code is null").orderBy("polygon_id").limit(1).collect():
        raise SitsparkError(not_a_label(source, row.polygon_id, row.label))
    problem = [name for name in features.columns if name == "problem"]
    return encoded.select("polygon_id", F.col("code").alias("label"), "wkb", *problem)


def clean(
    features: DataFrame,
    nomenclature: Nomenclature,
    ground: Ground,
    *,
    crs: str,
    buffer: float,
    tolerance: float,
    overlaps: Overlaps = "drop",
) -> Cleaned:
    """Clean encoded features whose WKB is in `crs`; a column `problem` says which WKB can't be read.

    `buffer` (metres) surrounds points; 0 gives a point the pixel that it lies in. Of two polygons of different labels
    that share more than `tolerance` pixels `overlaps` says which is rejected.
    """
    known = ", ".join(str(code) for code in nomenclature.codes)
    if "problem" not in features.columns:
        features = features.withColumn("problem", F.lit(None).cast("string"))
    judged = features.withColumn("geometry", F.expr(READ)).withColumn(
        "reason",
        F.expr(f"""
            case when wkb is null then 'null geometry'
                 when problem is not null then problem
                 when ST_IsEmpty(geometry) then 'empty geometry'
                 when label is null then 'no label'
                 when label not in ({known}) then concat('label ', label, ' is not in the nomenclature')
                 when {beyond_range(crs)} then 'coordinates beyond the range of {crs}' end
        """),
    )
    sound, rejected_alone = _divide(judged.drop("problem"))
    unique, rejected_twins = _without_twins(sound, keep_first=overlaps != "drop")
    pieces = _pieces(unique, crs, ground.grid, buffer).cache()
    flat, rejected_flat = _without(unique, pieces, "no area is left after repair")
    inside = _inside(pieces, ground.region) if ground.region else pieces
    here, rejected_elsewhere = _without(flat, inside, "outside the region")
    placed = _place(inside, ground).cache()
    _, rejected_outside = _without(here, placed, "outside the imagery")
    conflicts = _conflicts(placed, tolerance * ground.grid.resolution**2, overlaps).cache()
    kept = placed.join(conflicts, "polygon_id", "left_anti")
    rejections = [rejected_alone, rejected_twins, rejected_flat, rejected_elsewhere, rejected_outside]
    rejections.append(conflicts.select(*_REJECTED))
    return Cleaned(kept, reduce(DataFrame.unionByName, rejections), (pieces, placed, conflicts))


def _divide(judged: DataFrame) -> tuple[DataFrame, DataFrame]:
    """The features without a reason, and the rejected ones."""
    return judged.where("reason is null").drop("reason"), judged.where("reason is not null").select(*_REJECTED)


def _without(features: DataFrame, present: DataFrame, reason: str) -> tuple[DataFrame, DataFrame]:
    """The features that are present in another frame, and those that are not, rejected with the reason."""
    absent = features.join(present, "polygon_id", "left_anti")
    return features.join(present, "polygon_id", "left_semi"), absent.select(
        "polygon_id", "label", F.lit(reason).alias("reason")
    )


def _without_twins(features: DataFrame, *, keep_first: bool) -> tuple[DataFrame, DataFrame]:
    """Features of one geometry once, and those rejected for it."""
    found = twins(features, "polygon_id", keep_first=keep_first)
    rejected = features.select("polygon_id", "label").join(found, "polygon_id")
    conflict, twin = "'same geometry as a feature of another label'", "concat('duplicate of feature ', first)"
    reason = F.expr(f"if(conflict, {conflict}, {twin})").alias("reason")
    return features.join(found, "polygon_id", "left_anti"), rejected.select("polygon_id", "label", reason)


def _pieces(features: DataFrame, crs: str, grid: Grid, buffer: float) -> DataFrame:
    """Valid single polygons in the CRS of the grid; points become their pixel or a disc."""
    if crs != grid.crs:
        features = features.withColumn("geometry", F.expr(f"ST_Transform(geometry, '{crs}', '{grid.crs}')"))
    # points of one feature become polygons each; pieces are numbered through
    points = "ST_GeometryType(geometry) in ('ST_Point', 'ST_MultiPoint')"
    column = f"floor((ST_X(geometry) - {grid.left}D) / {grid.resolution}D)"
    row = f"floor(({grid.top}D - ST_Y(geometry)) / {grid.resolution}D)"
    # half a pixel around the pixel's centre holds that centre and no other one
    pixel = f"""ST_PolygonFromEnvelope(
        {grid.left}D + ({column} + 0.25D) * {grid.resolution}D, {grid.top}D - ({row} + 0.75D) * {grid.resolution}D,
        {grid.left}D + ({column} + 0.75D) * {grid.resolution}D, {grid.top}D - ({row} + 0.25D) * {grid.resolution}D)"""
    around = f"ST_Buffer(geometry, {buffer}D)" if buffer > 0 else pixel
    single = F.posexplode(F.expr(f"case when {points} then ST_Dump(geometry) else array(geometry) end"))
    placed = (
        features.select("polygon_id", "label", single.alias("point", "geometry"))
        .withColumn("whole", F.expr("if(point = 0, cast(polygon_id as string), concat(polygon_id, 'p', point))"))
        .withColumn("geometry", F.expr(f"case when {points} then {around} else geometry end"))
    )
    return _single_polygons(placed, REPAIR, numbered_after="whole")


def _single_polygons(features: DataFrame, geometry: str, *, numbered_after: str) -> DataFrame:
    """The polygons with an area of a geometry (an expression), each a piece; `numbered_after` begins the piece's id."""
    return (
        features.withColumn("parts", F.expr(f"ST_Dump(ST_CollectionExtract({geometry}, 3))"))
        .select("polygon_id", F.col(numbered_after).alias("whole"), "label", F.posexplode("parts").alias("part", "geometry"))
        .where("ST_Area(geometry) > 0")
        .select(
            "polygon_id",
            F.concat_ws("_", "whole", "part").alias("piece_id"),
            "label",
            F.expr("ST_Area(geometry)").alias("area_m2"),
            "geometry",
        )
    )


def _inside(pieces: DataFrame, region: Region) -> DataFrame:
    """What of each piece lies in the region, in single polygons."""
    outline = pieces.sparkSession.createDataFrame([(bytearray(region.wkb),)], "wkb binary").select(
        F.expr("ST_GeomFromWKB(wkb)").alias("region")
    )
    touched = pieces.crossJoin(F.broadcast(outline)).where("ST_Intersects(geometry, region)")
    return _single_polygons(touched, "ST_Intersection(geometry, region)", numbered_after="piece_id")


def _place(pieces: DataFrame, ground: Ground) -> DataFrame:
    """Give each polygon to the tile that owns its largest part; polygons outside all tiles fall away."""
    owned = ground.owned(pieces.sparkSession).withColumnRenamed("owner", "tile")
    tiles = (
        pieces.join(F.broadcast(owned), F.expr("ST_Intersects(geometry, ground)"))
        .groupBy("polygon_id", "tile")
        .agg(F.sum(F.expr("ST_Area(ST_Intersection(geometry, ground))")).alias("area"))
        .where("area > 0")  # those that only touch the edge give no pixel
        .groupBy("polygon_id")
        # equal parts: the first name, so that the answer doesn't hang on the order of rows
        .agg(F.expr("min_by(tile, struct(-area, tile))").alias("tile"))
    )
    return pieces.join(tiles, "polygon_id")


def _conflicts(pieces: DataFrame, area: float, rule: Overlaps) -> DataFrame:
    """Polygons rejected for sharing more than `area` (m2) with one of another label: polygon_id, label, reason."""
    lost = losers(shared_ground(pieces, more_than=area), pieces, rule)
    labels = pieces.select("polygon_id", "label").distinct()
    reason = F.concat(F.lit("overlaps feature "), "other", F.lit(" of another label")).alias("reason")
    return lost.join(labels, "polygon_id").select("polygon_id", "label", reason)
