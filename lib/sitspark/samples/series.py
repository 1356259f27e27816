"""The table of series: mean and spread of one quantity of each class along time, a row a class."""

import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sitspark.kernels.feature_series import FeatureSeries
from sitspark.samples.class_series import class_series
from sitspark.worker import end_task

MOST = 20_000  # samples of a class that are looked at
_SCHEMA = (
    "label int, quantity string, sensor string, samples bigint, dates array<date>, "
    "mean array<double>, low array<double>, high array<double>"
)


def series_by_class(samples: DataFrame, shown: FeatureSeries, *, seed: int) -> DataFrame:
    """The rows of `class_series`; of a class of more than MOST samples those of the smallest hashes of seed and id count."""
    place = Window.partitionBy("label").orderBy(F.xxhash64(F.lit(seed), "sample_id"), "sample_id")
    values = F.array(*(F.element_at("features", position + 1) for position in shown.positions)).alias("values")
    ranked = samples.select("label", "sample_id", values).withColumn("place", F.row_number().over(place))

    def sum_up(of_class: pa.Table) -> pa.Table:
        found = class_series(of_class.sort_by("place"), shown)
        end_task()
        return found

    few = ranked.where(F.col("place") <= MOST)
    return few.groupBy("label").applyInArrow(sum_up, _SCHEMA).orderBy("label").coalesce(1)
