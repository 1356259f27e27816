"""The linear support vector machine, one class against the rest: LIBLINEAR fits it, one matrix is all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sitspark.errors import SitsparkError
from sitspark.models.baselines.base import Baseline, LearningSet, Task, random_state, softmax
from sitspark.settings.baselines import LinearSvmSettings

_BLOCK = 1024  # pixels at a time, always: matrix products of another height may round otherwise
_TEMPERATURES = (-7.0, 7.0)  # natural logarithms of those that are tried


@dataclass(frozen=True, slots=True, eq=False)
class LinearSvm(Baseline):
    """Scores are features times `weights`, float64 (classes, features), plus `bias`, float64 (classes,).

    The standardisation and the temperature are in both. A class that was not there has weights 0 and a bias of -inf.
    """

    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]

    @classmethod
    def fitted(cls, settings: LinearSvmSettings, samples: LearningSet, monitored: LearningSet, task: Task) -> Self:
        """See `Baseline`; one thread does it, which is all that LIBLINEAR knows.

        Decision values become probabilities by a softmax with one temperature for all classes, which keeps the likeliest class
        what it is (Guo et al. 2017, arXiv:1706.04599); it is the one of least loss on the monitored samples, or on the fitted
        ones where none is monitored.
        """
        # takes a second to import, and the map needs none of it
        from sklearn.svm import LinearSVC

        if len(np.unique(samples.positions)) < 2:
            raise SitsparkError("training: linear_svm needs samples of two classes or more; check the ground truth")
        mean, deviation = samples.features.mean(axis=0, dtype=np.float64), samples.features.std(axis=0, dtype=np.float64)
        deviation[deviation <= np.finfo(np.float32).eps * np.abs(mean)] = np.inf  # one that never varied says nothing
        machine = LinearSVC(C=settings.c, dual="auto", random_state=random_state(task.seed))
        machine.fit((samples.features - mean) / deviation, samples.positions, sample_weight=samples.weights)
        task.progress(1)
        weights, bias = machine.coef_, machine.intercept_
        if len(weights) == 1:  # two classes have one decision value: that of the second one
            weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
        every, shift = np.zeros((task.classes, samples.features.shape[1])), np.full(task.classes, -np.inf)
        every[machine.classes_] = weights / deviation
        shift[machine.classes_] = bias - every[machine.classes_] @ mean
        hot = cls(every, shift)
        known = np.isin(monitored.positions, machine.classes_)
        judged = LearningSet(monitored.features[known], monitored.positions[known], monitored.weights[known])
        temperature = _temperature(hot, judged if len(judged) else samples)
        return cls(every / temperature, shift / temperature)

    @staticmethod
    def sample_bytes(features: int, classes: int) -> int:
        """See `Baseline`: features, standardised as float64 (twice, in passing), and LIBLINEAR's nodes of 16 bytes."""
        return 36 * features

    @staticmethod
    def steps(settings: LinearSvmSettings) -> int:
        """See `Baseline`: one."""
        return 1

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The decision values over the temperature, float64 (n, classes)."""
        found = np.empty((len(features), len(self.bias)))
        block = np.zeros((_BLOCK, features.shape[1]))
        for start in range(0, len(features), _BLOCK):
            some = features[start : start + _BLOCK]
            block[: len(some)] = some
            found[start : start + _BLOCK] = (block @ self.weights.T + self.bias)[: len(some)]
        return found

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """See `Baseline`: the softmax of the scores."""
        return softmax(self.scores(features))

    def tensors(self) -> Mapping[str, Tensor]:
        """See `Baseline`."""
        return {"weights": torch.from_numpy(self.weights), "bias": torch.from_numpy(self.bias)}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """See `Baseline`."""
        return cls(tensors["weights"].numpy(), tensors["bias"].numpy())

    @property
    def size(self) -> int:
        """See `Baseline`: weights and bias."""
        return self.weights.size + self.bias.size


def _temperature(machine: LinearSvm, samples: LearningSet) -> float:
    """What scores are divided by, for the least mean cross-entropy on these samples."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    scores = machine.scores(samples.features)
    rows = np.arange(len(samples))

    def loss(logarithm: float) -> float:
        return -float(log_softmax(scores / np.exp(logarithm), axis=1)[rows, samples.positions].mean())

    return float(np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x))
