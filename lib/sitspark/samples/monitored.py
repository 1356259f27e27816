"""Samples that only choose the epoch, where they are drawn pixel by pixel."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def monitor_pixels(samples: DataFrame, *, share: float, seed: int) -> DataFrame:
    """Set `monitored` for round(m x share) of the m samples of each class that train, never for all, by a hash of their ids.

    Pixels of one polygon are on both sides then, as in iota2: what they say of the model is kinder than what polygons say.
    """
    hashed = F.xxhash64(F.lit(seed), F.lit("monitor"), "sample_id")
    of_class = Window.partitionBy("label")
    last = (
        samples.where("split = 'train'")
        .select("label", hashed.alias("hash"))
        .withColumns({"rank": F.row_number().over(of_class.orderBy("hash")), "count": F.count("*").over(of_class)})
        .where(F.col("rank") == F.least(F.round(F.col("count") * share), F.col("count") - 1))
        .select("label", "hash")
        .collect()
    )
    below = F.lit(False)
    for row in last:
        below = below | ((F.col("label") == row.label) & (hashed <= row.hash))
    return samples.withColumn("monitored", (F.col("split") == "train") & below)
