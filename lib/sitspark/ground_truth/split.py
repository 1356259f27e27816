"""Splitting by whole units: which ones train, which of those only choose the epoch, which are set aside.

A *unit* (column `unit`) is what goes to one side as a whole; units are drawn within each class of each *stratum* (column
`stratum`), as a region is one.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

_UNIT = ("unit", "label", "stratum")


def split(pieces: DataFrame, *, ratio: float, monitor_share: float, seed: int) -> DataFrame:
    """Add split ('train' or 'validation') and monitored (boolean).

    Within each class and stratum the units are ordered by a hash of seed and unit; the first max(1, round(n x ratio)),
    half up, train.
    """
    units = pieces.select(*_UNIT).distinct()
    group = Window.partitionBy("label", "stratum")
    hashed = group.orderBy(F.xxhash64(F.lit(seed), "unit"), "unit")
    first = F.row_number().over(hashed) <= F.greatest(F.lit(1), F.round(F.count("*").over(group) * ratio))
    drawn = units.withColumn("split", F.when(first, "train").otherwise("validation"))
    return pieces.join(_monitored(drawn, share=monitor_share, seed=seed), list(_UNIT))


def split_as_told(pieces: DataFrame, told: DataFrame, *, monitor_share: float, seed: int) -> DataFrame:
    """Add split, as `told` (polygon_id, split) has it for each polygon, and monitored; a unit is a polygon."""
    units = pieces.select("polygon_id", *_UNIT).distinct().join(told, "polygon_id").drop("polygon_id")
    return pieces.join(_monitored(units, share=monitor_share, seed=seed), list(_UNIT))


def keep_apart(pieces: DataFrame, distance: float) -> DataFrame:
    """Set split to 'buffer' for polygons of the split 'validation' closer than `distance` to any that trains.

    `distance` is in units of the geometries' CRS.
    """
    train = pieces.where("split = 'train'").select(F.col("geometry").alias("near"))
    aside = pieces.where("split = 'validation'").select("polygon_id", "geometry")
    close = aside.join(train, F.expr(f"ST_Distance(geometry, near) < {distance}D")).select("polygon_id").distinct()
    return (
        pieces.join(close.withColumn("close", F.lit(True)), "polygon_id", "left")
        .withColumns({"split": F.when(F.col("close"), "buffer").otherwise(F.col("split"))})
        .drop("close")
    )


def _monitored(units: DataFrame, *, share: float, seed: int) -> DataFrame:
    """Of the m units of a class that train the first round(m x share) by a second hash, never all, only choose the epoch."""
    group = Window.partitionBy("label", "split")
    again = group.orderBy(F.xxhash64(F.lit(seed), F.lit("monitor"), "unit"), "unit", "stratum")
    count = F.count("*").over(group)
    few = F.row_number().over(again) <= F.least(F.round(count * share), count - 1)
    return units.withColumn("monitored", (F.col("split") == "train") & few)
