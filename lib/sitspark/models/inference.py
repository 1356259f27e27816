"""From features to classes, as the map and the accuracy need it: no gradients, the standardisation folded in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sitspark.models.arithmetic import FP32, Arithmetic
from sitspark.models.baselines.base import Baseline
from sitspark.models.baselines.load import load_baseline
from sitspark.models.calibration import softened
from sitspark.models.card import read_card
from sitspark.models.model import Model
from sitspark.models.networks.base import Network

# samples whose features are made at a time: with fewer, calls take a quarter of the time of dense layers in bfloat16
BLOCK = 4096
# samples at a time on a GPU: fewer leave it waiting between two layers, and more gain little (H100: 0.07 s a million pixels
# for the perceptron; 0.18 with 2048, 0.06 with 16 384) and take more of its memory
_OF_GPU = 4096


@dataclass(frozen=True, slots=True)
class Classifier(ABC):
    """A trained model at work; `codes` are the class codes, uint16 (classes,), in the order of its outputs.

    Probabilities are those of scores / `temperature`, which changes no class. Each row's result is the same, bit for bit,
    whatever rows come with it and in whatever number.
    """

    codes: npt.NDArray[np.uint16]
    temperature: float

    @property
    def batch(self) -> int:
        """How many samples are computed at once, so that fewer take as long."""
        return BLOCK

    @property
    def on_gpu(self) -> bool:
        """Whether samples go to a GPU."""
        return False

    @staticmethod
    def load(folder: Path, *, code: str | None = None, arithmetic: Arithmetic = FP32) -> "Classifier":
        """Read a model, a network or a baseline, which knows no other arithmetic than its own.

        Raises SitsparkError as `Model.load` and `load_baseline` do.
        """
        card = read_card(folder)
        if card.training.baseline is None:
            network = Model.load(folder, code=code).network
            return Classifier.of(network, card.nomenclature.codes, temperature=card.temperature, arithmetic=arithmetic)
        return BaselineClassifier(np.array(card.nomenclature.codes, np.uint16), card.temperature, load_baseline(folder))

    @staticmethod
    def of(
        network: Network, codes: tuple[int, ...], *, temperature: float = 1.0, arithmetic: Arithmetic = FP32
    ) -> "Classifier":
        """Prepare a network whose outputs are the classes `codes`."""
        device = torch.device(arithmetic.device)
        rows = network.rows if device.type == "cpu" else _OF_GPU
        return NetworkClassifier(np.array(codes, np.uint16), temperature, arithmetic.prepared(network), device, rows)

    @abstractmethod
    def classify(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The position of the likeliest class, int64 (n,), and its probability, float32 (n,), of float32 (n, features)."""

    @abstractmethod
    def distribution(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The position of the likeliest class, int64 (n,), and the probability of every class, float32 (n, classes).

        They are those of `classify`, bit for bit.
        """

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The probability of every class, float32 (n, classes), of features float32 (n, features)."""
        return self.distribution(features)[1]


@dataclass(frozen=True, slots=True)
class NetworkClassifier(Classifier):
    """A network at work: on as many threads as torch has in the calling process, or on the GPU of the calling thread."""

    _network: nn.Module
    _device: torch.device
    # always so many: matrix products of another height may round otherwise, and a pixel's class must not depend on the pixels
    # that happen to be computed with it
    _rows: int

    @property
    def batch(self) -> int:
        """See `Classifier`."""
        return self._rows

    @property
    def on_gpu(self) -> bool:
        """See `Classifier`."""
        return self._device.type != "cpu"

    def classify(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """See `Classifier`."""
        position, probability = np.empty(len(features), np.int64), np.empty(len(features), np.float32)
        for rows, scores in self._scores(features):
            # of the scores: two that nearly tie may do so once they are scaled
            highest, place = scores.max(1, keepdim=True)
            position[rows] = place[:, 0].numpy(force=True)
            probability[rows] = _odds(scores - highest, self.temperature).sum(1).reciprocal_().numpy(force=True)
        return position, probability

    def distribution(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """See `Classifier`."""
        position, found = np.empty(len(features), np.int64), np.empty((len(features), len(self.codes)), np.float32)
        for rows, scores in self._scores(features):
            highest, place = scores.max(1, keepdim=True)
            position[rows] = place[:, 0].numpy(force=True)
            odds = _odds(scores - highest, self.temperature)
            found[rows] = (odds * odds.sum(1, keepdim=True).reciprocal_()).numpy(force=True)
        return position, found

    @torch.inference_mode()
    def _scores(self, features: npt.NDArray[np.float32]) -> Iterator[tuple[slice, Tensor]]:
        """Batch by batch: which rows, and their scores."""
        for start in range(0, len(features), self.batch):
            # of pinned memory a GPU copies by itself
            block = torch.from_numpy(features[start : start + self.batch]).to(self._device, non_blocking=True)
            count = len(block)
            if count < self.batch:
                block = nn.functional.pad(block, (0, 0, 0, self.batch - count))
            # a GPU would round what convolutions multiply to 10 bits
            with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
                scores = self._network(block)[:count]
            yield slice(start, start + count), scores


def _odds(behind: Tensor, temperature: float) -> Tensor:
    """How probable each class is beside the likeliest one, of what its score is behind."""
    return (behind if temperature == 1 else behind / temperature).exp_()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch take one thread in this process while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True, slots=True)
class BaselineClassifier(Classifier):
    """A baseline at work, on one thread; classes are compared before their probabilities are rounded to float32."""

    _baseline: Baseline

    def classify(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """See `Classifier`; of several classes that are equally likely the first."""
        position, found = self.distribution(features)
        return position, found[np.arange(len(found)), position]

    def distribution(self, features: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """See `Classifier`; of several classes that are equally likely the first."""
        found = self._baseline.probabilities(features)
        return found.argmax(axis=1), self._calibrated(found).astype(np.float32)

    def _calibrated(self, found: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return found if self.temperature == 1 else softened(found, self.temperature)
