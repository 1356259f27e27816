"""Convolutions over dates, for inference on GPUs."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sitspark.models.networks.dense import replace_layers


def by_products(network: nn.Module, dtype: torch.dtype) -> None:
    """Have the convolutions of a network computed as products of matrices of a type.

    Those with steps between dates, or groups of channels, stay as they are.
    """
    replace_layers(network, nn.Conv1d, lambda layer: _Convolution(layer, dtype) if _is_plain(layer) else layer)


def _is_plain(layer: nn.Conv1d) -> bool:
    plain = (layer.stride, layer.dilation, layer.groups, layer.padding_mode) == ((1,), (1,), 1, "zeros")
    return plain and not isinstance(layer.padding, str)


class _Convolution(nn.Module):
    """A convolution as one product of matrices.

    cuDNN's exact ones take 56 times as long and 13 times as much memory (TempCNN on an H100, torch 2.11), and its others round
    what they multiply to 10 bits.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, layer: nn.Conv1d, dtype: torch.dtype) -> None:
        super().__init__()
        assert not isinstance(layer.padding, str)
        (self._kernel,), (self._padding,) = layer.kernel_size, layer.padding
        # (filters, kernel x channels), as what a date sees lies in memory
        self.register_buffer("weight", layer.weight.detach().mT.flatten(1).to(dtype))
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().to(dtype))

    def forward(self, values: Tensor) -> Tensor:
        """Values float32 (n, channels, dates)."""
        beside = F.pad(values.to(self.weight.dtype).mT, (0, 0, self._padding, self._padding)).contiguous()
        count, dates, channels = beside.shape
        seen = (count, dates - self._kernel + 1, self._kernel * channels)
        around = beside.as_strided(seen, (dates * channels, channels, 1))  # what each date sees, without a copy
        return F.linear(around, self.weight, self.bias).float().mT
