"""Features with one and the same geometry, whatever vertex it begins with and whichever way its rings turn."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def box_key(geometry: str) -> str:
    """A number (an expression) that geometries with one bounding box share, and few others."""
    return f"xxhash64(ST_XMin({geometry}), ST_YMin({geometry}), ST_XMax({geometry}), ST_YMax({geometry}))"


def twins(features: DataFrame, by: str, *, keep_first: bool, geometry: str = "geometry") -> DataFrame:
    """Of features of one geometry the first stays; of those with several labels none, or with `keep_first` that one too.

    `features`: label, `by` (the column that tells and orders them), those of the expression `geometry`, and `box`, the
    `box_key` of each, where it is known. Gives those that don't stay: `by`, `first` (the one that is first of them),
    `conflict` (boolean: because labels differ).
    """
    # few share a bounding box, and only theirs are compared
    boxed = features if "box" in features.columns else features.withColumn("box", F.expr(box_key(geometry)))
    shared = boxed.groupBy("box").count().where("count > 1").select("box")
    alike = boxed.join(shared, "box").withColumn("geometry", F.expr(geometry))
    keyed = alike.select(by, "label", F.expr("md5(ST_AsBinary(ST_Normalize(geometry)))").alias("shape"))
    same = Window.partitionBy("shape")
    order = same.orderBy(by)
    judged = (
        keyed.withColumn("first", F.first(by).over(order))
        .withColumn("other", F.col("label") != F.first("label").over(order))
        .withColumn("several", F.min("label").over(same) != F.max("label").over(same))
        .withColumn("rank", F.row_number().over(order))
    )
    conflict = F.col("other") if keep_first else F.col("several")
    return judged.where((F.col("rank") > 1) | conflict).select(by, "first", conflict.alias("conflict"))
