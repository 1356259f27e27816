"""One trial of a search: trained in this process, and committed by a record, whatever became of it."""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.card import HISTORY, WEIGHTS, read_card
from sitspark.models.history import read_history
from sitspark.models.job import LOG, TrainingJob
from sitspark.models.loop import train
from sitspark.models.model import remove_model
from sitspark.models.search import Outcome, Pruner, State, epochs_that_count
from sitspark.models.torch_state import torch_as_before

RECORD = "trial.json"


@dataclass(frozen=True, slots=True)
class _Record:
    """How a training ended; written last, so that what it tells of is there."""

    state: State
    seconds: float
    problem: str | None = None


def run_trial(job: TrainingJob) -> None:
    """Train; a trial that fails leaves a record that says why, and raises nothing."""
    started = time.perf_counter()
    forget(job.folder)
    job.folder.mkdir(parents=True, exist_ok=True)
    state: State = "failed"
    problem = None
    try:
        job.scratch.mkdir(parents=True, exist_ok=True)
        with torch_as_before(), (job.folder / LOG).open("w", encoding="utf-8") as log:
            train(job, tell=partial(print, file=log, flush=True))
        state = "pruned" if _gave_up(job) else "complete"
    except SitsparkError as error:
        problem = str(error)
    except Exception as error:  # a network that can't be built of these values, memory that is short
        problem = f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(job.scratch, ignore_errors=True)
    record = _Record(state, time.perf_counter() - started, problem)
    write_atomically(job.folder / RECORD, json.dumps(asdict(record)))


def forget(folder: Path) -> None:
    """Remove what an earlier attempt left, the record first."""
    (folder / RECORD).unlink(missing_ok=True)
    remove_model(folder)


def read_outcome(folder: Path, values: Mapping[str, Any], pruner: Pruner | None, *, epochs: int) -> Outcome | None:
    """What became of a trial of these values; None where it isn't done, or the pruner of another search ended it.

    `epochs` is the number that it was to train.
    """
    try:
        record = _Record(**json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if record.state == "failed":
        return Outcome(values, "failed", record.seconds, problem=record.problem)
    try:
        card, history = read_card(folder), read_history(folder / HISTORY)
        weights = (folder / WEIGHTS).read_bytes()
    except (SitsparkError, OSError):
        return None
    if hashlib.sha256(weights).hexdigest() != card.weights_sha256:
        return None
    counting = history if pruner is None else epochs_that_count(history, card.criterion, pruner, epochs=epochs)
    pruned = pruner is not None and pruner.gives_up(counting, card.criterion) and len(counting) < epochs
    if record.state == "pruned" and not pruned:
        return None
    return Outcome(values, "pruned" if pruned else "complete", record.seconds, counting, card.criterion)


def _gave_up(job: TrainingJob) -> bool:
    criterion, history = read_card(job.folder).criterion, read_history(job.folder / HISTORY)
    return job.pruner is not None and len(history) < job.settings.epochs and job.pruner.gives_up(history, criterion)
