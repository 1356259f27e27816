"""The model card: all that is needed to use a model, and to know where it comes from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.history import Criterion, Epoch
from sitspark.models.statistics import QUANTILES, Statistics
from sitspark.settings import TrainingSettings

SCHEMA_VERSION = 5  # rises when an older sitspark can no longer use the card
CARD, WEIGHTS, HISTORY, CODE = "card.json", "weights.safetensors", "history.parquet", "network.py"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkCard(_Part):
    """Which network or baseline, for how many features and classes; `parameters`: how many numbers are learnt.

    `name` is that of the bank, of the user's class or of the baseline; `arguments` is what a network is built with;
    `code_sha256` is the hash of the text of a user's network, which lies beside the card.
    """

    name: str
    features: int
    classes: int
    parameters: int
    arguments: dict[str, Any] = {}
    code_sha256: str | None = None


class ClassCard(_Part):
    """A class, the samples of it that the network was fitted to, and those that only chose the epoch."""

    code: int
    name: str
    colour: tuple[int, int, int]
    train: int
    monitored: int


class StatisticsCard(_Part):
    """Mean, deviation and the quantiles `shares` of each feature over the fitted samples; see `statistics.Statistics`."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    shares: tuple[float, ...] = ()
    quantiles: tuple[tuple[float, ...], ...] = ()

    @staticmethod
    def of(statistics: Statistics) -> "StatisticsCard":
        """Those of a training."""
        return StatisticsCard(
            mean=tuple(statistics.mean.tolist()),
            deviation=tuple(statistics.deviation.tolist()),
            shares=QUANTILES,
            quantiles=tuple(tuple(row) for row in statistics.quantiles.tolist()),
        )


class CalibrationCard(_Part):
    """What made the confidence as large as the model is right; the fields are those of `Calibration`."""

    temperature: float = Field(gt=0)
    samples: int
    error_before: float | None
    error_after: float | None


class DataCard(_Part):
    """The samples table that the model was trained on: the key that it was made with, if it says so, and its rows."""

    made_with: str | None
    rows: int


class GroundCard(_Part):
    """The ground that a model is for: a value of the column `kind` of samples."""

    kind: str
    name: str


class ModelCard(_Part):
    """What `card.json` holds.

    `calibration` is None where it wasn't asked for; `settings` are those of the whole run, without credentials. `epochs` were
    run; `criterion` is what chose the best one: that of the settings, or 'train_loss' when no sample was monitored; `metrics`
    are those of that epoch. `subsampled_from` are the samples that there were, where a part was learnt from, which fitted
    into `training.memory`; `parts` is the number of parts in which a network's epoch read them, 1 where all were held (None:
    of a baseline, or not known). `ground` is None where a model is for all of it; `run` is that of a cross-validation, 1 where
    samples are divided as their table says.
    """

    schema_version: int = SCHEMA_VERSION
    model_id: str
    network: NetworkCard
    feature_space: dict[str, Any]
    classes: tuple[ClassCard, ...]
    subsampled_from: int | None = None
    parts: int | None = None
    training: TrainingSettings
    seed: int
    left_out_fold: str | None
    run: int = 1
    ground: GroundCard | None = None
    statistics: StatisticsCard
    criterion: Criterion
    best_epoch: int
    epochs: int = 0
    metrics: Epoch
    seconds: float
    device: str
    versions: dict[str, str]
    weights_sha256: str
    calibration: CalibrationCard | None = None
    data: DataCard | None = None
    settings: dict[str, Any] | None = None

    @property
    def temperature(self) -> float:
        """What scores are divided by before they become probabilities."""
        return self.calibration.temperature if self.calibration else 1.0

    @property
    def space(self) -> FeatureSpace:
        """What the feature vectors hold; raises SitsparkError for a model of features that are computed otherwise now."""
        try:
            return FeatureSpace.from_json(json.dumps(self.feature_space))
        except SitsparkError as error:
            raise SitsparkError(f"the model {self.model_id}: {error}") from None

    @property
    def subsampled(self) -> str:
        """The part of a sentence that says that not all samples were learnt from; nothing where they were."""
        if self.subsampled_from is None:
            return ""
        learnt = sum(c.train for c in self.classes)
        return f", learnt from {learnt:,} of {self.subsampled_from:,} samples, a share of each class that fits training.memory"

    @property
    def held(self) -> str | None:
        """Whether samples were held in memory, in words; None where it isn't known."""
        if self.parts is None:
            return None
        held_as = self.training.held_as
        return f"held in memory as {held_as}" if self.parts == 1 else f"read as {held_as} in {self.parts} parts an epoch"

    @property
    def nomenclature(self) -> Nomenclature:
        """The classes, in the order of the network's outputs."""
        return Nomenclature(tuple(LandCoverClass(c.code, c.name, c.colour) for c in self.classes))


def class_cards(nomenclature: Nomenclature, *, fitted: Sequence[int], monitored: Sequence[int]) -> tuple[ClassCard, ...]:
    """The classes, with their counts of samples in the order of the nomenclature."""
    return tuple(
        ClassCard(code=c.code, name=c.name, colour=c.colour, train=int(fitted[i]), monitored=int(monitored[i]))
        for i, c in enumerate(nomenclature)
    )


def read_card(folder: Path) -> ModelCard:
    """Read a model's card.

    Raises SitsparkError when there is none (the folder is then no model), for one that lacks a key, has an unknown one or is
    damaged otherwise, and for one of a newer or too old a sitspark.
    """
    path = folder / CARD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        schema = int(fields["schema_version"])
    except FileNotFoundError:
        raise SitsparkError(f"{folder}: is no model, for it has no {CARD}; train it, or name another folder") from None
    except (ValueError, KeyError, TypeError):
        raise SitsparkError(f"{path}: is damaged; train the model again, or restore the file") from None
    if schema > SCHEMA_VERSION:
        raise SitsparkError(
            f"{path}: was written by a newer sitspark (schema {schema}, this one reads up to {SCHEMA_VERSION}); "
            "update sitspark, or train the model again"
        )
    try:
        return ModelCard.model_validate(fields)
    except ValidationError as error:
        if schema < SCHEMA_VERSION:
            raise SitsparkError(
                f"{path}: was written by an older sitspark (schema {schema}, this one writes {SCHEMA_VERSION}); train the "
                "model again"
            ) from None
        raise SitsparkError(f"{path}: is damaged {_fault(error)}; train the model again, or restore the file") from None


def require_features(card: ModelCard, space: FeatureSpace, *, of: str) -> None:
    """Raise SitsparkError unless a model takes the features of `space`, those `of` a table, the settings or the like."""
    own = card.space
    if own != space:
        pairs = zip(own.names, space.names, strict=False)  # one may have more
        where = next((f" ({mine}, not {other})" for mine, other in pairs if mine != other), "")
        raise SitsparkError(
            f"the model {card.model_id} takes {len(own)} features{where} and {of} has {len(space)}, made otherwise: train it "
            "again, or make the samples as it was trained on"
        )


def _fault(error: ValidationError) -> str:
    """Where a card is not as it should be."""
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    faults = {"missing": f"(it has no {key})", "extra_forbidden": f"({key} is no key of a card)"}
    return faults.get(fault["type"], f"at {key}")
