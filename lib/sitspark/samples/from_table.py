"""The frames from a table of samples to observations, as those of imagery are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.ground_truth import folds
from sitspark.ground_truth.split import split
from sitspark.samples.long_table import ROWS, Labels, parts_of, read_part
from sitspark.settings import ObservationsSettings
from sitspark.worker import end_task

_TASKS = 2000  # a driver keeps the state of every task: beyond this several parts share one
_ONE_EACH = ("label", "polygon", "fold", "weight", "static")  # what a sample has one of, on whichever of its rows


class LeftOut(StrEnum):
    """Why a row becomes no acquisition."""

    NO_SAMPLE = "without a sample"
    NO_DATE = "without a date"
    NO_LABEL = "without a label"
    NO_CLASS = "of a label without class"
    NO_VALUE = "without a static value"


@dataclass(frozen=True, slots=True)
class Division:
    """How samples are divided: as the settings of the table say, with the share that only chooses the epoch, by a seed."""

    settings: ObservationsSettings
    monitor_share: float
    seed: int


def rows_of(spark: SparkSession, settings: ObservationsSettings, labels: Labels) -> DataFrame:
    """All rows of the file, with the columns `ROWS`, and left_out: why one can't be used, null where it can."""
    parts = parts_of(settings)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for part in batch["id"].to_pylist():
                yield from read_part(settings, labels, part)
        end_task()

    reason = (
        F.when(F.col("sample").isNull(), LeftOut.NO_SAMPLE.value)
        .when(F.col("acquired").isNull() & F.lit(settings.date is not None), LeftOut.NO_DATE.value)
        .when(F.col("said").isNull(), LeftOut.NO_LABEL.value)
        .when(F.col("label").isNull(), LeftOut.NO_CLASS.value)
        .when(F.col("static").isNull(), LeftOut.NO_VALUE.value)
    )
    return spark.range(0, parts, 1, min(max(parts, 1), _TASKS)).mapInArrow(read, ROWS).withColumn("left_out", reason)


def ambiguous(rows: DataFrame) -> DataFrame:
    """The samples whose rows don't agree in what a sample has one of: sample, what, one, other."""
    bounds = (
        F.struct(
            F.lit(name).alias("what"),
            F.min(name).cast("string").alias("one"),
            F.max(name).cast("string").alias("other"),
        )
        for name in _ONE_EACH
    )
    each = rows.groupBy("sample").agg(F.array(*bounds).alias("bounds")).select("sample", F.inline("bounds"))
    return each.where("one != other").orderBy("sample", "what")


def observations(rows: DataFrame, division: Division) -> DataFrame:
    """The table of observations: the rows of each sample as one series, ascending in time, with split and fold.

    Two rows of a sample and date are two acquisitions; where rows have no date there are no series. Those of one sensor stand
    behind those of the other, each with its own acquisitions. `sample_id` is the hash
    xxhash64 of the sample's text, `polygon_id` that of its polygon's.
    """

    def acquisitions(sensor: int) -> Column:
        """Those of one sensor; rows of one date in the order of their values, so that nothing hangs on the order of rows."""
        own = F.get("series", F.lit(sensor))
        row = F.when(F.col("acquired").isNotNull() & own.isNotNull(), F.struct("acquired", own.valid, own.reflectance))
        return F.sort_array(F.collect_list(row)).alias(f"series_{sensor}")

    series = [f"series_{sensor}" for sensor in range(len(division.settings.sensors))]
    samples = (
        rows.groupBy("sample")
        .agg(
            *(F.min(name).alias(name) for name in (*_ONE_EACH, "lon", "lat")),
            *map(acquisitions, range(len(series))),
        )
        .withColumns({"sample_id": F.xxhash64("sample"), "polygon_id": F.xxhash64(F.coalesce("polygon", "sample"))})
    )
    return _divided(samples, division).select(
        "sample_id",
        "polygon_id",
        "label",
        F.lit(None).cast("string").alias("tile"),
        "fold",
        "split",
        "monitored",
        *(F.lit(None).cast("double").alias(name) for name in ("x", "y")),
        "lon",
        "lat",
        *(["weight"] if division.settings.weight else []),
        F.array(*map(F.size, series)).cast("array<int>").alias("dates"),
        _joined(series, lambda one: one.acquired.cast("timestamp"), "timestamp").alias("acquired"),
        F.flatten(_joined(series, lambda one: one.reflectance, "array<smallint>")).alias("reflectance"),
        _joined(series, lambda one: one.valid, "boolean").alias("valid"),
        "static",
        F.array().cast("array<float>").alias("custom"),
    )


def _joined(series: Sequence[str], value: Callable[[Column], Column], kind: str) -> Column:
    """A value of all acquisitions, one sensor after the other."""
    none = F.array().cast(f"array<{kind}>")
    return F.concat(none, *(F.transform(name, value) for name in series))


def divide_again(observed: DataFrame, division: Division, *, run: int) -> DataFrame:
    """The split, monitored and fold that the table of observations has in a run from 2 on: its seed is as many further."""
    return _divided(observed.drop("split", "monitored"), replace(division, seed=division.seed + run - 1))


def _divided(samples: DataFrame, division: Division) -> DataFrame:
    settings, seed = division.settings, division.seed
    units = samples.withColumns({"unit": F.col("polygon_id"), "stratum": F.lit("")})
    divided = split(units, ratio=settings.ratio, monitor_share=division.monitor_share, seed=seed)
    if settings.fold_count is None:
        return divided
    return folds.at_random(divided.drop("fold"), of="polygon_id", count=settings.fold_count, seed=seed)
