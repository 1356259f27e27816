"""The polygons table in numbers and, thinned out, as outlines: what a figure and a summary need of it."""

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F


def amounts(polygons: DataFrame) -> list[Row]:
    """label, set, polygons, hectares: of each class the polygons and their ground by set.

    Sets are the splits, and 'monitored' apart from 'train'; a polygon that is cut by tiles may be in several.
    """
    rows = (
        _with_set(polygons)
        .groupBy("label", "set")
        .agg(F.countDistinct("polygon_id").alias("polygons"), (F.sum("area_m2") / 10_000).alias("hectares"))
        .orderBy("label", "set")
    )
    return rows.collect()


def folds(polygons: DataFrame) -> dict[str, int]:
    """Polygons of each fold, in the order of their names; those without a fold under ''."""
    named = polygons.groupBy(F.coalesce("fold", F.lit("")).alias("name"))
    rows = named.agg(F.countDistinct("polygon_id").alias("polygons")).orderBy("name").collect()
    return {row.name: row.polygons for row in rows}


def outlines(polygons: DataFrame, *, most: int, tolerance: float) -> list[Row]:
    """set, fold, wkb of at most `most` pieces, by a hash of their ids; simplified by `tolerance`, in units of the CRS."""
    shape = f"ST_AsBinary(ST_SimplifyPreserveTopology(geometry, {tolerance}D))"
    few = _with_set(polygons).orderBy(F.xxhash64("piece_id"), "piece_id").limit(most)
    return few.select("set", "fold", F.expr(shape).alias("wkb")).collect()


def _with_set(polygons: DataFrame) -> DataFrame:
    return polygons.withColumn("set", F.when(F.col("monitored"), "monitored").otherwise(F.col("split")))
