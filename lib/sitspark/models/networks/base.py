"""What every network is: from features of a pixel to one score a class; the first layer standardises."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from sitspark.models.statistics import Statistics

# a deviation below this share of the mean is rounding of float32, not variation
_ROUNDING = float(np.finfo(np.float32).eps)


class Standardise(nn.Module):
    """(x - mean) / deviation of each feature; a feature that never varied in training says nothing and gives 0.

    Buffers: mean and deviation, float32 (features,); deviation is infinite for a feature that never varied.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def take(self, statistics: Statistics) -> None:
        """Standardise by these statistics from now on."""
        constant = statistics.deviation <= _ROUNDING * np.abs(statistics.mean)
        self.mean.copy_(torch.from_numpy(statistics.mean))
        self.deviation.copy_(torch.from_numpy(np.where(constant, np.inf, statistics.deviation)))

    def forward(self, features: Tensor) -> Tensor:
        """Standardise float32 (n, features)."""
        return (features - self.mean) / self.deviation


class Network(nn.Module, ABC):
    """A network: from features as the samples table has them to a score for each class."""

    standardise: Standardise
    # samples at a time at inference on a processor: what layers over time make of more leaves the cache (4096 take up to twice
    # as long each with ltae, tempcnn and the transformer)
    rows: ClassVar[int] = 512

    def take(self, statistics: Statistics) -> None:
        """Standardise by the statistics of the samples that are learnt from."""
        self.standardise.take(statistics)

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Scores before softmax, float32 (n, classes), of features float32 (n, features) as the samples table has them."""

    @abstractmethod
    def folded(self) -> nn.Module:
        """A module for inference that gives the same scores up to rounding, in fewer operations."""

    def unfolded(self) -> nn.Module:
        """Such a module whose standardisation is a layer of its own, as numbers of few digits need it."""
        return self.folded()

    @property
    def weights(self) -> int:
        """How many numbers training adjusts."""
        return sum(parameter.numel() for parameter in self.parameters())
