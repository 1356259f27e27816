"""Judging the models of all folds by the labelled pixels: the table confusion_folds, and the scores that follow from it."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from pyspark.sql import DataFrame

from sitspark.accuracy.bootstrap import intervals_of
from sitspark.accuracy.fold_scores import FoldScores
from sitspark.accuracy.unit_counts import UnitCounts
from sitspark.errors import counted
from sitspark.samples.divisions import with_all_runs
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.spark import tasks_at_a_time
from sitspark.workflow.assess import with_block
from sitspark.workflow.context import Context
from sitspark.workflow.divisions import POLYGONS, SAMPLES

if TYPE_CHECKING:
    from sitspark.accuracy.fold_classes import FoldImagery, FoldModels


def judge_folds(context: Context, models: "Sequence[FoldModels]", *, key: str) -> tuple[FoldScores, ...]:
    """Judge all folds in one pass over the labelled pixels of the imagery, or over the samples where there is none."""
    started = time.monotonic()
    if context.settings.observations is None:
        _judge_pixels(context, models, key=key)
    else:
        from sitspark.accuracy.sample_confusion import sample_confusion

        _write(context, sample_confusion(_of_all_runs(context, context.table("samples"), "sample_id"), models), key=key)
    rows = context.table("confusion_folds").toPandas()
    once = _once(rows, models)
    judged = f"{int(once['pixels'].sum()):,} labelled pixels of {counted(once['polygon_id'].nunique(), 'polygon')}"
    planned, spent = context.planned("judging"), time.monotonic() - started
    beside = "" if planned is None else f" ({planned.seconds:.1f} s planned)"
    context.voice.remark(f"{judged} read once and judged by the models of all folds in {spent:.1f} s{beside}")
    unclassified = int(once.loc[once["predicted"] == 0, "pixels"].sum())
    if unclassified:
        context.voice.note(
            f"{counted(unclassified, 'labelled pixel')} without a clear date or a model: not classified, not counted"
        )
    return tuple(
        _scores(context, number, fold, rows[(rows["run"] == fold.run) & (rows["fold"] == fold.left_out)])
        for number, fold in enumerate(models, 1)
    )


def _of_all_runs(context: Context, frame: DataFrame, on: str) -> DataFrame:
    """Polygons or samples with their split and fold in each run."""
    runs = context.settings.runs
    table = POLYGONS if on == "piece_id" else SAMPLES
    return with_all_runs(frame, context.table(table) if runs > 1 else None, on=on, runs=runs)


def _judge_pixels(context: Context, models: "Sequence[FoldModels]", *, key: str) -> None:
    from sitspark.accuracy.fold_confusion import fold_confusion
    from sitspark.maps.classify import tasks_of

    plan = context.plan_of_map().cache()
    polygons = _of_all_runs(context, context.table("polygons"), "piece_id")
    pieces = pieces_by_chunk(polygons, plan, context.coverage.grid).cache()
    chunks = pieces.select("chunk_id").distinct().count()
    with context.marked("cross_validate", chunks, "chunks") as marks:
        judged = fold_confusion(
            pieces,
            plan,
            imagery_of_folds(context),
            models,
            touched=context.settings.samples.touched,
            tasks=tasks_of(chunks, tasks_at_a_time(context.spark)),
            marks=marks,
        )
        _write(context, judged, key=key)
    pieces.unpersist()
    plan.unpersist()


def imagery_of_folds(context: Context) -> "FoldImagery":
    """The imagery as the stage classify reads it."""
    from sitspark.accuracy.fold_classes import FoldImagery

    settings = context.settings
    (classification,) = (product for product in context.products if product.name == "classification")
    tiles = {tile: windows.reach for tile, windows in context.coverage.tiles.items()}
    return FoldImagery(
        context.folder.table("scenes"),
        context.reading,
        context.recipe,
        classification,
        context.regions_on_grid if settings.training.model_per == "region" else {},
        settings.map.boundary,
        tiles if settings.grid.overlap == "blend" else {},
    )


def _write(context: Context, judged: DataFrame, *, key: str) -> None:
    order = ("run", "fold", "area", "polygon_id", "reference", "predicted")
    columns = ("run", "fold", "area", "polygon_id", "block", "reference", "predicted", "pixels")
    context.write("confusion_folds", with_block(context, judged).select(*columns).orderBy(*order).coalesce(1), key=key)


def _once(rows: pd.DataFrame, folds: "Sequence[FoldModels]") -> pd.DataFrame:
    """The rows that count each pixel once: where it is left out; of polygons that never are, those of the first fold."""
    rows = rows[rows["run"] == 1]
    left_out = rows["area"] == "left_out"
    never = ~rows["polygon_id"].isin(rows.loc[left_out, "polygon_id"])
    return rows[left_out | (never & (rows["fold"] == folds[0].left_out))]


def _scores(context: Context, number: int, fold: "FoldModels", rows: pd.DataFrame) -> FoldScores:
    codes, seed = context.nomenclature.codes, context.settings.seed
    areas = [rows[rows["area"] == area] for area in ("same_area", "left_out")]
    columns = ("polygon_id", "reference", "predicted", "pixels")
    same_area, left_out = (UnitCounts(*(of[column].to_numpy() for column in columns)) for of in areas)
    return FoldScores(
        number,
        fold.left_out,
        same_area.matrix(codes),
        left_out.matrix(codes),
        intervals_of(same_area, codes, seed=seed),
        intervals_of(left_out, codes, seed=seed),
        fold.run,
    )
