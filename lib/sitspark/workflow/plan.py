"""Foreseeing a run, before anything is paid: headers are opened, windows of the products mapped by way of trial."""

import os
from collections.abc import Sequence

from sitspark.errors import SitsparkError
from sitspark.ground_truth.folds import NOUNS
from sitspark.spark import local_cores, machine_memory_mb
from sitspark.workflow.context import Context
from sitspark.workflow.costs import Costs
from sitspark.workflow.draw import chunks_begun
from sitspark.workflow.foreseen import Foreseen
from sitspark.workflow.learn import refuse_folds_of_models
from sitspark.workflow.map_device import device_of_trial
from sitspark.workflow.planned_work import PlannedImagery, PlannedWork
from sitspark.workflow.searching import trials_at_a_time
from sitspark.workflow.training_bounds import bound_of, held_of
from sitspark.workflow.training_costs import cost_of_training, learning_of, rounds_of, samples_of_a_model


def plan(context: Context, done: Sequence[str] = ()) -> Foreseen:
    """Open the headers, draw windows of the real products with a network of the right size, and multiply.

    `done` are the stages that are finished under the present settings. Raises SitsparkError for a run without imagery.
    """
    if context.settings.observations is not None:
        raise SitsparkError(
            "plan: foresees the reading and mapping of imagery, and the run starts from a table (observations); "
            "`sitspark check` looks at that"
        )
    settings = context.settings
    imagery = PlannedImagery.of(context)
    work = PlannedWork.on(imagery)
    # a cluster may have any number
    cores = local_cores(settings.spark.master) or os.cpu_count() or 1
    device = device_of_trial(context, tasks=cores)
    costs = Costs.of(work, trained="train" in done, workers=min(cores, len(work.chunks)), device=device)
    features, folds = len(imagery.recipe.space), _folds(context)
    training, grounds = settings.training, _grounds(context)
    models = training.models * training.ensemble * grounds
    at_a_time = trials_at_a_time(training, settings.spark.master) if training.search else 1
    learning = learning_of(context, imagery.recipe.space, done=done)
    samples = samples_of_a_model(context, grounds=grounds, done=done)
    first = costs.of_observations()
    if learning is not None and samples is not None:
        rounds = rounds_of(training, models=models, at_a_time=at_a_time)
        first["train"] = cost_of_training(training, learning, samples=samples, rounds=rounds)
    return Foreseen(
        products=imagery.products,
        tiles=len(imagery.tiles[context.leading.name]),
        chunks=len(work.chunks),
        chunk_shape=str(work.shape),
        pixels=work.pixels,
        dates=imagery.dates,
        features=features,
        bytes_to_read=work.bytes_to_read,
        bytes_to_write={product.name: product.pixel_bytes * work.written_pixels for product in work.products},
        worker_memory_mb=round(work.worker_bytes / 1e6),
        asked_memory_mb=round(settings.spark.worker_memory / 1e6),
        machine_memory_mb=machine_memory_mb() if settings.spark.master.startswith("local") else None,
        cores=cores,
        device=device,
        pixels_per_core_second=round(costs.speed.per_core_second),
        error=round(costs.speed.error, 2),
        first_costs=first,
        costs=costs.of_map(),
        no_folds=_why_no_folds(context),
        fold_costs=costs.of_folds(folds, labelled=_labelled(context, done)) if folds > 1 else {},
        models=models,
        folds=folds,
        runs=settings.runs,
        left_out=NOUNS[context.truth.folds],
        models_at_a_time=at_a_time,
        training=bound_of(context, features) or held_of(context, features),
        learning=learning,
        done=tuple(done),
        chunks_written=_written(context, done, len(work.chunks)),
    )


def _folds(context: Context) -> int:
    """How many folds a cross-validation has, if there is ground truth in all of them."""
    truth = context.truth
    if truth.fold_count is not None:
        return truth.fold_count
    return len(context.tile_extents if truth.folds == "tile" else context.named_regions)


def _why_no_folds(context: Context) -> str:
    """Why a cross-validation would be refused; empty where it wouldn't."""
    try:
        refuse_folds_of_models(context.settings)
    except SitsparkError as error:
        return str(error)
    return ""


def _labelled(context: Context, done: Sequence[str]) -> int:
    """The labelled pixels, where they were counted already; few beside those of the map."""
    return sum(row["available"] for row in context.facts("observations")["selection"]) if "observations" in done else 0


def _written(context: Context, done: Sequence[str], chunks: int) -> int:
    """How many of the map's chunks are written."""
    if "classify" in done:
        return chunks
    return chunks_begun(context) if {"samples", "train"} <= set(done) else 0


def _grounds(context: Context) -> int:
    """How many grounds have models of their own, if there are samples on all of them."""
    per = context.settings.training.model_per
    if per == "map":
        return 1
    return max(len(context.tile_extents if per == "tile" else context.named_regions), 1)
