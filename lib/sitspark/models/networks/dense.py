"""Linear layers for inference: as fast as the processor is, and rows that don't hang on their place among others.

torch gives products of float32 to MKL, which on processors of AMD leaves half of the registers unused; oneDNN, which torch
brings too, doesn't (2.3 times as fast there: tests/benchmarks/networks_of_the_bank.py).
"""

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sitspark.models.networks.base import Standardise

_M = TypeVar("_M", bound=nn.Module)

# of products with fewer columns MKL rounds some rows otherwise than others (seen for 2 to 9, on an AMD EPYC with MKL 2024.2)
_LEAST = 16
HAS_ONEDNN = torch.backends.mkldnn.is_available()


class _Dense(nn.Linear):
    """A linear layer that computes at least `_LEAST` outputs in one type, and gives those that there are in float32."""

    wide_weight: Tensor
    wide_bias: Tensor | None

    def __init__(self, layer: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None)
        self.load_state_dict(layer.state_dict())
        missing = max(_LEAST - layer.out_features, 0)
        wide_bias = None if layer.bias is None else F.pad(layer.bias.detach(), (0, missing)).to(dtype)
        self.register_buffer("wide_weight", F.pad(layer.weight.detach(), (0, 0, 0, missing)).to(dtype))
        self.register_buffer("wide_bias", wide_bias)

    def forward(self, values: Tensor) -> Tensor:
        given = values.to(self.wide_weight.dtype)
        if HAS_ONEDNN and values.device.type == "cpu":
            wide: Tensor = torch.ops.mkldnn._linear_pointwise(given, self.wide_weight, self.wide_bias, "none", [], "")
        else:
            wide = F.linear(given, self.wide_weight, self.wide_bias)
        return wide[..., : self.out_features].float()


class _Scaled(nn.Module):
    """`Standardise` in one pass over the features; as exact as products of bfloat16 need it."""

    scale: Tensor
    shift: Tensor

    def __init__(self, standardise: Standardise) -> None:
        super().__init__()
        scale = 1 / standardise.deviation.double()
        self.register_buffer("scale", scale.float())
        self.register_buffer("shift", (-standardise.mean.double() * scale).float())

    def forward(self, features: Tensor) -> Tensor:
        return torch.addcmul(self.shift, features, self.scale)


def in_float32(network: nn.Module) -> nn.Module:
    """A copy for inference whose scores of a row are the same, bit for bit, at any place in a block of rows."""
    return _with_dense(network, torch.float32)


def in_bfloat16(network: nn.Module) -> nn.Module:
    """Such a copy with products of bfloat16, summed in float32: 8 significant bits of standardised numbers.

    `network` has its standardisation as a layer of its own: of raw reflectances 8 bits are too few.
    """
    lowered = _with_dense(network, torch.bfloat16)
    replace_layers(lowered, Standardise, _Scaled)
    return lowered


def _with_dense(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    copied = copy.deepcopy(network).eval()
    replace_layers(copied, nn.Linear, lambda layer: _Dense(layer, dtype))
    return copied


def replace_layers(network: nn.Module, kind: type[_M], by: Callable[[_M], nn.Module]) -> None:
    """Put another layer in the place of each of a kind, but of kinds derived from it: torch's own modules look into those."""
    for module in list(network.modules()):
        for name, layer in module.named_children():
            # a user's hooks may make the weights, or change what the layer gives
            if type(layer) is kind and not layer._forward_pre_hooks and not layer._forward_hooks:
                setattr(module, name, by(layer))
