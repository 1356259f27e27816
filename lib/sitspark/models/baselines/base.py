"""What every baseline is: fitted to samples in memory, made of arrays, and able to say probabilities."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

# called with the number of steps done
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class LearningSet:
    """Features float32 (n, features), class positions int64 (n,) and weights float32 (n,), in memory."""

    features: npt.NDArray[np.float32]
    positions: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True)
class Task:
    """What fitting has to know beside samples: numbers of classes and of threads, the seed, and whom to tell of each step."""

    classes: int
    seed: int
    threads: int
    progress: Progress


class Baseline(ABC):
    """A fitted baseline."""

    @classmethod
    @abstractmethod
    def fitted(cls, settings: Any, samples: LearningSet, monitored: LearningSet, task: Task) -> Self:
        """Fit to samples of the task's classes, of which some may be absent; equal arguments give equal arrays.

        `settings` are those of its kind; `monitored` samples may be empty. Raises SitsparkError where these samples and
        settings can't be learnt from.
        """

    @staticmethod
    @abstractmethod
    def sample_bytes(features: int, classes: int) -> int:
        """What a sample takes of memory while the baseline is fitted, but for the model itself, in bytes."""

    @staticmethod
    @abstractmethod
    def steps(settings: Any) -> int:
        """How many steps of fitting there are at most, for a progress bar."""

    @abstractmethod
    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The probability of every class, float64 (n, classes), of finite float32 (n, features).

        Each row's result is the same, bit for bit, whatever rows come with it.
        """

    @abstractmethod
    def tensors(self) -> Mapping[str, Tensor]:
        """What it is made of."""

    @classmethod
    @abstractmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """What `tensors` gave, back again; raises KeyError where some are missing."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many numbers were learnt."""


def softmax(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The softmax over the classes of scores (n, classes); a score of -inf gives 0."""
    shares = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    found: npt.NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return found


def random_state(seed: int) -> int:
    """A seed of any size as one of 31 bits, which is what the libraries take."""
    return int(np.random.default_rng(seed).integers(2**31))
