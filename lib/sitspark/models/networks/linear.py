"""Linear layers for training on processors, with products by oneDNN: why, `dense` says."""

from typing import Any

import torch
from torch import Tensor, nn

from sitspark.models.networks.dense import HAS_ONEDNN


class _Affine(torch.autograd.Function):
    """x W' + b, and the gradients of x, W and b: three products of matrices."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        ctx.has_bias = bias is not None
        return _product(values, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        values, weight = ctx.saved_tensors
        rows, columns = gradients[0].reshape(-1, len(weight)), values.reshape(-1, weight.shape[1])
        of_values = _product(rows, weight.t()).reshape(values.shape) if ctx.needs_input_grad[0] else None
        of_weight = _product(rows.t(), columns.t()) if ctx.needs_input_grad[1] else None
        return of_values, of_weight, rows.sum(0) if ctx.has_bias and ctx.needs_input_grad[2] else None


class _OneDnnLinear(nn.Linear):
    """A linear layer of float32 whose products, forwards and backwards, are oneDNN's."""

    def forward(self, values: Tensor) -> Tensor:
        if not values.numel():
            return super().forward(values)  # the share of a process in a small batch
        computed: Tensor = _Affine.apply(values, self.weight, self.bias)
        return computed


def by_onednn(network: nn.Module) -> None:
    """Have the linear layers of a network computed by oneDNN where torch has it; names and numbers of weights stay."""
    if HAS_ONEDNN:
        for layer in network.modules():
            # of kinds derived from it torch's own modules read the weights themselves
            if type(layer) is nn.Linear:
                layer.__class__ = _OneDnnLinear


def _product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Rows times the transposed weight."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return made
