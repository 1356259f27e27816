"""The training loop: runs in every process of a training; the first one writes the files."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.batches import Batch, Batches, room
from sitspark.models.calibration import MOST, Calibration, calibrate
from sitspark.models.card import NetworkCard
from sitspark.models.checkpoint import Checkpoints, Progress
from sitspark.models.decode import store_of
from sitspark.models.history import Criterion, Epoch, as_line, has_stalled, is_better
from sitspark.models.job import TrainingJob
from sitspark.models.learner import Learner
from sitspark.models.networks.bank import chosen
from sitspark.models.outcome import Outcome, write_outcome
from sitspark.models.process_group import ProcessGroup, joined
from sitspark.models.schedule import plateau_factor, rate_factor
from sitspark.models.store import Samples, SampleStore
from sitspark.models.torch_state import learn_reproducibly
from sitspark.samples.table import feature_space_of
from sitspark.settings import TrainingSettings

_LOOKED_AT = 64  # batches between two looks at the losses: each look makes a GPU wait


@dataclass(frozen=True, slots=True)
class _Material:
    """What training goes by: samples in batches, and the figure that epochs are judged by."""

    store: SampleStore
    fitted: Batches
    monitored: Batches
    criterion: Criterion


def train(job: TrainingJob, tell: Callable[[str], None] = partial(print, flush=True)) -> None:
    """Train and write a model: the epoch is kept that is best by the criterion; `tell` is given a line an epoch.

    On one kind of processor the same job gives the same bytes of weights, also where it was killed and started again; the
    number of processes changes them by rounding alone. Raises SitsparkError for samples that can't be used and for a loss that
    is no longer finite.
    """
    started = time.monotonic()
    with joined(job.settings.device) as group:
        learn_reproducibly(job.settings.threads, seed=job.seed)
        material = _material(job, store_of(job), group)
        learner = _learner(job, material.store, group)
        checkpoints = Checkpoints(job, material.store, started=started)
        progress = _fit(job, material, learner, checkpoints, tell)
        if group.is_first:
            outcome = _outcome(job, material, learner, progress)
            write_outcome(job, material.store, outcome, seconds=checkpoints.seconds)
        group.wait()
        if group.is_first:
            checkpoints.remove()


def _material(job: TrainingJob, store: SampleStore, group: ProcessGroup) -> _Material:
    settings = job.settings
    whole, held = len(store.fitted) + len(store.monitored), room(settings.memory * 1e9, group)

    def batches(samples: Samples) -> Batches:
        return Batches(samples, settings.batch_size, job.seed, held * len(samples) / whole, group)

    return _Material(
        store,
        batches(store.fitted),
        batches(store.monitored),
        # without monitored samples only the training loss is left to choose by
        settings.criterion if len(store.monitored) else "train_loss",
    )


def _learner(job: TrainingJob, store: SampleStore, group: ProcessGroup) -> Learner:
    network = chosen(job.settings, feature_space_of(job.samples), len(job.nomenclature), own=job.own)
    network.take(store.statistics.centred_by(job.settings.centre))
    return Learner.of(network, job.settings, group)


def _fit(
    job: TrainingJob, material: _Material, learner: Learner, checkpoints: Checkpoints, tell: Callable[[str], None]
) -> Progress:
    progress = checkpoints.read()
    found = len(progress.history) if progress else 0
    # one that not all processes see, as on a disk that is slow to share it, is nobody's
    if learner.group.least(found) != -learner.group.least(-found):
        progress = None
    if progress is not None:
        learner.network.load_state_dict(dict(progress.network))
        learner.optimiser.load_state_dict(dict(progress.optimiser))
    resumed = len(progress.history) if progress else 0
    with closing(material.fitted.epochs(resumed + 1)) as epochs:
        while not _is_done(job, material, progress):
            progress = _one_more(job, material, learner, progress, batches=next(epochs))
            if learner.group.is_first:
                told = asdict(progress.history[-1]) | {"epochs": job.settings.epochs, "resumed": resumed}
                write_atomically(job.progress, json.dumps(told))
                tell(as_line(progress.history[-1], epochs=job.settings.epochs))
                checkpoints.write_if_due(progress)
    assert progress is not None  # the settings ask for one epoch at least
    return progress


def _is_done(job: TrainingJob, material: _Material, progress: Progress | None) -> bool:
    if progress is None:
        return False
    stopping = job.settings.stopping
    stalled = stopping is not None and has_stalled(progress.history, stopping, material.criterion)
    pruned = job.pruner is not None and job.pruner.gives_up(progress.history, material.criterion)
    return stalled or pruned or len(progress.history) >= job.settings.epochs


def _one_more(
    job: TrainingJob, material: _Material, learner: Learner, progress: Progress | None, *, batches: Iterator[Batch]
) -> Progress:
    history = progress.history if progress else ()
    epoch = _epoch(job, material, learner, history=history, batches=batches)
    if progress is None or is_better(epoch, progress.best, material.criterion):
        best, state = epoch, {name: tensor.cpu().clone() for name, tensor in learner.network.state_dict().items()}
    else:
        best, state = progress.best, dict(progress.best_state)
    return Progress(
        (*history, epoch), best, state, network=learner.network.state_dict(), optimiser=learner.optimiser.state_dict()
    )


def _epoch(
    job: TrainingJob, material: _Material, learner: Learner, *, history: tuple[Epoch, ...], batches: Iterator[Batch]
) -> Epoch:
    started = time.perf_counter()
    factor = plateau_factor(job.settings.schedule, history, material.criterion)
    number = len(history) + 1
    highest = job.settings.learning_rate * factor
    train_loss = _train_once(job, material, learner, batches, number=number, highest=highest)
    rate = len(material.store.fitted) / (time.perf_counter() - started)
    _refuse_broken_weights(job, learner, number=number)
    # what a user's batch normalisation noted of its own share: all judge the network that the first one keeps
    learner.group.take_of_first(learner.network.buffers())
    validation_loss, matrix = _assess(job, material, learner)
    return Epoch(
        epoch=number,
        train_loss=train_loss,
        validation_loss=validation_loss,
        oa=matrix.overall_accuracy,
        kappa=matrix.kappa,
        fscore=matrix.mean_f_score,
        learning_rate=_rate(job.settings, number - 0.5 / material.fitted.in_an_epoch, highest),
        seconds=time.perf_counter() - started,
        samples_per_second=rate,
    )


def _train_once(
    job: TrainingJob, material: _Material, learner: Learner, batches: Iterator[Batch], *, number: int, highest: float
) -> float:
    """One pass over the fitted samples, with rates up to `highest`; gives the mean of their weighted losses."""
    settings, group, steps = job.settings, learner.group, material.fitted.in_an_epoch
    # of each epoch and process its own, so that nothing of the generator has to be remembered
    torch.manual_seed(int(np.random.SeedSequence((job.seed, number, group.rank)).generate_state(1, np.uint64)[0]))
    learner.network.train()
    summed = torch.zeros(steps, dtype=torch.float64, device=group.device)
    for step, batch in enumerate(batches):
        summed[step] = learner.step(batch, _rate(settings, number - 1 + (step + 0.5) / steps, highest))
        if step % _LOOKED_AT == 0 or step == steps - 1:
            _refuse_not_finite(job, material, summed[: step + 1], number=number)
    return float(group.total(summed.sum()[None])) / len(material.store.fitted)


def _rate(settings: TrainingSettings, passed: float, highest: float) -> float:
    """The learning rate after so many epochs, where plateaus have left `highest` of it."""
    return highest * rate_factor(settings.schedule, passed, settings.epochs)


@torch.inference_mode()
def _assess(job: TrainingJob, material: _Material, learner: Learner) -> tuple[float | None, ConfusionMatrix]:
    """Mean loss (None without samples) and confusions of class positions on the monitored samples."""
    learner.network.eval()
    classes, device = len(job.nomenclature), learner.group.device
    summed = torch.zeros(1, dtype=torch.float64, device=device)
    counts = torch.zeros(classes * classes, dtype=torch.int64, device=device)
    for batch in material.monitored.in_order():
        scores = learner.network(batch.features)
        summed += F.cross_entropy(scores, batch.positions, reduction="sum")
        counts += torch.bincount(batch.positions * classes + scores.argmax(1), minlength=classes * classes)
    totals = learner.group.total(torch.cat([summed, counts.double()])).numpy()
    matrix = ConfusionMatrix(tuple(range(classes)), totals[1:].reshape(classes, classes).astype(np.int64))
    samples = len(material.store.monitored)
    return (float(totals[0]) / samples if samples else None), matrix


@torch.inference_mode()
def _calibration(job: TrainingJob, samples: Samples, learner: Learner, progress: Progress) -> Calibration | None:
    """What the monitored samples, or some that are spread evenly over them, say of the network in its kept state."""
    if not job.settings.calibrate:
        return None
    learner.network.load_state_dict(dict(progress.best_state))
    learner.network.eval()
    spread = torch.arange(0, len(samples), -(-len(samples) // MOST) or 1)
    scores = [
        learner.network(samples.features.index_select(0, part).to(learner.group.device).float()).float().cpu()
        for part in spread.split(job.settings.batch_size)
        if len(part)
    ]
    # an empty one gives a table without rows
    table = torch.cat([torch.empty(0, len(job.nomenclature)), *scores])
    return calibrate(table.numpy(), samples.positions.index_select(0, spread).numpy())


def _refuse_not_finite(job: TrainingJob, material: _Material, summed: Tensor, *, number: int) -> None:
    """Raise SitsparkError with the first of an epoch's losses that isn't finite, and the range of the features there."""
    finite = summed.isfinite()
    if finite.all():
        return
    place = int(finite.logical_not().nonzero()[0])
    batch = material.fitted.batch(number, place)
    low, high = batch.features.min().item(), batch.features.max().item()
    raise SitsparkError(
        f"training {job.model_id}: the loss became {summed[place].item()} in epoch {number}, batch {place + 1} (features there "
        f"are within {low:.6g} to {high:.6g}); lower training.learning_rate (it is {job.settings.learning_rate:g}), or set "
        "training.clip_gradient"
    )


def _refuse_broken_weights(job: TrainingJob, learner: Learner, *, number: int) -> None:
    """Raise SitsparkError where the last step of an epoch, whose loss nothing has seen, left weights that aren't finite."""
    if not all(bool(weights.isfinite().all()) for weights in learner.network.parameters()):
        raise SitsparkError(
            f"training {job.model_id}: the last step of epoch {number} left weights that aren't finite; lower "
            f"training.learning_rate (it is {job.settings.learning_rate:g}), or set training.clip_gradient"
        )


def _outcome(job: TrainingJob, material: _Material, learner: Learner, progress: Progress) -> Outcome:
    store, classes = material.store, len(job.nomenclature)
    return Outcome(
        NetworkCard(
            name=job.settings.network_name,
            features=store.fitted.width,
            classes=classes,
            parameters=learner.network.weights,
            arguments=job.settings.network_arguments,
            code_sha256=job.own.sha256 if job.own else None,
        ),
        progress.best_state,
        progress.history,
        progress.best,
        material.criterion,
        fitted=torch.bincount(store.fitted.positions, minlength=classes).tolist(),
        calibration=_calibration(job, store.monitored, learner, progress),
        device=str(learner.group.device),
        parts=material.fitted.parts,
    )
