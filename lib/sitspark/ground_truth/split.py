"""Splitting by whole polygons: which ones train, which of those only choose the epoch, which are set aside."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def split(pieces: DataFrame, *, ratio: float, monitor_share: float, seed: int) -> DataFrame:
    """Add split ('train' or 'validation'), monitored (boolean) and fold (the tile, for leave-one-tile-out).

    Within each class the polygons are ordered by a hash of seed and polygon id; the first max(1, round(n x ratio))
    train. Of these the first round(m x monitor_share) by a second hash, never all, only choose the epoch.
    """
    polygons = pieces.select("polygon_id", "label").distinct()
    in_class = Window.partitionBy("label")
    hashed = in_class.orderBy(F.xxhash64(F.lit(seed), "polygon_id"), "polygon_id")
    counted = polygons.withColumn("n", F.count("*").over(in_class)).withColumn("rank", F.row_number().over(hashed))
    divided = counted.withColumn(
        "split",
        F.when(F.col("rank") <= F.greatest(F.lit(1), F.round(F.col("n") * ratio)), "train").otherwise("validation"),
    )
    in_split = Window.partitionBy("label", "split")
    again = in_split.orderBy(F.xxhash64(F.lit(seed), F.lit("monitor"), "polygon_id"), "polygon_id")
    share = F.least(F.round(F.count("*").over(in_split) * monitor_share), F.count("*").over(in_split) - 1)
    monitored = divided.withColumn("monitored", (F.col("split") == "train") & (F.row_number().over(again) <= share)).select(
        "polygon_id", "split", "monitored"
    )
    return pieces.join(monitored, "polygon_id").withColumn("fold", F.col("tile"))
