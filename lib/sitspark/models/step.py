"""One step of learning: from a batch to changed weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sitspark.models.batches import Batch
from sitspark.models.losses import losses
from sitspark.models.process_group import ProcessGroup
from sitspark.settings import TrainingSettings


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Learning from a batch: `network` gives scores, and the weights that `optimiser` has change.

    Products are computed in `precision`; each process of the `group` has its share of the batch.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    settings: TrainingSettings
    precision: torch.dtype
    group: ProcessGroup

    def __call__(self, batch: Batch, rate: float | Tensor) -> Tensor:
        """Learn at this rate; gives the sum of the weighted losses of this process's share, float32 ()."""
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = rate
        self.optimiser.zero_grad()
        with torch.autocast(self.group.device.type, self.precision, enabled=self.precision != torch.float32):
            scores = self.network(batch.features)
        loss = (losses(scores.float(), batch.positions, self.settings.loss) * batch.weights).sum()
        # the processes' gradients are averaged, and their shares may differ by a sample: so the mean is taken here
        (loss * (self.group.ranks / batch.whole)).backward()
        if self.settings.clip_gradient is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_gradient)
        self.optimiser.step()
        return loss.detach()
