"""What fields of the user's file say of each feature: its split, what it weighs in training."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
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
    for table in _splits(settings):
        for pair in table["split"].value_counts().to_pylist():
            counts[pair["values"]] += pair["counts"]
    return {name: counts[name] for name in SETS}


def read_told(spark: SparkSession, settings: GroundTruthSettings, staging: Path) -> DataFrame:
    """polygon_id bigint, split string; raises SitsparkError with the feature for a value that is none of SETS.

    `staging` is a folder of the run that takes the stream of the file.
    """
    return _staged(spark, _splits(settings), pa.field("split", pa.string()), staging)


def read_weights(spark: SparkSession, settings: GroundTruthSettings, staging: Path) -> DataFrame:
    """polygon_id bigint, weight double; raises SitsparkError as `refuse_strange_weights` does.

    `staging` is a folder of the run that takes the stream of the file.
    """
    return _staged(spark, _weights(settings), pa.field("weight", pa.float64()), staging)


def refuse_strange_weights(settings: GroundTruthSettings) -> None:
    """Raise SitsparkError with the feature for a weight that is no finite number from 0 on."""
    for _ in _weights(settings):
        pass


def _staged(spark: SparkSession, tables: Iterable[pa.Table], value: pa.Field, staging: Path) -> DataFrame:
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    schema = pa.schema([("polygon_id", pa.int64()), value])
    with pq.ParquetWriter(staging / "told.parquet", schema) as writer:
        for table in tables:
            writer.write_table(table.cast(schema))
    return spark.read.parquet(pattern(staging))


def _splits(settings: GroundTruthSettings) -> Iterator[pa.Table]:
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


def _weights(settings: GroundTruthSettings) -> Iterator[pa.Table]:
    assert settings.weight_field is not None
    for features, values in values_of(settings, settings.weight_field):
        numbers = np.array([_number(value) for value in values.to_pylist()], np.float64)
        strange = ~(np.isfinite(numbers) & (numbers >= 0))
        if strange.any():
            place = int(strange.argmax())
            value = values[place].as_py()
            raise SitsparkError(
                f"ground_truth.weight_field: {settings.file}, feature {features[place]}: '{settings.weight_field}' is "
                f"{'empty' if value is None else repr(value)}, and a weight is a number from 0 on; correct it, or take the "
                "feature out of the file"
            )
        yield pa.table({"polygon_id": features, "weight": numbers})


def _number(value: object) -> float:
    """The number that a value is or says; NaN where it says none."""
    try:
        return float(value)  # type: ignore[arg-type]  # whatever a vector file may hold
    except (TypeError, ValueError):
        return float("nan")
