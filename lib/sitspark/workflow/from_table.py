"""The stage that starts a run from a table: its rows become observations, and what doesn't is counted."""

from collections import Counter
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError, counted, some
from sitspark.samples.from_table import Division, LeftOut, ambiguous, observations, rows_of
from sitspark.samples.long_table import Labels, named, sensors_of_table
from sitspark.settings import OF_SERIES
from sitspark.workflow.context import Context, days_facts
from sitspark.workflow.keys import fingerprint
from sitspark.workflow.stage import Outcome, Stage

_VERSION = 2


def _observations(context: Context, key: str) -> Outcome:
    settings, target = named(context.table_settings), context.folder.table("observations")
    with context.voice.bar("observations", 3, "steps") as update:
        update(0, "reading")
        rows = rows_of(context.spark, settings, Labels.of(settings, context.nomenclature)).cache()
        left_out = _left_out(rows)
        used = rows.where("left_out is null")
        seen = F.exists("series", lambda own: own.valid).alias("seen")
        counts = {row.seen: row["count"] for row in used.groupBy(seen).count().collect()}
        if not counts:
            raise SitsparkError(_nothing_left(context, rows, left_out))
        acquired = {own.sensor: _days(used, number) for number, own in enumerate(settings.sensors)}
        for sensor in sensors_of_table(settings):
            if not acquired[sensor.name]:
                raise SitsparkError(f"{sensor.key}.bands: no row of {settings.file} has a value; check columns and nodata")
        for row in ambiguous(used).take(1):
            raise SitsparkError(
                f"observations.sample: sample '{row.sample}' of {settings.file} has two values of {row.what}, {row.one} and "
                f"{row.other}; name the columns that tell samples apart, or correct it"
            )
        if settings.date is None:
            for row in used.groupBy("sample").count().where("count > 1").orderBy("sample").take(1):
                raise SitsparkError(
                    f"observations.sample: sample '{row.sample}' of {settings.file} has {row['count']} rows and no dates; name "
                    "the columns that tell samples apart, or observations.date"
                )
        update(1, "series of samples")
        division = Division(settings, context.settings.training.monitored_polygons, context.settings.seed)
        context.write("observations", observations(used, division), key=key)
        update(2, "counting")
        usable, empty = counts.get(True, 0), counts.get(False, 0)
        unknown = _unknown_labels(rows) if left_out[LeftOut.NO_CLASS] else []
        rows.unpersist()
    table = context.table("observations")
    classes = _classes(context, table)
    sets = {name: sum(of[name] for of in classes.values()) for name in ("train", "validation")}
    blind = table.where("size(dates) > 0").where(~F.exists("valid", lambda there: there)).count()
    if left_out:
        listed = some(unknown)
        context.voice.note(
            f"{counted(left_out.total(), 'row')} left out: {_in_words(left_out)}" + (f" ({listed})" if listed else "")
        )
    for code, of in classes.items():
        if not of["train"]:
            context.voice.note(f"no sample of class {code} ({context.nomenclature.name_of(int(code))}): it is never learnt")
    without = f", {counted(blind, 'sample')} without any" if blind else ""
    series = f", {counted(usable, 'acquisition')} with data and {empty} without{without}" if settings.bands else ""
    return Outcome(
        f"{counted(usable + empty + left_out.total(), 'row')}: {counted(sum(sets.values()), 'sample')} of "
        f"{sum(any(of.values()) for of in classes.values())} classes ({sets['train']} for training, {sets['validation']} set "
        f"aside){series}; {counted(left_out.total(), 'row')} left out",
        {
            "rows": usable + empty + left_out.total(),
            "acquisitions": usable + empty,
            "without_data": empty,
            "left_out": dict(left_out),
            "pixels": sets,
            "blind": blind,
            "classes": _classes(context, table.dropDuplicates(["polygon_id", "label"])),
            "folds": _folds(table),
            "acquired": days_facts(acquired),
            "static": list(settings.static),
        },
        (target,),
    )


def _days(rows: DataFrame, sensor: int) -> list[date]:
    """The days on which there is an acquisition of a sensor, ascending."""
    own = rows.where(F.get("series", F.lit(sensor)).isNotNull())
    return [row.acquired for row in own.select("acquired").distinct().orderBy("acquired").collect()]


def _left_out(rows: DataFrame) -> Counter[str]:
    found = {row.left_out: row["count"] for row in rows.where("left_out is not null").groupBy("left_out").count().collect()}
    return Counter({reason.value: found[reason] for reason in LeftOut if reason in found})


def _in_words(left_out: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def _unknown_labels(rows: DataFrame) -> list[str]:
    """The labels without class, those of most rows first."""
    found = rows.where(F.col("left_out") == LeftOut.NO_CLASS.value).groupBy("said").count()
    return [row.said for row in found.orderBy(F.desc("count"), "said").collect()]


def _nothing_left(context: Context, rows: DataFrame, left_out: Counter[str]) -> str:
    file = context.table_settings.file
    if not left_out:
        return f"observations.file: {file} has no rows; name another file"
    labels = f" (labels: {some(_unknown_labels(rows))})" if left_out[LeftOut.NO_CLASS] else ""
    return (
        f"observations.file: no row of {file} can be used: {_in_words(left_out)}{labels}; check the columns that the settings "
        "name, observations.labels and classes.nomenclature; dates are written YYYY-MM-DD"
    )


def _classes(context: Context, table: DataFrame) -> dict[str, dict[str, int]]:
    """Rows of each class for training (those that choose the epoch too), for choosing the epoch, and set aside."""
    sets = ("train", "validation")
    counts = [*(F.count_if(F.col("split") == name).alias(name) for name in sets), F.count_if("monitored").alias("monitored")]
    found = {row.label: row.asDict() for row in table.groupBy("label").agg(*counts).collect()}
    names = ("train", "monitored", "validation")
    return {
        str(code): {name: found[code][name] if code in found else 0 for name in names} for code in context.nomenclature.codes
    }


def _folds(table: DataFrame) -> dict[str, int]:
    rows = table.where("fold is not null").groupBy("fold").count().orderBy("fold").collect()
    return {row.fold: row["count"] for row in rows}


def _inputs(context: Context) -> Any:
    settings = context.settings
    return [
        context.table_settings.model_dump(mode="json", exclude=OF_SERIES | {"other_sensors"}),
        [own.model_dump(mode="json", exclude=OF_SERIES) for own in context.table_settings.other_sensors],
        # a key forgets the order of a mapping, which is that of the numbers
        [list(own.bands) for own in context.table_settings.sensors],
        fingerprint([context.table_settings.file]),
        settings.training.monitored_polygons,
        settings.seed,
        [[c.code, c.name] for c in context.nomenclature],
    ]


OBSERVATIONS = Stage("observations", (), _VERSION, _inputs, _observations)
