"""In which numbers a network classifies: float32, or fewer digits where the processor gains by it."""

import platform
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sitspark.errors import SitsparkError
from sitspark.models.gpu import Device
from sitspark.models.networks.base import Network
from sitspark.models.networks.convolution import by_products
from sitspark.models.networks.dense import in_bfloat16, in_float32
from sitspark.models.networks.integer import IntegerPerceptron, reach_of
from sitspark.models.networks.perceptron import Perceptron
from sitspark.models.precision import computes_in_bf16

Precision = Literal["fp32", "bf16", "int8"]
_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The numbers of a network at work, and what computes them: a GPU adds products in another order than a processor.

    Of int8 `reach` is how far standardised features reach, which eight bits are spread over, and `rest` is the precision of the
    layers behind the first one.
    """

    precision: Precision = "fp32"
    reach: float | None = None
    rest: Precision = "fp32"
    device: Device = "cpu"

    def prepared(self, network: Network) -> nn.Module:
        """A copy of the network for inference in these numbers; raises SitsparkError on a processor that has none of them."""
        if self.precision == "fp32":
            return self._placed(in_float32(network.folded()), torch.float32)
        if self.precision == "bf16":
            return self._placed(in_bfloat16(network.unfolded()), torch.bfloat16)
        assert isinstance(network, Perceptron) and self.reach is not None
        _refuse_without_integers()
        rest = network.layers[1:]
        behind = in_bfloat16(rest) if self.rest == "bf16" else in_float32(rest)
        return IntegerPerceptron(network, self.reach, behind).eval()

    def _placed(self, network: nn.Module, dtype: torch.dtype) -> nn.Module:
        if self.device == "cuda":
            by_products(network, dtype)
        return network.to(self.device)


FP32 = Arithmetic()


def arithmetic_of(
    precision: Precision, network: Network, features: npt.NDArray[np.float32], *, device: Device = "cpu"
) -> Arithmetic:
    """The arithmetic of a precision for a network, given features float32 (n, features) as they are met; int8 is for the CPU.

    Raises SitsparkError for a network that has no form in eight bits, and a processor that can't sum them.
    """
    if precision != "int8":
        return Arithmetic(precision, device=device)
    assert device == "cpu"
    if not isinstance(network, Perceptron):
        raise SitsparkError(
            "map.precision int8: the network isn't made of dense layers alone, which is what eight bits are for; set bf16, "
            "fp32, or auto"
        )
    _refuse_without_integers()
    return Arithmetic("int8", reach_of(network, features), "bf16" if computes_in_bf16(_CPU) else "fp32")


def lower_precisions(network: Network, device: Device = "cpu") -> list[Precision]:
    """Those in which this processor, or GPU, may be faster than in float32, with this network."""
    lower: list[Precision] = ["bf16"] if computes_in_bf16(torch.device(device)) else []
    if device == "cpu" and isinstance(network, Perceptron) and sums_integers():
        lower.append("int8")
    return lower


def sums_integers() -> bool:
    """Whether the processor sums products of eight bits exactly: without such instructions sums may be cut off."""
    return bool(torch.cpu._is_vnni_supported())


def _refuse_without_integers() -> None:
    if not sums_integers():
        raise SitsparkError(
            f"map.precision int8: the processor of {platform.node()} has no instructions for products of eight bits (VNNI); "
            "set fp32, bf16 or auto"
        )
