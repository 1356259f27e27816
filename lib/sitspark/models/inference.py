"""Applying a model: features in, classes and probabilities out, as lean as torch allows."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sitspark.models.card import CARD, load_network
from sitspark.models.networks import Mlp


@dataclass(frozen=True, slots=True)
class Classifier:
    """A network ready to classify: its layers with the standardisation folded in, and the class code of each output."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    codes: npt.NDArray[np.uint16]

    @staticmethod
    def load(folder: Path) -> "Classifier":
        """Load a model, once a process; raises SitsparkError for a folder that holds no usable model."""
        card = folder / CARD
        return _load_version(folder, card.stat().st_mtime_ns if card.exists() else 0)

    @staticmethod
    def of(network: Mlp, codes: tuple[int, ...]) -> "Classifier":
        """Make a network ready."""
        return Classifier(tuple(network.folded()), np.asarray(codes, np.uint16))

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Class probabilities, float32 (samples, classes), of features float32 (samples, features)."""
        with torch.inference_mode():
            return torch.softmax(self._scores(features), 1).numpy()

    def classify(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Position of the most probable class and its probability, of features float32 (samples, features)."""
        with torch.inference_mode():
            scores = self._scores(features)
            best, position = scores.max(1)
            # the softmax of the best score alone
            probability = torch.exp(best - torch.logsumexp(scores, 1))
            return position.numpy(), probability.numpy()

    def _scores(self, features: npt.NDArray[np.float32]) -> torch.Tensor:
        x = torch.from_numpy(features)
        for weight, bias in self.layers[:-1]:
            x = torch.nn.functional.linear(x, weight, bias).relu_()
        weight, bias = self.layers[-1]
        return torch.nn.functional.linear(x, weight, bias)


@functools.lru_cache(maxsize=16)  # the models of one cross-validation
def _load_version(folder: Path, _modified: int) -> Classifier:
    # one thread a task: parallelism is Spark's
    torch.set_num_threads(1)
    network, card = load_network(folder)
    return Classifier.of(network, card.nomenclature.codes)
