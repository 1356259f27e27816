"""What a training comes to, of a network or of a baseline, and the files that it becomes."""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import numpy as np
from torch import Tensor

from sitspark.models.calibration import Calibration
from sitspark.models.card import CalibrationCard, DataCard, GroundCard, ModelCard, NetworkCard, StatisticsCard, class_cards
from sitspark.models.history import Criterion, Epoch
from sitspark.models.job import TrainingJob
from sitspark.models.model import serialise, write_model
from sitspark.models.store import SampleStore
from sitspark.samples.table import feature_space_of, made_with_of, rows_of


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What was learnt, how it went, and how sure it may be.

    `fitted` are the numbers of samples by class that were learnt from, `subsampled_from` how many there were where these are
    a part; `parts` is the number of parts in which an epoch read them, 1 where they were held.
    """

    network: NetworkCard
    state: Mapping[str, Tensor]
    history: Sequence[Epoch]
    best: Epoch
    criterion: Criterion
    fitted: Sequence[int]
    calibration: Calibration | None
    device: str
    subsampled_from: int | None = None
    parts: int | None = None


def write_outcome(job: TrainingJob, store: SampleStore, outcome: Outcome, *, seconds: float) -> None:
    """Write the model's files, the card last."""
    weights = serialise(outcome.state)
    monitored = np.bincount(store.monitored.positions.numpy(), minlength=len(job.nomenclature)).tolist()
    libraries = ("sitspark", "torch") if job.settings.baseline is None else ("sitspark", "torch", "scikit-learn", "lightgbm")
    card = ModelCard(
        model_id=job.model_id,
        network=outcome.network,
        feature_space=json.loads(feature_space_of(job.samples).to_json()),
        classes=class_cards(job.nomenclature, fitted=outcome.fitted, monitored=monitored),
        subsampled_from=outcome.subsampled_from,
        parts=outcome.parts,
        training=job.settings,
        seed=job.seed,
        left_out_fold=job.left_out_fold,
        run=job.division.run if job.division else 1,
        ground=GroundCard(kind=job.ground.kind, name=job.ground.name) if job.ground else None,
        statistics=StatisticsCard.of(store.statistics),
        criterion=outcome.criterion,
        best_epoch=outcome.best.epoch,
        epochs=len(outcome.history),
        metrics=outcome.best,
        seconds=seconds,
        device=outcome.device,
        versions={"python": platform.python_version()} | {name: version(name) for name in libraries},
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        calibration=CalibrationCard(**asdict(outcome.calibration)) if outcome.calibration else None,
        data=DataCard(made_with=made_with_of(job.samples), rows=rows_of(job.samples)),
        settings=None if job.run is None else dict(job.run),
    )
    write_model(job.folder, card, weights, outcome.history, own=job.own)
