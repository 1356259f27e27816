"""A model on disk: weights, and the card that says all that is needed to use them."""

import hashlib
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from safetensors.torch import load_file

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.kernels.features import FeatureSpace
from sitspark.models.networks import NETWORKS, Mlp

SCHEMA_VERSION = 1  # of card.json
WEIGHTS = "weights.safetensors"
CARD = "card.json"
HISTORY = "history.parquet"

# a score that isn't defined is null in JSON, never NaN
Score = Annotated[float | None, BeforeValidator(lambda v: None if v is None or np.isnan(v) else v)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkCard(_Strict):
    """Which network, for how many features and classes, and how many weights it has."""

    name: str
    features: int
    classes: int
    parameters: int


class ClassCard(_Strict):
    """A class, and how many samples of it were used."""

    code: int
    name: str
    colour: tuple[int, int, int]
    train: int
    monitored: int


class MetricsCard(_Strict):
    """Scores at the epoch that was kept, on the monitored samples; null where undefined."""

    train_loss: float
    validation_loss: Score
    oa: Score
    kappa: Score
    fscore: Score


class ModelCard(_Strict):
    """Everything about a model but its weights."""

    schema_version: int
    model_id: str
    network: NetworkCard
    feature_space: str
    classes: tuple[ClassCard, ...]
    left_out_tile: str | None
    seed: int
    training: dict[str, object]
    criterion: str
    best_epoch: int
    metrics: MetricsCard
    seconds: float
    versions: dict[str, str]
    weights_sha256: str

    @property
    def nomenclature(self) -> Nomenclature:
        """The classes in the order of the network's outputs."""
        return Nomenclature(tuple(LandCoverClass(c.code, c.name, c.colour) for c in self.classes))

    @property
    def space(self) -> FeatureSpace:
        """What the network eats."""
        return FeatureSpace.from_json(self.feature_space)


def read_card(folder: Path) -> ModelCard:
    """Read a model's card; raises SitsparkError for a folder without one, or a card of a later schema."""
    path = folder / CARD
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SitsparkError(f"{folder}: is no model, it holds no {CARD}; train it (again)") from None
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        version = _schema_version(text)
        if version is not None and version > SCHEMA_VERSION:
            raise SitsparkError(
                f"{path}: was written by a newer sitspark (schema {version}, this one reads {SCHEMA_VERSION}); use that version"
            ) from None
        problem = error.errors()[0]
        raise SitsparkError(
            f"{path}: is damaged ({'.'.join(map(str, problem['loc']))}: {problem['msg']}); train again"
        ) from None


def _schema_version(text: str) -> int | None:
    class _Version(BaseModel):
        schema_version: int

    try:
        return _Version.model_validate_json(text).schema_version
    except ValidationError:
        return None


def load_network(folder: Path) -> tuple[Mlp, ModelCard]:
    """The network with its weights; raises SitsparkError when the weights aren't those that the card names."""
    card = read_card(folder)
    if card.schema_version > SCHEMA_VERSION:
        raise SitsparkError(
            f"{folder / CARD}: was written by a newer sitspark (schema {card.schema_version}, this one reads "
            f"{SCHEMA_VERSION}); use that version"
        )
    weights = folder / WEIGHTS
    if not weights.exists() or sha256(weights) != card.weights_sha256:
        raise SitsparkError(f"{weights}: isn't the file that {CARD} describes; train the model again")
    network = NETWORKS[card.network.name](card.network.features, card.network.classes)
    network.load_state_dict(load_file(weights))
    return network.eval(), card


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def count_parameters(network: torch.nn.Module) -> int:
    """Trainable weights and biases."""
    return sum(p.numel() for p in network.parameters())
