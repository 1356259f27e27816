"""The stage that divides the ground truth anew for the further runs of a cross-validation; no imagery is read for it."""

import shutil
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.errors import counted
from sitspark.ground_truth import division
from sitspark.samples import from_table
from sitspark.samples.divisions import kept_shares, of_run, redivided
from sitspark.samples.long_table import named
from sitspark.samples.monitored import monitor_pixels
from sitspark.settings import Settings
from sitspark.workflow.context import Context
from sitspark.workflow.prepare import choices_of, ground_of
from sitspark.workflow.stage import Outcome, Stage

POLYGONS, SAMPLES = "divisions", "sample_divisions"  # tables; of runs from 2 on
_OF_POLYGONS = ("run", "piece_id", "polygon_id", "tile", "split", "monitored", "fold")
_OF_SAMPLES = ("run", "sample_id", "split", "monitored", "fold")


def samples_of_run(context: Context, run: int) -> DataFrame:
    """The samples with the split, monitored and fold of a run, from 1 on."""
    samples = context.table("samples")
    return samples if run == 1 else of_run(samples, context.table(SAMPLES), run)


def _divisions(context: Context, key: str) -> Outcome:
    runs = range(2, context.settings.runs + 1)
    if context.settings.observations is None:
        outputs = [context.folder.table(POLYGONS), context.folder.table(SAMPLES)]
        polygons = context.table("polygons")
        found = [
            division.divide_again(polygons, ground_of(context), choices_of(context), run=run).withColumn("run", F.lit(run))
            for run in runs
        ]
        context.write(POLYGONS, _together(found).select(*_OF_POLYGONS).orderBy("run", "piece_id").coalesce(1), key=key)
        divided, on = context.table(POLYGONS), ["polygon_id", "tile"] if choices_of(context).by_piece else ["polygon_id"]
    else:
        shutil.rmtree(context.folder.table(POLYGONS), ignore_errors=True)  # of a run from imagery
        outputs = [context.folder.table(SAMPLES)]
        divided, on = _of_table(context), ["sample_id"]
    samples = context.table("samples")
    drawn = [_of_samples(context, samples, divided.where(F.col("run") == run), on, run=run) for run in runs]
    context.write(SAMPLES, _together(drawn).select(*_OF_SAMPLES).orderBy("run", "sample_id").coalesce(1), key=key)
    return Outcome(f"the ground truth divided anew for {counted(len(runs), 'further run')}", {}, tuple(outputs))


def _of_table(context: Context) -> DataFrame:
    """The samples of a table in further runs: a polygon of two labels is divided in each of them."""
    observed = context.table("observations").select("sample_id", "polygon_id", "label", "fold", "split", "monitored")
    how = from_table.Division(
        named(context.table_settings), context.settings.training.monitored_polygons, context.settings.seed
    )
    runs = range(2, context.settings.runs + 1)
    return _together([from_table.divide_again(observed, how, run=run).withColumn("run", F.lit(run)) for run in runs])


def _of_samples(context: Context, samples: DataFrame, divided: DataFrame, on: list[str], *, run: int) -> DataFrame:
    settings = context.settings
    seed = settings.seed + run - 1
    found = redivided(samples, divided, on=on, shares=_shares(context), seed=seed)
    if settings.training.monitor_by == "pixel":
        found = monitor_pixels(found, share=settings.training.monitor_share, seed=seed)
    return found.withColumn("run", F.lit(run))


def _shares(context: Context) -> dict[int, float]:
    """See `kept_shares`; a table's samples are all there are."""
    if context.settings.observations is not None:
        return {}
    rows = context.facts("observations")["selection"]
    chosen, there = ({(row["label"], row["split"]): row[name] for row in rows} for name in ("chosen", "available"))
    return kept_shares(chosen, there)


def _together(frames: list[DataFrame]) -> DataFrame:
    return reduce(DataFrame.unionByName, frames)


def _inputs(context: Context) -> Any:
    return context.settings.runs


VERSION = 1  # of how samples are divided anew

_STAGE = Stage("divisions", ("samples",), VERSION, _inputs, _divisions)


def stages(settings: Settings) -> tuple[Stage, ...]:
    """The stage, where there are further runs."""
    return (_STAGE,) if settings.runs > 1 else ()
