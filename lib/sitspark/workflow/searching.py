"""Searching hyper-parameters: trials trained side by side as tasks of Spark, the best of which is the model."""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pyspark.sql import SparkSession

from sitspark.atomic import copy_atomically, replace_with, write_atomically
from sitspark.errors import SitsparkError, counted
from sitspark.models.card import CARD, HISTORY, ModelCard, read_card
from sitspark.models.history import FIGURES, history_table
from sitspark.models.job import TrainingJob
from sitspark.models.model import remove_model
from sitspark.models.search import EPOCHS, TRIALS, Grid, Outcome, Plan, Suggestions, best_of
from sitspark.models.search_trial import RECORD, forget, read_outcome, run_trial
from sitspark.settings import TrainingSettings
from sitspark.settings.search import candidates
from sitspark.spark import local_cores, machine_memory_mb
from sitspark.worker import end_task
from sitspark.workflow.context import Context
from sitspark.workflow.keys import digest

_FOR_TRIALS = 0.8  # share of the machine's memory that trials may take: the rest is the driver's
_LIBRARIES = 0.7  # GB that torch and what it brings take in each process


def search(context: Context, job: TrainingJob, name: str, *, basis: str) -> ModelCard:
    """Train the trials that `job.settings.search` asks for; the best becomes the model of the job, whose card this gives.

    A trial of the same settings and samples that was trained before, by a search that was stopped or had other bounds, is
    taken as it is: it is found by its settings and by `basis`, a hash of all else that a model hangs on. Raises SitsparkError
    where no trial came to its end.
    """
    plan = _plan(job)
    numbers = f"{name}: {counted(plan.total, 'trial')}"
    outcomes: list[Outcome] = []
    jobs: list[TrainingJob] = []
    try:
        with context.voice.watch(name, plan.total, "trials", lambda: sum((one.folder / RECORD).exists() for one in jobs)):
            while values := plan.ask():
                asked = [_trial_job(context, job, own, plan, basis) for own in values]
                jobs += asked
                finished = _round(context, asked, values, plan)
                plan.tell(finished)
                outcomes += finished
    finally:
        shutil.rmtree(_decoded(context), ignore_errors=True)
    best = best_of(outcomes)
    if best is None:
        problems = [outcome.problem for outcome in outcomes if outcome.problem]
        raise SitsparkError(f"{numbers}, none of which came to its end; the first: {problems[0]}")
    _publish(job, outcomes, best, [one.folder for one in jobs])
    return read_card(job.folder)


def _plan(job: TrainingJob) -> Plan:
    search = job.settings.search
    assert search is not None
    tried = candidates(search, TrainingSettings)
    if search.trials is None:
        return Grid(tried)
    return Suggestions(tried, search, epochs=job.settings.epochs, seed=job.seed)


def _trial_job(context: Context, job: TrainingJob, values: dict[str, Any], plan: Plan, basis: str) -> TrainingJob:
    settings = job.settings.varied(values)
    known = digest(basis, settings.learnt(), job.seed, job.left_out_fold)[:16]
    # samples with their weights serve all trials that balance alike
    store = _decoded(context) / "-".join(("samples", *settings.balance))
    return replace(
        job,
        folder=context.folder.trials / known,
        scratch=context.folder.scratch / "trials" / known,
        settings=settings,
        store=store,
        pruner=plan.pruner(),
    )


def _decoded(context: Context) -> Path:
    """Where samples are decoded once for all trials."""
    return context.folder.scratch / "decoded"


def _round(context: Context, jobs: Sequence[TrainingJob], values: Sequence[dict[str, Any]], plan: Plan) -> list[Outcome]:
    """The outcomes of some trials; those that aren't done are trained, side by side as far as there are cores."""

    def outcomes() -> Iterator[Outcome | None]:
        for job, own in zip(jobs, values, strict=True):
            yield read_outcome(job.folder, own, plan.pruner(), epochs=job.settings.epochs)

    # the same values may be suggested twice
    missing = {job.folder: job for job, known in zip(jobs, outcomes(), strict=True) if known is None or known.state == "failed"}
    for job in missing.values():
        forget(job.folder)
    if missing:
        _train(context.spark, list(missing.values()), tasks=_tasks(context, len(missing)))
    found = list(outcomes())
    lost = [job.folder for job, outcome in zip(jobs, found, strict=True) if outcome is None]
    if lost:
        raise SitsparkError(f"{lost[0]}: the trial left no record there; is the folder shared by all workers? Run it again")
    return [outcome for outcome in found if outcome is not None]


def _tasks(context: Context, trials: int) -> int:
    """Into how many tasks trials are dealt: as many as there are trials, unless fewer may run than there are cores."""
    master = context.settings.spark.master
    most, cores = trials_at_a_time(context.settings.training, master), local_cores(master)
    return trials if most is None or most == cores else min(trials, most)


def trials_at_a_time(training: TrainingSettings, master: str) -> int | None:
    """How many trials of a search this machine trains at a time: it has cores for their threads, and memory for their samples.

    None on a cluster, where spark.task.cpus says how many cores a task has. With a GPU it is one: all would take the first.
    """
    cores = local_cores(master)
    if cores is None:
        return None
    if training.device != "cpu" and torch.cuda.is_available():
        return 1
    by_memory = _FOR_TRIALS * machine_memory_mb() / 1000 / (training.memory + _LIBRARIES)
    return max(1, min(cores // training.threads, int(by_memory)))


def _train(spark: SparkSession, jobs: Sequence[TrainingJob], *, tasks: int) -> None:
    """Train on the workers, which see the folder of the run."""

    def train(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            for place in batch["id"]:
                run_trial(jobs[place])
            yield batch
        end_task()

    spark.range(0, len(jobs), 1, tasks).mapInPandas(train, "id long").write.format("noop").mode("overwrite").save()


def _publish(job: TrainingJob, outcomes: Sequence[Outcome], best: int, folders: Sequence[Path]) -> None:
    """Write the files of the model, the card last: killed before that, its folder holds no model."""
    remove_model(job.folder)
    _write(job.folder / TRIALS, _trials_table(job, outcomes, best, folders))
    _write(job.folder / EPOCHS, pa.concat_tables(_epochs(job, number, outcome) for number, outcome in enumerate(outcomes, 1)))
    _write(job.folder / HISTORY, _epochs(job, best + 1, outcomes[best]))
    for file in folders[best].glob("[!.]*"):
        if file.name not in (RECORD, HISTORY, CARD):
            copy_atomically(job.folder / file.name, file)
    # a trial may be of an earlier search, and its card of that one's model
    card = read_card(folders[best]).model_copy(update={"model_id": job.model_id, "settings": job.run and dict(job.run)})
    write_atomically(job.folder / CARD, card.model_dump_json(indent=2))


def _epochs(job: TrainingJob, number: int, outcome: Outcome) -> pa.Table:
    return history_table(outcome.epochs, model_id=job.model_id, trial=number)


_SCHEMA = pa.schema(
    [
        ("model_id", pa.string()),
        ("left_out_fold", pa.string()),
        ("trial", pa.int32()),
        ("parameters", pa.string()),
        ("state", pa.string()),
        ("chosen", pa.bool_()),
        ("problem", pa.string()),
        ("epochs", pa.int32()),
        ("best_epoch", pa.int32()),
        *((name, pa.float64()) for name in (*FIGURES, "seconds")),
        ("folder", pa.string()),
    ]
)


def _trials_table(job: TrainingJob, outcomes: Sequence[Outcome], best: int, folders: Sequence[Path]) -> pa.Table:
    rows = []
    for place, (outcome, folder) in enumerate(zip(outcomes, folders, strict=True)):
        epoch = outcome.best
        figures = {} if epoch is None else asdict(epoch)
        rows.append(
            {
                "model_id": job.model_id,
                "left_out_fold": job.left_out_fold,
                "trial": place + 1,
                "parameters": json.dumps(outcome.values),
                "state": outcome.state,
                "chosen": place == best,
                "problem": outcome.problem,
                "epochs": len(outcome.epochs),
                "best_epoch": figures.get("epoch"),
                **{name: figures.get(name) for name in FIGURES},
                "seconds": outcome.seconds,
                "folder": folder.name,
            }
        )
    return pa.Table.from_pylist(rows, _SCHEMA)


def _write(path: Path, table: pa.Table) -> None:
    replace_with(path, lambda part: pq.write_table(table, part))
