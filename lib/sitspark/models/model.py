"""The files of a model: weights.safetensors, history.parquet, and card.json, which makes the folder a model."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.models.card import CARD, CODE, HISTORY, WEIGHTS, ModelCard, read_card
from sitspark.models.history import Epoch, write_history
from sitspark.models.networks.bank import NETWORKS, build
from sitspark.models.networks.base import Network
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.own import OwnNetwork
from sitspark.models.networks.own_code import OwnCode


@dataclass(frozen=True, slots=True)
class Model:
    """A trained network and its card."""

    card: ModelCard
    network: Network

    @staticmethod
    def load(folder: Path, *, code: str | None = None) -> "Model":
        """Read a model; `code` is the SHA-256 of the one text of a user's network that may be run.

        Raises SitsparkError without a card, for a card of a newer sitspark or a network that this one doesn't have,
        for weights that are not those that the card was written for, and for a network of any other text than `code`.
        """
        card, content = read_files(folder)
        network = _of_the_bank(folder, card) if card.network.code_sha256 is None else _own(folder, card, code)
        try:
            network.load_state_dict(load(content))
        except (SafetensorError, RuntimeError):
            raise SitsparkError(
                f"{folder / WEIGHTS}: holds no network {card.network.name} of {card.network.features} features and "
                f"{card.network.classes} classes; train the model again"
            ) from None
        return Model(card, network.eval())


def _of_the_bank(folder: Path, card: ModelCard) -> Network:
    name = card.network.name
    if name not in NETWORKS:
        raise SitsparkError(
            f"{folder / CARD}: network {name} is not in this sitspark, which has {', '.join(NETWORKS)}; update sitspark, or "
            "train the model again"
        )
    try:
        return build(name, card.space, card.network.classes, card.network.arguments)
    except ValueError as fault:
        raise SitsparkError(f"{folder / CARD}: network.arguments: {fault}; train the model again") from None


def _own(folder: Path, card: ModelCard, allowed: str | None) -> Network:
    """A network of the user's own: its text is run only where the user named a file of that very text."""
    path, name, sha256 = folder / CODE, card.network.name, card.network.code_sha256
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        raise SitsparkError(
            f"{path}: is missing or not the text that {CARD} was written for (its SHA-256 differs); copy the whole folder "
            "again, or train the model again"
        )
    if allowed != sha256:
        named = "no code is named" if allowed is None else f"the code that is named has SHA-256 {allowed[:12]}..."
        raise SitsparkError(
            f"{folder}: was trained with a network of a user's own, {name} of {CODE} with SHA-256 {str(sha256)[:12]}..., and "
            f"{named}; a model runs no code by itself: look at that file, and name it (or one of the same text) as "
            "training.network.module"
        )
    code = OwnCode(str(path), content.decode(), name, json.dumps(card.network.arguments))
    return OwnNetwork(code, Layout.of(card.space), card.network.classes)


def read_files(folder: Path) -> tuple[ModelCard, bytes]:
    """The card of a model, and the content of the weights that it was written for.

    Raises SitsparkError as `read_card` does, and for weights that are missing or others.
    """
    card = read_card(folder)
    weights = folder / WEIGHTS
    content = weights.read_bytes() if weights.is_file() else b""
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise SitsparkError(
            f"{weights}: is missing or not the file that {CARD} was written for (its SHA-256 differs); "
            "copy the whole folder again, or train the model again"
        )
    return card, content


def serialise(state: Mapping[str, Tensor]) -> bytes:
    """The content of a weights file; equal tensors give equal bytes."""
    # tensors of a user's network may be one under two names, which the format refuses
    return save({name: tensor.contiguous().clone() for name, tensor in state.items()})


def write_model(folder: Path, card: ModelCard, weights: bytes, history: Sequence[Epoch], *, own: OwnCode | None = None) -> None:
    """Write a model's files, the card last: killed before that, the folder holds no model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    if own is not None:
        (folder / CODE).write_bytes(own.text.encode())
    write_history(folder / HISTORY, history, model_id=card.model_id)
    write_atomically(folder / CARD, card.model_dump_json(indent=2))


def remove_model(folder: Path) -> None:
    """Remove a model's files, the card first: from then on the folder holds no model."""
    for name in (CARD, HISTORY, WEIGHTS, CODE):
        (folder / name).unlink(missing_ok=True)
