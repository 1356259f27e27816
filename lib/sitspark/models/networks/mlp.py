"""The multilayer perceptron of iota2."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from sitspark.models.networks.base import Network, Standardise


class Mlp(Network):
    """iota2's MLPClassifier: n -> n // 2 -> 3k -> 3k -> k, with ReLU between (481-240-69-69-23 in its experiment)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes)
        widths = (features, max(features // 2, 1), 3 * classes, 3 * classes, classes)
        linear = [nn.Linear(before, after) for before, after in pairwise(widths)]
        self.standardise = Standardise(features)
        self.layers = nn.Sequential(*_with_relu(linear))

    def forward(self, features: Tensor) -> Tensor:
        """Scores before softmax, float32 (n, classes)."""
        scores: Tensor = self.layers(self.standardise(features))
        return scores

    def folded(self) -> nn.Module:
        """The layers alone, with the standardisation in the first one: W' = W / deviation, b' = b - W' mean."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        first = nn.Linear(linear[0].in_features, linear[0].out_features)
        # the two terms of b' nearly cancel, so in float64
        weight = linear[0].weight.double() / self.standardise.deviation.double()
        with torch.no_grad():
            first.weight.copy_(weight)
            first.bias.copy_(linear[0].bias.double() - weight @ self.standardise.mean.double())
        return nn.Sequential(*_with_relu([first, *linear[1:]]))


def _with_relu(linear: list[nn.Linear]) -> list[nn.Module]:
    """A ReLU after every layer but the last; in place, for nothing else reads its input."""
    modules: list[nn.Module] = []
    for layer in linear:
        modules += [layer, nn.ReLU(inplace=True)]
    return modules[:-1]
