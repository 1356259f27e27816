"""Perceptrons whose first layer, which has nearly all products, is computed in eight bits."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sitspark.kernels.quantise import quantise
from sitspark.models.networks.perceptron import Perceptron

_LARGEST = 127  # integer with a sign in eight bits
_ZERO = 128  # the integer without a sign that stands for 0
# share of the standardised features that lie within the range; others are taken for its end. With 0.99 to 0.9999 about as
# many pixels get another class (0.3 % of the demo's), with all of them nearly all: one cloud shadow makes the steps too wide
_WITHIN = 0.999


class IntegerPerceptron(nn.Module):
    """A perceptron for inference on processors, whose first layer is computed in eight bits, and the others as `rest` does.

    After Jacob et al. 2018 (doi:10.1109/CVPR.2018.00286): standardised features are integers times `reach` / 127, weights
    have a step of their own for each output. The numbers of a row don't hang on other rows. In further layers there is little
    to gain, and about as many pixels would change once more.
    """

    def __init__(self, perceptron: Perceptron, reach: float, rest: nn.Module) -> None:
        super().__init__()
        self._step = reach / _LARGEST
        factor = 1 / (perceptron.standardise.deviation.double().numpy() * self._step)
        self._scale = factor.astype(np.float32)
        self._shift = (_ZERO - perceptron.standardise.mean.double().numpy() * factor).astype(np.float32)
        first = perceptron.linear[0]
        # a row of zeros has no range of its own
        steps = first.weight.detach().abs().amax(1).clamp(min=torch.finfo(torch.float32).tiny) / _LARGEST
        integers = (first.weight.detach() / steps[:, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(integers, None)
        self._steps, self._zeros = steps, torch.zeros(len(steps), dtype=torch.int64)
        self._bias = first.bias.detach()
        self._rest = rest

    def forward(self, features: Tensor) -> Tensor:
        """Scores before softmax, float32 (n, classes), of features float32 (n, features)."""
        integers = torch.empty(features.shape, dtype=torch.uint8)
        quantise(features.numpy(), self._scale, self._shift, integers.numpy())
        hidden = torch.ops.onednn.qlinear_pointwise(
            integers,
            self._step,
            _ZERO,
            self._weight,
            self._steps,
            self._zeros,
            self._bias,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        scores: Tensor = self._rest(hidden)
        return scores


def reach_of(perceptron: Perceptron, features: npt.NDArray[np.float32]) -> float:
    """How far standardised features reach, of float32 (n, features): what eight bits are spread over."""
    standardised = perceptron.standardise(torch.from_numpy(features)).numpy()
    return float(np.quantile(np.abs(standardised), _WITHIN))
