"""Linear layers for inference: as fast as the processor is, and rows that don't hang on their place among others.

torch gives products of float32 to MKL, which on processors of AMD leaves half of the registers unused; oneDNN, which torch
brings too, doesn't (2.3 times as fast there: tests/benchmarks/networks_of_the_bank.py).
"""

import copy
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sitspark.kernels.quantise import to_bfloat16
from sitspark.models.networks.base import Standardise

_M = TypeVar("_M", bound=nn.Module)

# of products with fewer columns MKL rounds some rows otherwise than others (seen for 2 to 9, on an AMD EPYC with MKL 2024.2)
_LEAST = 16
HAS_ONEDNN = torch.backends.mkldnn.is_available()


class _Dense(nn.Linear):
    """A linear layer that computes at least `_LEAST` outputs in one type, and gives those that there are in float32.

    `rectified`, ReLU is part of it; `kept`, what it gives stays in the type that it computes in, for the next such layer.
    """

    wide_weight: Tensor
    wide_bias: Tensor | None

    def __init__(self, layer: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None)
        self.rectified = self.kept = False
        self.load_state_dict(layer.state_dict())
        missing = max(_LEAST - layer.out_features, 0)
        wide_bias = None if layer.bias is None else F.pad(layer.bias.detach(), (0, missing)).to(dtype)
        self.register_buffer("wide_weight", F.pad(layer.weight.detach(), (0, 0, 0, missing)).to(dtype))
        self.register_buffer("wide_bias", wide_bias)

    def forward(self, values: Tensor) -> Tensor:
        given = values.to(self.wide_weight.dtype)
        if HAS_ONEDNN and values.device.type == "cpu":
            behind = "relu" if self.rectified else "none"
            wide: Tensor = torch.ops.mkldnn._linear_pointwise(given, self.wide_weight, self.wide_bias, behind, [], "")
        else:
            wide = F.linear(given, self.wide_weight, self.wide_bias)
            wide = wide.relu() if self.rectified else wide
        found = wide[..., : self.out_features]
        return found if self.kept else found.float()


class _Scaled(nn.Module):
    """`Standardise` in one pass over the features; as exact as products of bfloat16 need it.

    `kept`, what it gives on a processor is bfloat16, for a layer that computes in it.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, standardise: Standardise) -> None:
        super().__init__()
        self.kept = False
        scale = 1 / standardise.deviation.double()
        self.register_buffer("scale", scale.float())
        self.register_buffer("shift", (-standardise.mean.double() * scale).float())

    def forward(self, features: Tensor) -> Tensor:
        if not self.kept or features.device.type != "cpu":
            return torch.addcmul(self.shift, features, self.scale)
        # torch's integers of two bytes and numpy's have the same bits
        found = torch.empty(features.shape, dtype=torch.int16)
        to_bfloat16(features.numpy(), self.scale.numpy(), self.shift.numpy(), found.numpy().view(np.uint16))
        return found.view(torch.bfloat16)


def in_float32(network: nn.Module) -> nn.Module:
    """A copy for inference whose scores of a row are the same, bit for bit, at any place in a block of rows."""
    return _joined(_with_dense(network, torch.float32))


def in_bfloat16(network: nn.Module) -> nn.Module:
    """Such a copy with products of bfloat16, summed in float32: 8 significant bits of standardised numbers.

    `network` has its standardisation as a layer of its own: of raw reflectances 8 bits are too few.
    """
    lowered = _with_dense(network, torch.bfloat16)
    replace_layers(lowered, Standardise, _Scaled)
    return _joined(lowered)


def _with_dense(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    copied = copy.deepcopy(network).eval()
    replace_layers(copied, nn.Linear, lambda layer: _Dense(layer, dtype))
    return copied


def _joined(network: nn.Module) -> nn.Module:
    """A chain of layers, and the chains in it, with ReLU taken by the layers before it: the same bits in fewer passes.

    Other modules stay as they are: they may look at what is handed on within them.
    """
    if type(network) is not nn.Sequential or _has_hooks(network):
        return network
    layers: list[nn.Module] = []
    for layer in network:
        last = layers[-1] if layers else None
        if type(layer) is nn.Dropout and not _has_hooks(layer):
            continue  # there is none at inference
        if type(layer) is nn.ReLU and not _has_hooks(layer) and isinstance(last, _Dense):
            last.rectified = True
            continue
        if isinstance(layer, _Dense) and isinstance(last, _Dense | _Scaled):
            last.kept = True
        layers.append(_joined(layer))
    return nn.Sequential(*layers)


def _has_hooks(layer: nn.Module) -> bool:
    """Whether a user's hooks may make its weights, or change what it gives."""
    return bool(layer._forward_pre_hooks or layer._forward_hooks)


def replace_layers(network: nn.Module, kind: type[_M], by: Callable[[_M], nn.Module]) -> None:
    """Put another layer in the place of each of a kind, but of kinds derived from it: torch's own modules look into those."""
    for module in list(network.modules()):
        for name, layer in module.named_children():
            if type(layer) is kind and not _has_hooks(layer):
                setattr(module, name, by(layer))
