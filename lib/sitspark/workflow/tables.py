"""Writing the tables of a run: beside their place, then renamed; or as a new version of a Delta table."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyproj
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from sitspark.errors import SitsparkError
from sitspark.parts import is_delta
from sitspark.spark import location, pattern

# those that Spark writes without geometry: Delta tables where the settings say so
PLAIN = frozenset(
    {
        "acquisitions",
        "rejected",
        "selection",
        "observations",
        "samples",
        "series",
        "quality",
        "children",
        "confusion",
        "divisions",
        "sample_divisions",
        "confusion_polygons",
        "confusion_folds",
        "accuracy_by",
        "reliability",
        "importance",
    }
)

_PACKED: Mapping[str, str] = {
    "compression": "zstd",
    # row groups of 64 MB, in bytes before compression: training decodes one at a time
    "parquet.block.size": str(64 * 2**20),
}
_VERSIONED: Mapping[str, str] = {
    # Delta lists the files of the current version with each commit, for readers that don't know its log
    "delta.compatibility.symlinkFormatManifest.enabled": "true",
    # such a reader would see rows that are deleted by a vector
    "delta.enableDeletionVectors": "false",
    # the order of files is that of rows, which training depends on: nothing may join or split them on its own
    "delta.autoOptimize.autoCompact": "false",
    "delta.autoOptimize.optimizeWrite": "false",
}


def write_table(frame: DataFrame, target: Path, *, crs: str | None = None) -> None:
    """Replace a Parquet table; with `crs` (of its column `geometry` or `footprint`) a GeoParquet one."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    writer = frame.write.options(**_PACKED)
    with _removed_on_failure(draft):
        if crs is None:
            writer.parquet(location(draft))
        else:
            described = json.dumps(pyproj.CRS(crs).to_json_dict())
            writer.format("geoparquet").option("geoparquet.crs", described).save(location(draft))
        replace_folder(draft, target)


def write_version(frame: DataFrame, target: Path, *, note: str) -> None:
    """Add a version to a Delta table, which holds the rows of `frame` and no others, with a note in its history.

    A table that isn't there yet, or is of Parquet, is written beside its place and renamed.
    """
    # a name of its own each time: Delta remembers the log of a folder that it has seen
    place = target if is_delta(target) else target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    writer = frame.write.format("delta").mode("overwrite").option("overwriteSchema", "true").options(**_VERSIONED)
    writer = writer.options(**_PACKED).option("userMetadata", note)
    if place == target:
        writer.save(location(place))
        return
    with _removed_on_failure(place):
        writer.save(location(place))
        replace_folder(place, target)


@contextlib.contextmanager
def _removed_on_failure(draft: Path) -> Iterator[None]:
    """Leave no half-written table: on a disk that is full it takes what others need."""
    try:
        yield
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def replace_folder(draft: Path, target: Path) -> None:
    """Put a finished folder in the place of an old one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


def read_table(spark: SparkSession, folder: Path) -> DataFrame:
    """A table of a run; geometry comes back as geometry. Raises SitsparkError when the run has no such table."""
    if is_delta(folder):
        return spark.read.format("delta").load(location(folder))
    parts = sorted(folder.glob("*.parquet"))
    if not parts:
        raise SitsparkError(f"there is no table {folder.name} in {folder.parent}; run the stage that makes it")
    plain = spark.read.parquet(pattern(folder))
    return spark.read.format("geoparquet").load(pattern(folder)) if _has_geometry(plain.schema, parts[0]) else plain


def _has_geometry(schema: StructType, part: Path) -> bool:
    import pyarrow.parquet as pq

    return {"geometry", "footprint"} & set(schema.names) != set() and b"geo" in (pq.read_schema(part).metadata or {})
