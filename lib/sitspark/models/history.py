"""What is noted of each epoch, and which epoch is the best."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.settings import StoppingSettings

Criterion = Literal["loss", "oa", "kappa", "fscore", "train_loss"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the fitted samples, and how the network then does on the monitored ones.

    Losses are mean cross-entropies (natural logarithm): `train_loss` over the batches as they were trained on,
    `validation_loss` over the monitored samples, like oa, kappa and fscore (the mean F-score of the classes that these
    samples have), all within 0-1. None: undefined, as without monitored samples.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    oa: float | None
    kappa: float | None
    fscore: float | None
    learning_rate: float
    seconds: float
    samples_per_second: float


def is_better(epoch: Epoch, best: Epoch, criterion: Criterion) -> bool:
    """Whether a later epoch beats the best one so far; losses are better when lower, the others when higher."""
    return _merit(epoch, criterion) > _merit(best, criterion)


def has_stalled(history: Sequence[Epoch], settings: StoppingSettings, criterion: Criterion) -> bool:
    """Whether the last `patience` epochs, of those watched, aren't better than the best before by more than `tolerance`."""
    # without monitored samples the training loss is all there is
    watched = criterion if criterion == "train_loss" or settings.metric is None else settings.metric
    best, waited = float("-inf"), 0
    for epoch in history:
        if epoch.epoch < settings.start:
            continue
        merit = _merit(epoch, watched)
        if merit > best + settings.tolerance:
            best, waited = merit, 0
        else:
            waited += 1
    return waited >= settings.patience


def _merit(epoch: Epoch, criterion: Criterion) -> float:
    if criterion == "train_loss":
        return -epoch.train_loss
    if criterion == "loss":
        return float("-inf") if epoch.validation_loss is None else -epoch.validation_loss
    score: float | None = getattr(epoch, criterion)
    return float("-inf") if score is None else score


_SCHEMA = pa.schema(
    [
        ("model_id", pa.string()),
        ("epoch", pa.int32()),
        *((name, pa.float64()) for name in ("train_loss", "validation_loss", "oa", "kappa", "fscore")),
        *((name, pa.float64()) for name in ("learning_rate", "seconds", "samples_per_second")),
    ]
)


def write_history(path: Path, history: Sequence[Epoch], *, model_id: str) -> None:
    """Write a row an epoch as Parquet."""
    rows = [{"model_id": model_id} | asdict(epoch) for epoch in history]
    pq.write_table(pa.Table.from_pylist(rows, _SCHEMA), path)
