"""The parent of Python workers, which has in memory what they need."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system doesn't tell what a process holds")


def parents(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The parent of the worker of each batch, and how many objects the worker's collector leaves alone."""
    for batch in batches:
        yield pd.DataFrame({"pid": os.getppid(), "frozen": gc.get_freeze_count()}, index=range(len(batch)))


def test_workers_share_the_libraries_that_their_parent_has_loaded(spark: SparkSession) -> None:
    found = spark.range(4).mapInPandas(parents, "pid long, frozen long").collect()
    (parent,) = {row.pid for row in found}
    held = Path(f"/proc/{parent}/maps").read_text()
    assert all(library in held for library in ("libtorch", "llvmlite", "rasterio"))
    assert all(row.frozen > 0 for row in found)
