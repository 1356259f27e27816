"""From features to classes, as the map and the accuracy need it: no gradients, the standardisation folded in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sitspark.models.model import Model
from sitspark.models.networks.base import Network
from sitspark.models.networks.steady import steady

# samples at a time, always: matrix products of another height may round otherwise, and a pixel's class must not depend
# on the pixels that happen to be computed with it
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained network at work; `codes` are the class codes, uint16 (classes,), in the order of its outputs.

    Probabilities are those of scores / `temperature`, which changes no class. Takes as many threads as torch has in the
    calling process. Each row's result is the same, bit for bit, whatever rows come with it and in whatever number.
    """

    codes: npt.NDArray[np.uint16]
    _network: nn.Module
    temperature: float = 1.0

    @staticmethod
    def load(folder: Path, *, code: str | None = None) -> "Classifier":
        """Read a model; raises SitsparkError as `Model.load` does."""
        model = Model.load(folder, code=code)
        return Classifier.of(model.network, model.card.nomenclature.codes, temperature=model.card.temperature)

    @staticmethod
    def of(network: Network, codes: tuple[int, ...], *, temperature: float = 1.0) -> "Classifier":
        """Prepare a network whose outputs are the classes `codes`."""
        return Classifier(np.array(codes, np.uint16), steady(network.folded()).eval(), temperature)

    def classify(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The position of the likeliest class, int64 (n,), and its probability, float32 (n,), of float32 (n, features)."""
        position, probability = np.empty(len(features), np.int64), np.empty(len(features), np.float32)
        for rows, scores in self._scores(features):
            # of the scores: two that nearly tie may do so once they are scaled
            position[rows] = scores.argmax(1).numpy()
            probability[rows] = (scores / self.temperature).softmax(1).amax(1).numpy()
        return position, probability

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The probability of every class, float32 (n, classes), of features float32 (n, features)."""
        found = np.empty((len(features), len(self.codes)), np.float32)
        for rows, scores in self._scores(features):
            found[rows] = (scores / self.temperature).softmax(1).numpy()
        return found

    @torch.inference_mode()
    def _scores(self, features: npt.NDArray[np.float32]) -> Iterator[tuple[slice, Tensor]]:
        """Block by block: which rows, and their scores."""
        for start in range(0, len(features), BLOCK):
            block = torch.from_numpy(features[start : start + BLOCK])
            count = len(block)
            if count < BLOCK:
                block = nn.functional.pad(block, (0, 0, 0, BLOCK - count))
            yield slice(start, start + count), self._network(block)[:count]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch take one thread in this process while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
