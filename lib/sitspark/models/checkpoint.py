"""What a training that was stopped goes on from: the state after a whole epoch, written so that a kill can't break it."""

import hashlib
import io
import json
import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from sitspark.atomic import publish
from sitspark.models.history import Epoch
from sitspark.models.job import TrainingJob
from sitspark.models.store import SampleStore
from sitspark.settings import CheckpointSettings

CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far a training has come: the epochs so far, the best one's weights, and what the next one starts from."""

    history: tuple[Epoch, ...]
    best: Epoch
    best_state: Mapping[str, Tensor]
    network: Mapping[str, Tensor]
    optimiser: Mapping[str, Any]


class Checkpoints:
    """The checkpoint of one job on these samples: read once, then written when it is due.

    `started` is the moment, by time.monotonic(), from which on the training is timed.
    """

    def __init__(self, job: TrainingJob, store: SampleStore, *, started: float) -> None:
        self._path = job.folder / CHECKPOINT
        self._settings: CheckpointSettings = job.settings.checkpoint
        self._identity = _identity(job, store)
        self._written, self._epoch = time.monotonic(), 0
        self._started, self._before = started, 0.0

    @property
    def seconds(self) -> float:
        """How long the training takes until now, since `started` and before the stop that it goes on from."""
        return self._before + time.monotonic() - self._started

    def read(self) -> Progress | None:
        """The state that is there; None without one, and for one of another job or other samples."""
        if not self._settings.restart or not self._path.exists():
            return None
        try:
            # no pickled objects: a checkpoint can't run code
            saved = torch.load(self._path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError):
            return None
        if saved.get("identity") != self._identity:
            return None
        history = tuple(Epoch(**epoch) for epoch in saved["history"])
        self._epoch, self._before = len(history), saved["seconds"]
        return Progress(
            history, history[saved["best"] - 1], saved["best_state"], network=saved["network"], optimiser=saved["optimiser"]
        )

    def write_if_due(self, progress: Progress) -> None:
        """Write the state where enough epochs or minutes have passed since the last one."""
        epoch, now = len(progress.history), time.monotonic()
        minutes = self._settings.minutes
        late = minutes is not None and now - self._written >= 60 * minutes
        if epoch - self._epoch < self._settings.epochs and not late:
            return
        content = io.BytesIO()
        torch.save(
            {
                "identity": self._identity,
                "history": [asdict(noted) for noted in progress.history],
                "seconds": self.seconds,
                "best": progress.best.epoch,
                "best_state": dict(progress.best_state),
                "network": dict(progress.network),
                "optimiser": dict(progress.optimiser),
            },
            content,
        )
        publish(self._path, content.getvalue())
        self._written, self._epoch = now, epoch

    def remove(self) -> None:
        """Forget it: the training is done."""
        self._path.unlink(missing_ok=True)


def _identity(job: TrainingJob, store: SampleStore) -> str:
    """A hash of all that the epochs so far depend on."""
    parts: Sequence[Any] = [
        job.model_id,
        job.settings.learnt(),
        job.seed,
        job.own.sha256 if job.own else None,
        [len(store.fitted), len(store.monitored), store.statistics.mean.tolist(), store.statistics.deviation.tolist()],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
