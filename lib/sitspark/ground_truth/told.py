"""The split that a field of the user's file says."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from sitspark.errors import SitsparkError
from sitspark.ground_truth.labels import values_of
from sitspark.settings import GroundTruthSettings
from sitspark.spark import pattern

SETS = ("train", "validation", "test")


def count_told(settings: GroundTruthSettings) -> dict[str, int]:
    """Features of each set, in the order of SETS; raises SitsparkError with the feature for another value."""
    counts: Counter[str] = Counter()
    for table in _tables(settings):
        for pair in table["split"].value_counts().to_pylist():
            counts[pair["values"]] += pair["counts"]
    return {name: counts[name] for name in SETS}


def read_told(spark: SparkSession, settings: GroundTruthSettings, staging: Path) -> DataFrame:
    """polygon_id bigint, split string; raises SitsparkError with the feature for a value that is none of SETS.

    `staging` is a folder of the run that takes the stream of the file.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    schema = pa.schema([("polygon_id", pa.int64()), ("split", pa.string())])
    with pq.ParquetWriter(staging / "told.parquet", schema) as writer:
        for table in _tables(settings):
            writer.write_table(table.cast(schema))
    return spark.read.parquet(pattern(staging))


def _tables(settings: GroundTruthSettings) -> Iterator[pa.Table]:
    assert settings.split_field is not None
    for features, values in values_of(settings, settings.split_field):
        told = pc.utf8_trim_whitespace(values.cast(pa.string()))
        strange = pc.invert(pc.is_in(told, value_set=pa.array(SETS)))
        if pc.any(strange).as_py():
            place = pc.index(strange, True).as_py()
            value = told[place].as_py()
            said = repr(value) if value else "empty"
            raise SitsparkError(
                f"ground_truth.split_field: {settings.file}, feature {features[place]}: '{settings.split_field}' is "
                f"{said}, none of {', '.join(SETS)}; correct it, or take the feature out of the file"
            )
        yield pa.table({"polygon_id": features, "split": told})
