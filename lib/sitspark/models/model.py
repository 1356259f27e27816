"""The files of a model: weights.safetensors, history.parquet, and card.json, which makes the folder a model."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.card import CARD, HISTORY, WEIGHTS, ModelCard, read_card
from sitspark.models.history import Epoch, write_history
from sitspark.models.networks.bank import NETWORKS, build
from sitspark.models.networks.base import Network


@dataclass(frozen=True, slots=True)
class Model:
    """A trained network and its card."""

    card: ModelCard
    network: Network

    @staticmethod
    def load(folder: Path) -> "Model":
        """Read a model.

        Raises SitsparkError without a card, for a card of a newer sitspark or a network that this one doesn't have,
        and for weights that are not those that the card was written for.
        """
        card = read_card(folder)
        weights = folder / WEIGHTS
        content = weights.read_bytes() if weights.is_file() else b""
        if hashlib.sha256(content).hexdigest() != card.weights_sha256:
            raise SitsparkError(
                f"{weights}: is missing or not the file that {CARD} was written for (its SHA-256 differs); "
                "copy the whole folder again, or train the model again"
            )
        if card.network.name not in NETWORKS:
            raise SitsparkError(
                f"{folder / CARD}: network {card.network.name} is not in this sitspark, which has "
                f"{', '.join(NETWORKS)}; update sitspark, or train the model again"
            )
        network = build(card.network.name, card.space, card.network.classes)
        try:
            network.load_state_dict(load(content))
        except (SafetensorError, RuntimeError):
            raise SitsparkError(
                f"{weights}: holds no network {card.network.name} of {card.network.features} features and "
                f"{card.network.classes} classes; train the model again"
            ) from None
        return Model(card, network.eval())


def serialise(state: Mapping[str, Tensor]) -> bytes:
    """The content of a weights file; equal tensors give equal bytes."""
    return save({name: tensor.contiguous() for name, tensor in state.items()})


def write_model(folder: Path, card: ModelCard, weights: bytes, history: Sequence[Epoch]) -> None:
    """Write a model's files, the card last: killed before that, the folder holds no model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    write_history(folder / HISTORY, history, model_id=card.model_id)
    write_atomically(folder / CARD, card.model_dump_json(indent=2))


def remove_model(folder: Path) -> None:
    """Remove a model's files, the card first: from then on the folder holds no model."""
    for name in (CARD, HISTORY, WEIGHTS):
        (folder / name).unlink(missing_ok=True)
