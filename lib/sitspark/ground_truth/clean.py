"""From features as they are to polygons that can be used.

Every feature ends either in pieces that are valid, single-part and in the output CRS, or among the rejected ones with its
reason. What can be said of a feature alone is found in one pass (`placing.py`); copies and overlaps are
found by comparing.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.ground_truth.overlaps import Overlaps, Ruler, losers, without
from sitspark.ground_truth.passes import Compared, judge_all, pieces_of, told_of
from sitspark.ground_truth.placing import Placing
from sitspark.ground_truth.staged import Staged
from sitspark.ground_truth.twins import twins
from sitspark.spark import pattern


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`pieces`: polygon_id, piece_id, label, tile, area_m2, geometry. `rejected`: polygon_id, label, reason."""

    pieces: DataFrame
    rejected: DataFrame


def clean(
    spark: SparkSession, features: Staged, placing: Placing, scratch: Path, *, tolerance: float, overlaps: Overlaps = "drop"
) -> Cleaned:
    """Clean features; `scratch`, a new folder, takes what is found on the way and has to stay until the result is written.

    Of two polygons of different labels that share more than `tolerance` pixels `overlaps` says which is rejected.
    """
    grid = placing.ground.grid
    ruler = Ruler(grid.crs, grid.crs, grid.resolution, tolerance)
    compared = judge_all(spark, features, placing, scratch, ruler=ruler)
    lost = spark.createDataFrame(_lost(compared, overlaps).to_pandas(), "number bigint, reason string")
    found = spark.read.parquet(pattern(pieces_of(scratch)))
    pieces = found.join(lost, "number", "left_anti").select(
        F.col("number").alias("polygon_id"),
        F.concat_ws("_", "number", "part").alias("piece_id"),
        "label",
        "tile",
        "area_m2",
        F.expr("ST_GeomFromWKB(wkb)").alias("geometry"),
    )
    alone = spark.read.parquet(pattern(told_of(scratch)))
    rejected = alone.unionByName(found.where("part = 0").join(lost, "number").select("number", "label", "reason"))
    return Cleaned(pieces, rejected.withColumnRenamed("number", "polygon_id"))


def _lost(compared: Compared, overlaps: Overlaps) -> pa.Table:
    """number, reason of features that are the same as others, or share ground with them."""
    alike = compared.alike
    number = alike["number"].to_numpy()
    same = twins(alike["shape"].to_numpy(), number, alike["label"].to_numpy(), keep_first=overlaps != "drop")
    reasons = [
        f"same geometry as feature {number[other]} of another label" if conflict else f"duplicate of feature {number[other]}"
        for other, conflict in zip(same.other, same.conflict, strict=True)
    ]
    lost = losers(without(compared.pairs, pa.array(number[same.lost])), overlaps)
    reasons += [f"overlaps feature {other} of another label" for other in lost["other"].to_pylist()]
    numbers = np.concatenate([number[same.lost], lost["number"].to_numpy()])
    return pa.table({"number": numbers, "reason": pa.array(reasons, pa.string())})
