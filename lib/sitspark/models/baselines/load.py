"""Reading a baseline from a model's folder: arrays alone, so that a file never runs code."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load

from sitspark.errors import SitsparkError
from sitspark.models.baselines.bank import BASELINES
from sitspark.models.baselines.base import Baseline
from sitspark.models.card import CARD, WEIGHTS
from sitspark.models.model import read_files


def load_baseline(folder: Path) -> Baseline:
    """Read a baseline.

    Raises SitsparkError as `read_files` does, for the card of a network, and for arrays that make no baseline.
    """
    card, content = read_files(folder)
    if card.training.baseline is None:
        raise SitsparkError(f"{folder / CARD}: is of a network, not of a baseline; load it as a model")
    try:
        return BASELINES[card.training.baseline.kind].of(load(content))
    except (SafetensorError, KeyError):
        raise SitsparkError(f"{folder / WEIGHTS}: holds no {card.training.baseline.kind}; train the model again") from None
