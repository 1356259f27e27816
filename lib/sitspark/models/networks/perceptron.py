"""Dense layers on standardised features: what `mlp` and `ann` are."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from sitspark.models.networks.base import Network, Standardise


class Perceptron(Network):
    """Dense layers of these widths, the first of which are the features and the last the classes; ReLU between them."""

    rows: ClassVar[int] = 4096  # the more at once the faster, and by less from here on

    def __init__(self, widths: Sequence[int], *, dropout: float = 0.0) -> None:
        super().__init__()
        self.standardise = Standardise(widths[0])
        self.layers = nn.Sequential(*_with_relu([nn.Linear(*pair) for pair in pairwise(widths)], dropout))

    def forward(self, features: Tensor) -> Tensor:
        """Scores before softmax, float32 (n, classes)."""
        scores: Tensor = self.layers(self.standardise(features))
        return scores

    @property
    def linear(self) -> list[nn.Linear]:
        """The dense layers, in their order."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def folded(self) -> nn.Module:
        """The layers alone, with the standardisation in the first one: W' = W / deviation, b' = b - W' mean."""
        linear = self.linear
        first = nn.Linear(linear[0].in_features, linear[0].out_features)
        # the two terms of b' nearly cancel, so in float64
        weight = linear[0].weight.double() / self.standardise.deviation.double()
        with torch.no_grad():
            first.weight.copy_(weight)
            first.bias.copy_(linear[0].bias.double() - weight @ self.standardise.mean.double())
        return nn.Sequential(*_with_relu([first, *linear[1:]], 0.0))

    def unfolded(self) -> nn.Module:
        """All layers in one chain."""
        return nn.Sequential(self.standardise, *self.layers)


def _with_relu(linear: list[nn.Linear], dropout: float) -> list[nn.Module]:
    """A ReLU after every layer but the last, in place, for nothing else reads its input; and dropout."""
    modules: list[nn.Module] = []
    for layer in linear[:-1]:
        modules += [layer, nn.ReLU(inplace=True)]
        if dropout:
            modules.append(nn.Dropout(dropout))
    return [*modules, linear[-1]]
