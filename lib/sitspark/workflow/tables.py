"""Writing the tables of a run: beside their place, then renamed."""

import json
import os
import shutil
from pathlib import Path

import pyproj
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from sitspark.errors import SitsparkError
from sitspark.spark import location, pattern


def write_table(frame: DataFrame, target: Path, *, crs: str | None = None) -> None:
    """Replace a Parquet table; with `crs` (of its column `geometry` or `footprint`) a GeoParquet one."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    writer = frame.write.option("compression", "zstd")
    if crs is None:
        writer.parquet(location(draft))
    else:
        writer.format("geoparquet").option("geoparquet.crs", json.dumps(pyproj.CRS(crs).to_json_dict())).save(location(draft))
    replace_folder(draft, target)


def replace_folder(draft: Path, target: Path) -> None:
    """Put a finished folder in the place of an old one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def read_table(spark: SparkSession, folder: Path) -> DataFrame:
    """A table of a run; geometry comes back as geometry. Raises SitsparkError when the run has no such table."""
    parts = sorted(folder.glob("*.parquet"))
    if not parts:
        raise SitsparkError(f"there is no table {folder.name} in {folder.parent}; run the stage that makes it")
    plain = spark.read.parquet(pattern(folder))
    return spark.read.format("geoparquet").load(pattern(folder)) if _has_geometry(plain.schema, parts[0]) else plain


def _has_geometry(schema: StructType, part: Path) -> bool:
    import pyarrow.parquet as pq

    return {"geometry", "footprint"} & set(schema.names) != set() and b"geo" in (pq.read_schema(part).metadata or {})
