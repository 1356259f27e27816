"""The bank of networks. Each takes raw features and standardises them in its first layer."""

from itertools import pairwise

import torch
from torch import nn


class Standardise(nn.Module):
    """(features - mean) / deviation, with the statistics of the training samples; a constant feature gives 0."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x float32 (samples, features), likewise the result."""
        return (x - self.mean) / self.deviation


class Mlp(nn.Module):
    """iota2's MLPClassifier: n features, hidden layers of n // 2, 3 k and 3 k units with ReLU, k classes.

    For the reference job: 481-240-69-69-23.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        sizes = (features, features // 2, 3 * classes, 3 * classes, classes)
        self.standardise = Standardise(features)
        self.linear: nn.ModuleList = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Raw features float32 (samples, features) to class scores (samples, classes) before softmax."""
        x = self.standardise(x)
        for layer in self.linear[:-1]:
            x = torch.relu(layer(x))
        scores: torch.Tensor = self.linear[-1](x)
        return scores

    def folded(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Weights and biases of all layers with the standardisation inside the first one, float32."""
        with torch.no_grad():
            parameters = [parameter.double() for parameter in self.linear.parameters()]
            layers = list(zip(parameters[::2], parameters[1::2], strict=True))
            weight, bias = layers[0]
            scaled = weight / self.standardise.deviation.double()
            layers[0] = (scaled, bias - scaled @ self.standardise.mean.double())
            return [(w.float().contiguous(), b.float().contiguous()) for w, b in layers]


NETWORKS: dict[str, type[Mlp]] = {"mlp": Mlp}
