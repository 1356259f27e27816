"""Training a baseline: the same samples as a network's, in memory; the same files."""

import json
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.accuracy.reliability import Reliability
from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.baselines.bank import BASELINES
from sitspark.models.baselines.base import Baseline, LearningSet, Task
from sitspark.models.baselines.subsample import stratified
from sitspark.models.calibration import MOST, Calibration, calibrate, log_probabilities
from sitspark.models.card import NetworkCard
from sitspark.models.decode import store_of
from sitspark.models.history import Epoch
from sitspark.models.job import TrainingJob
from sitspark.models.outcome import Outcome, write_outcome
from sitspark.models.store import Samples
from sitspark.settings import TrainingSettings

_BLOCK = 16384  # samples that are judged at a time


def samples_that_fit(settings: TrainingSettings, features: int, classes: int) -> int:
    """How many samples a baseline may hold under `training.memory`."""
    if settings.baseline is None:
        raise ValueError("a network holds no samples")
    return int(settings.memory * 1e9 / BASELINES[settings.baseline.kind].sample_bytes(features, classes))


def train_baseline(job: TrainingJob) -> None:
    """Fit and write a baseline; the same job gives the same bytes of weights, a forest whatever the number of threads.

    Raises SitsparkError for samples that can't be used.
    """
    chosen = job.settings.baseline
    if chosen is None:
        raise ValueError(f"{job.model_id} is no baseline")
    started = time.perf_counter()
    store, classes, kind = store_of(job), len(job.nomenclature), BASELINES[chosen.kind]
    limit = samples_that_fit(job.settings, store.fitted.width, classes)
    if limit < classes:
        raise SitsparkError(f"training.memory of {job.settings.memory:g} GB holds {limit} samples; raise it")
    total = len(store.fitted) + len(store.monitored)
    fitted, monitored = (_taken(part, limit * len(part) // total, job.seed) for part in (store.fitted, store.monitored))
    steps = kind.steps(chosen)

    def progress(done: int) -> None:
        write_atomically(job.progress, json.dumps({"epoch": done, "epochs": steps}))

    began = time.perf_counter()
    baseline = kind.fitted(chosen, fitted, monitored, Task(classes, job.seed, job.settings.threads, progress))
    spent = time.perf_counter() - began
    learnt, judged = (_assessed(baseline, part, classes) for part in (fitted, _all(store.monitored)))
    round_ = Epoch(
        epoch=1,
        train_loss=learnt.loss,
        validation_loss=judged.loss if len(store.monitored) else None,
        oa=judged.matrix.overall_accuracy,
        kappa=judged.matrix.kappa,
        fscore=judged.matrix.mean_f_score,
        learning_rate=None,
        seconds=spent,
        samples_per_second=len(fitted) / spent,
    )
    outcome = Outcome(
        NetworkCard(name=chosen.kind, features=store.fitted.width, classes=classes, parameters=baseline.size),
        baseline.tensors(),
        [round_],
        round_,
        job.settings.criterion if len(store.monitored) else "train_loss",
        fitted=np.bincount(fitted.positions, minlength=classes).tolist(),
        calibration=_calibration(baseline, store.monitored) if job.settings.calibrate else None,
        device="cpu",
        subsampled_from=len(store.fitted) if len(fitted) < len(store.fitted) else None,
    )
    write_outcome(job, store, outcome, seconds=time.perf_counter() - started)


def _calibration(baseline: Baseline, monitored: Samples) -> Calibration:
    """What the monitored samples, or some that are spread evenly over them, say of the baseline's probabilities."""
    spread = np.arange(0, len(monitored), -(-len(monitored) // MOST) or 1)
    found, true = baseline.probabilities(monitored.features.numpy()[spread]), monitored.positions.numpy()[spread]
    calibrated = calibrate(log_probabilities(found), true)
    if not calibrated.samples:
        return calibrated
    # without a temperature probabilities are taken as they are, without a floor
    error = Reliability.between(found.max(axis=1), found.argmax(axis=1) == true).error
    return replace(calibrated, error_before=error, error_after=error if calibrated.temperature == 1 else calibrated.error_after)


def _all(samples: Samples) -> LearningSet:
    return LearningSet(samples.features.numpy(), samples.positions.numpy(), samples.weights.numpy())


def _taken(samples: Samples, limit: int, seed: int) -> LearningSet:
    """The samples that fit into memory; the files as they lie on the disk, where all do."""
    whole = _all(samples)
    if len(whole) <= limit:
        return whole
    rows = stratified(whole.positions, limit, seed=seed)
    return LearningSet(whole.features[rows], whole.positions[rows], whole.weights[rows])


@dataclass(frozen=True, slots=True)
class _Assessed:
    """Mean cross-entropy (weighted as the samples are) and confusions of class positions."""

    loss: float
    matrix: ConfusionMatrix


def _assessed(baseline: Baseline, samples: LearningSet, classes: int) -> _Assessed:
    """How a baseline does; a probability of 0 is taken for the least float64 above 1 - 1, as scikit-learn's log_loss does."""
    positions = tuple(range(classes))
    counts = np.zeros((classes, classes), np.int64)
    summed = weighed = 0.0
    for start in range(0, len(samples), _BLOCK):
        rows = slice(start, start + _BLOCK)
        found, true = baseline.probabilities(samples.features[rows]), samples.positions[rows]
        weights = samples.weights[rows].astype(np.float64)
        summed += float(weights @ _cross_entropies(found, true))
        weighed += float(weights.sum())
        counts += ConfusionMatrix.between(true, found.argmax(axis=1), positions).counts
    return _Assessed(summed / weighed if weighed else 0.0, ConfusionMatrix(positions, counts))


def _cross_entropies(found: npt.NDArray[np.float64], true: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    losses: npt.NDArray[np.float64] = -np.log(found[np.arange(len(true)), true].clip(np.finfo(np.float64).eps))
    return losses
