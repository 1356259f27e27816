"""Linear layers for inference whose rows don't hang on their place among others."""

import copy

from torch import Tensor, nn
from torch.nn import functional as F

# of products with fewer columns MKL rounds some rows otherwise than others (seen for 2 to 9, on an AMD EPYC with MKL 2024.2)
_LEAST = 16


class _Widened(nn.Linear):
    """A linear layer that computes `_LEAST` outputs, and gives those that there are."""

    wide_weight: Tensor
    wide_bias: Tensor | None

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=layer.bias is not None)
        self.load_state_dict(layer.state_dict())
        missing = _LEAST - layer.out_features
        self.register_buffer("wide_weight", F.pad(layer.weight.detach(), (0, 0, 0, missing)))
        self.register_buffer("wide_bias", None if layer.bias is None else F.pad(layer.bias.detach(), (0, missing)))

    def forward(self, values: Tensor) -> Tensor:
        return F.linear(values, self.wide_weight, self.wide_bias)[..., : self.out_features]


def steady(network: nn.Module) -> nn.Module:
    """A copy for inference whose scores of a row are the same, bit for bit, at any place in a block of rows."""
    copied = copy.deepcopy(network)
    for module in list(copied.modules()):
        for name, layer in module.named_children():
            if type(layer) is nn.Linear and layer.out_features < _LEAST:
                setattr(module, name, _Widened(layer))
    return copied
