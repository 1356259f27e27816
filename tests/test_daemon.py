"""The parent of Python workers, which has in memory what they need."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system doesn't tell what a process holds")

_SEEN = "pid long, frozen long"


def parents(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The parent of the worker of each batch, and how many objects the worker's collector leaves alone."""
    for batch in batches:
        yield pd.DataFrame({"pid": os.getppid(), "frozen": gc.get_freeze_count()}, index=range(len(batch)))


def parent_of_group(_group: pa.Table) -> pa.Table:
    return pa.table({"pid": [os.getppid()], "frozen": [gc.get_freeze_count()]})


def parent_of_two_groups(_left: pa.Table, right: pa.Table) -> pa.Table:
    return parent_of_group(right)


def parent_of_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield from parent_of_group(pa.table(batch)).to_batches()


def parent_of_column(column: pd.Series) -> pd.Series:
    return pd.Series(os.getppid(), index=column.index)


def by_every_kind_of_function(rows: DataFrame) -> dict[str, set[int]]:
    grouped = rows.groupBy("id")
    found = {
        "mapInPandas": rows.mapInPandas(parents, _SEEN),
        "mapInArrow": rows.mapInArrow(parent_of_batches, _SEEN),
        "applyInPandas": grouped.applyInPandas(lambda group: next(parents(iter([group]))), _SEEN),
        "applyInArrow": grouped.applyInArrow(parent_of_group, _SEEN),
        "cogroup": grouped.cogroup(rows.groupBy("id")).applyInArrow(parent_of_two_groups, _SEEN),
        "pandas_udf": rows.select(F.pandas_udf(parent_of_column, "long")("id").alias("pid")),
    }
    parents_of = {kind: {row.pid for row in seen.collect()} for kind, seen in found.items()}
    # as createDataFrame makes of a list of rows
    return parents_of | {"RDD": set(rows.rdd.map(lambda _: os.getppid()).collect())}


def test_workers_share_the_libraries_that_their_parent_has_loaded(spark: SparkSession) -> None:
    found = spark.range(4).mapInPandas(parents, _SEEN).collect()
    (parent,) = {row.pid for row in found}
    held = Path(f"/proc/{parent}/maps").read_text()
    assert all(library in held for library in ("libtorch", "llvmlite", "rasterio"))
    assert all(row.frozen > 0 for row in found)


def test_functions_of_all_kinds_have_one_parent(spark: SparkSession) -> None:
    """Another parent would load torch once more, and have workers of its own."""
    found = by_every_kind_of_function(spark.range(4))
    assert len(set.union(*found.values())) == 1, found
