"""The tables of a run as views of a session; those that hold arrays also with a column or a row a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.samples.table import feature_space_of
from sitspark.samples.wide import wide_names
from sitspark.spark import refuse_without_delta
from sitspark.sql import identifier, quoted
from sitspark.workflow import feature_functions
from sitspark.workflow.feature_functions import dates_array
from sitspark.workflow.run_folder import found_run
from sitspark.workflow.tables import read_table

_NOTED = "sitspark.views"  # of the session: the views of the run that was registered last


@dataclass(frozen=True, slots=True)
class Registered:
    """The views of a run; `lacking` says why those of features, and the functions, aren't among them."""

    views: tuple[str, ...]
    lacking: str | None


def register(spark: SparkSession, folder: Path) -> Registered:
    """Make each table of a run a view of its name, and add what is handier than arrays.

    `samples_wide` and `children_wide` have a column a feature; `samples_long` has a row a sample, series and date;
    `observations_long` a row a sample and acquisition, with a column a band. The functions are those of
    `feature_functions`. Views and functions of a run that was registered before are removed. Raises SitsparkError where
    the folder holds no run, and where it has Delta tables that the session can't read.
    """
    run = found_run(folder)
    if run.versioned:
        refuse_without_delta(spark)
    for name in filter(None, (spark.conf.get(_NOTED, None) or "").split(",")):
        spark.catalog.dropTempView(name)
    for name in feature_functions.NAMES:
        spark.sql(f"drop temporary function if exists {name}")
    space, lacking = None, None
    try:
        space = feature_space_of(run.table("samples"))
    except SitsparkError as error:
        lacking = str(error)
    frames = {name: read_table(spark, run.table(name)) for name in run.tables()}
    if space is not None:
        frames |= _handier(frames, space)
        if not space.series:
            lacking = "features.series is none: the samples hold no series"
        for statement in feature_functions.feature_functions(space) if space.series else ():
            spark.sql(statement)
    for name, frame in frames.items():
        frame.createOrReplaceTempView(name)
    spark.conf.set(_NOTED, ",".join(frames))
    return Registered(tuple(sorted(frames)), lacking)


def _handier(tables: Mapping[str, DataFrame], space: FeatureSpace) -> dict[str, DataFrame]:
    """What there is beside tables of features and observations, by its name."""
    found = {f"{name}_wide": _wide(tables[name], space) for name in ("samples", "children") if name in tables}
    if space.series:
        found["samples_long"] = _samples_long(tables["samples"], space)
    if "observations" in tables:
        found["observations_long"] = _observations_long(tables["observations"], space)
    return found


def _wide(samples: DataFrame, space: FeatureSpace) -> DataFrame:
    """A column a feature."""
    keys = [name for name in samples.columns if name != "features"]
    named = wide_names(space.names, keys)
    # as text: hundreds of columns made one by one take a second
    return samples.selectExpr(*keys, *(f"get(features, {place}) as {identifier(name)}" for place, name in enumerate(named)))


def _samples_long(samples: DataFrame, space: FeatureSpace) -> DataFrame:
    """A row a sample, series and date; one part a series, so that Spark leaves out those that aren't asked for."""
    keys = [name for name in samples.columns if name != "features"]
    parts = []
    for series in dict.fromkeys(space.series.values()):
        values = (
            f"inline(transform(array({', '.join(map(str, series.positions))}), (position, i) -> named_struct("
            f"'date', {dates_array(series)}[i], 'value', get(features, position))))"
        )
        parts.append(samples.select(*keys, F.lit(series.name).alias("series"), F.expr(values)))
    return reduce(DataFrame.union, parts)


def _observations_long(observed: DataFrame, space: FeatureSpace) -> DataFrame:
    """A row a sample, sensor and acquisition, with a column a band; null for what another sensor has."""
    keys = [name for name in observed.columns if name not in ("dates", "acquired", "reflectance", "valid", "static", "custom")]
    parts, before, values_before = [], "0", "0"
    for number, sensor in enumerate(space.sensors):
        # the arrays hold one sensor after the other, reflectance date by date
        dates, width = f"dates[{number}]", len(sensor.bands)
        bands = (
            f"{quoted(band.lower())}, get(reflectance, {values_before} + i * {width} + {place})"
            for place, band in enumerate(sensor.bands)
        )
        rows = (
            f"inline(transform(slice(acquired, {before} + 1, {dates}), (moment, i) -> named_struct("
            f"'acquired', cast(moment as date), 'valid', get(valid, {before} + i), {', '.join(bands)})))"
        )
        parts.append(observed.select(*keys, F.lit(sensor.sensor).alias("sensor"), F.expr(rows)))
        before, values_before = f"{before} + {dates}", f"{values_before} + {dates} * {width}"
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), parts)
