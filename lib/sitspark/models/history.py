"""What is noted of each epoch, and which epoch is the best."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.settings import StoppingSettings

Criterion = Literal["loss", "oa", "kappa", "fscore", "train_loss"]
FIGURES = ("train_loss", "validation_loss", "oa", "kappa", "fscore")  # what an epoch is judged by


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the fitted samples, and how the network then does on the monitored ones.

    Losses are mean cross-entropies (natural logarithm): `train_loss` over the batches as they were trained on,
    `validation_loss` over the monitored samples, like oa, kappa and fscore (the mean F-score of the classes that these
    samples have), all within 0-1. None: undefined, as without monitored samples, or the learning rate of what has none.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    oa: float | None
    kappa: float | None
    fscore: float | None
    learning_rate: float | None
    seconds: float
    samples_per_second: float


def as_line(epoch: Epoch, *, epochs: int) -> str:
    """An epoch of so many as a line of a log; what is undefined is a dash."""

    def figure(value: float | None) -> str:
        return "-" if value is None else f"{value:#.4g}"

    rate = "" if epoch.learning_rate is None else f", learning rate {epoch.learning_rate:.3g}"
    return (
        f"epoch {epoch.epoch} of {epochs}: loss {figure(epoch.train_loss)}, monitored loss {figure(epoch.validation_loss)}, "
        f"OA {figure(epoch.oa)}, kappa {figure(epoch.kappa)}, F {figure(epoch.fscore)}{rate}, {epoch.seconds:.1f} s"
    )


def is_better(epoch: Epoch, best: Epoch, criterion: Criterion) -> bool:
    """Whether a later epoch beats the best one so far; losses are better when lower, the others when higher."""
    return merit(epoch, criterion) > merit(best, criterion)


def has_stalled(history: Sequence[Epoch], settings: StoppingSettings, criterion: Criterion) -> bool:
    """Whether the last `patience` epochs, of those watched, aren't better than the best before by more than `tolerance`."""
    # without monitored samples the training loss is all there is
    watched = criterion if criterion == "train_loss" or settings.metric is None else settings.metric
    best, waited = float("-inf"), 0
    for epoch in history:
        if epoch.epoch < settings.start:
            continue
        value = merit(epoch, watched)
        if value > best + settings.tolerance:
            best, waited = value, 0
        else:
            waited += 1
    return waited >= settings.patience


def merit(epoch: Epoch, criterion: Criterion) -> float:
    """How good an epoch is, the higher the better: a score, or a loss with its sign changed; undefined: -inf."""
    if criterion == "train_loss":
        return -epoch.train_loss
    if criterion == "loss":
        return float("-inf") if epoch.validation_loss is None else -epoch.validation_loss
    score: float | None = getattr(epoch, criterion)
    return float("-inf") if score is None else score


_SCHEMA = pa.schema(
    [
        ("model_id", pa.string()),
        ("trial", pa.int32()),
        ("epoch", pa.int32()),
        *((name, pa.float64()) for name in FIGURES),
        *((name, pa.float64()) for name in ("learning_rate", "seconds", "samples_per_second")),
    ]
)


def history_table(history: Sequence[Epoch], *, model_id: str, trial: int | None = None) -> pa.Table:
    """A row an epoch; `trial` is the number of the one of a search that it belongs to."""
    rows = [{"model_id": model_id, "trial": trial} | asdict(epoch) for epoch in history]
    return pa.Table.from_pylist(rows, _SCHEMA)


def write_history(path: Path, history: Sequence[Epoch], *, model_id: str) -> None:
    """Write a row an epoch as Parquet."""
    pq.write_table(history_table(history, model_id=model_id), path)


def read_history(path: Path) -> tuple[Epoch, ...]:
    """The epochs that `write_history` wrote."""
    rows = pq.read_table(path, columns=[field.name for field in fields(Epoch)]).to_pylist()
    return tuple(Epoch(**row) for row in rows)
