"""The stage that divides the ground truth anew for the further runs of a cross-validation; no imagery is read for it."""

import shutil
from collections.abc import Callable
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
    if context.settings.observations is None:
        outputs = [context.folder.table(POLYGONS), context.folder.table(SAMPLES)]
        choices, ground, polygons = choices_of(context), ground_of(context), context.table("polygons")
        found = _each_run(context, lambda run: division.divide_again(polygons, ground, choices, run=run))
        context.write(POLYGONS, found.select(*_OF_POLYGONS).orderBy("run", "piece_id").coalesce(1), key=key)
        divided, on = context.table(POLYGONS), ["polygon_id", "tile"] if choices.by_piece else ["polygon_id"]
        shares = _shares(context)
    else:
        shutil.rmtree(context.folder.table(POLYGONS), ignore_errors=True)  # of a run from imagery
        outputs = [context.folder.table(SAMPLES)]
        # a polygon of two labels is divided in each of them; all of its samples were chosen
        divided, on, shares = _of_table(context), ["sample_id"], {}
    samples = context.table("samples")
    drawn = _each_run(
        context, lambda run: _of_samples(context, samples, divided.where(F.col("run") == run), on, shares, run=run)
    )
    context.write(SAMPLES, drawn.select(*_OF_SAMPLES).orderBy("run", "sample_id").coalesce(1), key=key)
    further = counted(context.settings.runs - 1, "further run")
    return Outcome(f"the ground truth divided anew for {further}", {}, tuple(outputs))


def _each_run(context: Context, divide: Callable[[int], DataFrame]) -> DataFrame:
    """What `divide` gives for each run from 2 on, with the column run."""
    runs = range(2, context.settings.runs + 1)
    return reduce(DataFrame.unionByName, (divide(run).withColumn("run", F.lit(run)) for run in runs))


def _of_table(context: Context) -> DataFrame:
    """The samples of a table in further runs."""
    observed = context.table("observations").select("sample_id", "polygon_id", "label", "fold", "split", "monitored")
    how = from_table.Division(
        named(context.table_settings), context.settings.training.monitored_polygons, context.settings.seed
    )
    return _each_run(context, lambda run: from_table.divide_again(observed, how, run=run))


def _of_samples(
    context: Context, samples: DataFrame, divided: DataFrame, on: list[str], shares: dict[int, float], *, run: int
) -> DataFrame:
    settings = context.settings
    seed = settings.seed + run - 1
    found = redivided(samples, divided, on=on, shares=shares, seed=seed)
    if settings.training.monitor_by == "pixel":
        found = monitor_pixels(found, share=settings.training.monitor_share, seed=seed)
    return found


def _shares(context: Context) -> dict[int, float]:
    """See `kept_shares`."""
    rows = context.facts("observations")["selection"]
    chosen, there = ({(row["label"], row["split"]): row[name] for row in rows} for name in ("chosen", "available"))
    return kept_shares(chosen, there)


def _inputs(context: Context) -> Any:
    return context.settings.runs


VERSION = 1  # of how samples are divided anew

_STAGE = Stage("divisions", ("samples",), VERSION, _inputs, _divisions)


def stages(settings: Settings) -> tuple[Stage, ...]:
    """The stage, where there are further runs."""
    return (_STAGE,) if settings.runs > 1 else ()
