"""Mean and spread of one quantity of each class along time: a row a class, however many samples there are."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.kernels.feature_series import FeatureSeries

LOW, HIGH = 0.1, 0.9  # shares of the samples that lie below the band, and below its upper edge
_RANKS = 1000  # these shares are right to so many parts


def series_by_class(samples: DataFrame, shown: FeatureSeries) -> DataFrame:
    """label, quantity, sensor, samples, dates, and on each date mean, low and high, in the unit of the quantity."""
    values = [F.element_at("features", position + 1) / shown.scale for position in shown.positions]
    means = F.array(*(F.avg(value) for value in values)).alias("mean")
    spreads = F.array(*(F.percentile_approx(value, [LOW, HIGH], _RANKS) for value in values)).alias("spread")
    edges = (F.expr(f"transform(spread, edges -> edges[{place}])").alias(name) for place, name in enumerate(("low", "high")))
    dates = F.array(*(F.lit(day) for day in shown.grid.dates)).alias("dates")
    said = (F.lit(shown.name).alias("quantity"), F.lit(shown.sensor).alias("sensor"))
    grouped = samples.groupBy("label").agg(F.count("*").alias("samples"), means, spreads)
    return grouped.select("label", *said, "samples", dates, "mean", *edges).coalesce(1).orderBy("label")
