"""Batch normalisation over the samples of all processes, and none of it where a model is used."""

import copy
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval


class BatchNorm(nn.BatchNorm1d):
    """Normalise each channel of (n, channels) or (n, channels, dates) by mean and deviation of the batch.

    Processes that train together share a batch, so that its statistics are taken over all of them: their number doesn't
    change what is learnt (torch's SyncBatchNorm does so on GPUs alone). A batch of one value a channel has no deviation (torch
    refuses it): it is normalised by the running statistics.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Values float32 (n, channels[, dates]), n may be 0 in a process that has no share of a small batch."""
        if not self.training:
            return super().forward(values)
        each = values.numel() // values.shape[1]
        if not (dist.is_available() and dist.is_initialized()):
            return super().forward(values) if each > 1 else self._by_running_statistics(values)
        over = [0, *range(2, values.ndim)]
        given, values = values.dtype, values.float()  # sums of bfloat16 lose what they add
        count = torch.full((1,), each, dtype=values.dtype, device=values.device)
        totals = all_reduce(torch.cat([count, values.sum(over)]))
        # the number of all samples is the same in all processes, which hence go the same way
        if totals[0] <= 1:
            return self._by_running_statistics(values).to(given)
        mean = totals[1:] / totals[0].detach()
        apart = values - self._along(mean, values)
        squares = all_reduce(apart.square().sum(over))
        variance = squares / totals[0].detach()
        self._remember(mean.detach(), squares.detach() / (totals[0].detach() - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (apart * self._along(scale, values) + self._along(self.bias, values)).to(given)

    def _by_running_statistics(self, values: Tensor) -> Tensor:
        return F.batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)

    @staticmethod
    def _along(of_channel: Tensor, values: Tensor) -> Tensor:
        return of_channel if values.ndim == 2 else of_channel[:, None]


def without_batch_norm(network: nn.Module) -> nn.Module:
    """A copy for inference, in which normalisations are part of the linear layers and convolutions before them."""
    folded = copy.deepcopy(network).eval()
    for sequence in [module for module in folded.modules() if isinstance(module, nn.Sequential)]:
        for place, (layer, following) in enumerate(pairwise(list(sequence))):
            if not isinstance(following, BatchNorm):
                continue
            if isinstance(layer, nn.Linear):
                sequence[place] = fuse_linear_bn_eval(layer, following)
            elif isinstance(layer, nn.Conv1d):
                sequence[place] = fuse_conv_bn_eval(layer, following)
            else:
                continue
            sequence[place + 1] = nn.Identity()
    return folded
