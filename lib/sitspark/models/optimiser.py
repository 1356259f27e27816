"""How a step follows from the gradient."""

from collections.abc import Iterable

import torch
from torch import nn

from sitspark.settings import OptimiserSettings


def optimiser_of(settings: OptimiserSettings, parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """The optimiser of the settings; its rate is set at each step.

    Adam after Kingma and Ba 2015, AdamW after Loshchilov and Hutter 2019, SGD with Nesterov's momentum. Fused: all parameters
    in one pass.
    """
    decay = settings.weight_decay
    if settings.kind == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    if settings.kind == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    momentum = settings.momentum
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay, nesterov=momentum > 0, fused=True)
