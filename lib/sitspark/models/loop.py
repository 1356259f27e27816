"""The training loop: runs in every process of a training; the first one writes the files."""

import copy
import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import deterministic

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.card import ClassCard, ModelCard, NetworkCard, StatisticsCard
from sitspark.models.data import Samples, SampleStore, Selection, decode, epoch_order, share
from sitspark.models.history import Criterion, Epoch, is_better
from sitspark.models.job import TrainingJob
from sitspark.models.model import serialise, write_model
from sitspark.models.networks.bank import build
from sitspark.models.networks.base import Network
from sitspark.models.process_group import ProcessGroup, joined
from sitspark.samples.table import feature_space_of


@dataclass(frozen=True, slots=True)
class _Learner:
    """What changes during training, in one process."""

    network: Network
    parallel: nn.Module
    optimiser: torch.optim.Optimizer
    group: ProcessGroup


@dataclass(frozen=True, slots=True)
class _Fit:
    """The outcome of training: what was noted, the epoch kept, and the network's state at that epoch."""

    history: tuple[Epoch, ...]
    best: Epoch
    criterion: Criterion
    state: dict[str, Tensor]


def train(job: TrainingJob) -> None:
    """Train and write a model: Adam, cross-entropy, the epoch kept that is best by the criterion.

    On one kind of processor the same job gives the same bytes of weights; the number of processes changes them by
    rounding alone. Raises SitsparkError for samples that can't be used and for a loss that is no longer finite.
    """
    started = time.perf_counter()
    with joined() as group:
        _be_deterministic(job)
        folder = job.scratch / "samples"
        if group.is_first:
            decode(
                job.samples,
                Selection.of(job.left_out_fold, job.quality),
                codes=job.nomenclature.codes,
                folder=folder,
                children=job.children,
                balance=job.settings.balance,
            )
        group.wait()
        store = SampleStore.open(folder)
        learner = _learner(job, store, group)
        fit = _fit(job, store, learner)
        if group.is_first:
            weights = serialise(fit.state)
            card = _card(job, store, learner, fit=fit, weights=weights, seconds=time.perf_counter() - started)
            write_model(job.folder, card, weights, fit.history)


def _be_deterministic(job: TrainingJob) -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # CUDA's condition for reproducible products
    torch.set_num_threads(job.settings.threads)
    torch.use_deterministic_algorithms(True)
    # nothing here reads memory before writing it
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # torch puts it there at run time
    torch.manual_seed(job.seed)


def _learner(job: TrainingJob, store: SampleStore, group: ProcessGroup) -> _Learner:
    network = build(str(job.settings.network), feature_space_of(job.samples), len(job.nomenclature))
    network.standardise.take(store.statistics)
    network.to(group.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=job.settings.learning_rate)
    return _Learner(network, group.parallel(network), optimiser, group)


def _fit(job: TrainingJob, store: SampleStore, learner: _Learner) -> _Fit:
    # without monitored samples only the training loss is left to choose by
    criterion: Criterion = job.settings.criterion if len(store.monitored) else "train_loss"
    history: list[Epoch] = []
    best, state = None, {}
    for number in range(1, job.settings.epochs + 1):
        epoch = _epoch(job, store, learner, number=number)
        history.append(epoch)
        if best is None or is_better(epoch, best, criterion):
            best, state = epoch, copy.deepcopy(learner.network.state_dict())
        if learner.group.is_first:
            write_atomically(job.progress, json.dumps(asdict(epoch) | {"epochs": job.settings.epochs}))
    assert best is not None  # the settings ask for one epoch at least
    return _Fit(tuple(history), best, criterion, {name: tensor.cpu() for name, tensor in state.items()})


def _epoch(job: TrainingJob, store: SampleStore, learner: _Learner, *, number: int) -> Epoch:
    started = time.perf_counter()
    train_loss = _train_once(job, store.fitted, learner, number=number)
    rate = len(store.fitted) / (time.perf_counter() - started)
    validation_loss, matrix = _assess(job, store.monitored, learner)
    return Epoch(
        epoch=number,
        train_loss=train_loss,
        validation_loss=validation_loss,
        oa=matrix.overall_accuracy,
        kappa=matrix.kappa,
        fscore=matrix.mean_f_score,
        learning_rate=job.settings.learning_rate,
        seconds=time.perf_counter() - started,
        samples_per_second=rate,
    )


def _train_once(job: TrainingJob, samples: Samples, learner: _Learner, *, number: int) -> float:
    """One pass over the fitted samples; gives the mean of their weighted losses."""
    order = epoch_order(len(samples), seed=job.seed, epoch=number)
    learner.parallel.train()
    summed = 0.0
    for batch, members in enumerate(order.split(job.settings.batch_size), 1):
        mine = members[_my_share(learner.group, len(members))]
        features, positions, weights = (
            of_all.index_select(0, mine).to(learner.group.device)
            for of_all in (samples.features, samples.positions, samples.weights)
        )
        learner.optimiser.zero_grad()
        loss = (F.cross_entropy(learner.parallel(features), positions, reduction="none") * weights).sum()
        value = loss.item()
        if not math.isfinite(value):
            raise _not_finite(job, value, f"in epoch {number}, batch {batch}", features)
        # the processes' gradients are averaged, and their shares may differ by a sample: so the mean is taken here
        (loss * (learner.group.ranks / len(members))).backward()
        learner.optimiser.step()
        summed += value
    return float(learner.group.total(torch.tensor([summed], dtype=torch.float64))) / len(samples)


@torch.inference_mode()
def _assess(job: TrainingJob, samples: Samples, learner: _Learner) -> tuple[float | None, ConfusionMatrix]:
    """Mean loss (None without samples) and confusions of class positions on the monitored samples."""
    learner.network.eval()
    classes = tuple(range(len(job.nomenclature)))
    summed, counts = 0.0, np.zeros((len(classes), len(classes)), np.int64)
    for features, positions in _in_order(samples, job.settings.batch_size, learner.group):
        scores = learner.network(features)
        summed += F.cross_entropy(scores, positions, reduction="sum").item()
        counts += ConfusionMatrix.between(positions.cpu().numpy(), scores.argmax(1).cpu().numpy(), classes).counts
    totals = learner.group.total(torch.from_numpy(np.append(summed, counts.ravel()))).numpy()
    matrix = ConfusionMatrix(classes, totals[1:].reshape(counts.shape).astype(np.int64))
    return (float(totals[0]) / len(samples) if len(samples) else None), matrix


def _in_order(samples: Samples, batch_size: int, group: ProcessGroup) -> Iterator[tuple[Tensor, Tensor]]:
    """This process's part of the samples, batch by batch."""
    part = _my_share(group, len(samples))
    for start in range(part.start, part.stop, batch_size):
        rows = slice(start, min(start + batch_size, part.stop))
        yield samples.features[rows].to(group.device), samples.positions[rows].to(group.device)


def _my_share(group: ProcessGroup, count: int) -> slice:
    return share(count, rank=group.rank, ranks=group.ranks)


def _not_finite(job: TrainingJob, loss: float, when: str, features: Tensor) -> SitsparkError:
    low, high = features.min().item(), features.max().item()
    return SitsparkError(
        f"training {job.model_id}: the loss became {loss} {when} (features there are within {low:.6g} to {high:.6g}); "
        f"lower training.learning_rate (it is {job.settings.learning_rate:g})"
    )


def _card(job: TrainingJob, store: SampleStore, learner: _Learner, *, fit: _Fit, weights: bytes, seconds: float) -> ModelCard:
    classes = len(job.nomenclature)
    fitted, monitored = (torch.bincount(s.positions, minlength=classes) for s in (store.fitted, store.monitored))
    return ModelCard(
        model_id=job.model_id,
        network=NetworkCard(
            name=str(job.settings.network),
            features=store.fitted.features.shape[1],
            classes=classes,
            parameters=learner.network.weights,
        ),
        feature_space=json.loads(feature_space_of(job.samples).to_json()),
        classes=tuple(
            ClassCard(code=c.code, name=c.name, colour=c.colour, train=int(fitted[i]), monitored=int(monitored[i]))
            for i, c in enumerate(job.nomenclature)
        ),
        training=job.settings,
        seed=job.seed,
        left_out_fold=job.left_out_fold,
        statistics=StatisticsCard(
            mean=tuple(store.statistics.mean.tolist()), deviation=tuple(store.statistics.deviation.tolist())
        ),
        criterion=fit.criterion,
        best_epoch=fit.best.epoch,
        metrics=fit.best,
        seconds=seconds,
        device=str(learner.group.device),
        versions={"python": platform.python_version()} | {name: version(name) for name in ("sitspark", "torch")},
        weights_sha256=hashlib.sha256(weights).hexdigest(),
    )
