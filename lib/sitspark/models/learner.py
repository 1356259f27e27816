"""What learns in one process: a network, and how its weights change at a step."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sitspark.models.batches import Batch
from sitspark.models.networks.base import Network
from sitspark.models.networks.linear import by_onednn
from sitspark.models.networks.own import OwnNetwork
from sitspark.models.optimiser import optimiser_of
from sitspark.models.precision import computes_in_bf16
from sitspark.models.process_group import ProcessGroup
from sitspark.models.recorded_step import RecordedStep
from sitspark.models.step import Step
from sitspark.settings import TrainingSettings


@dataclass(frozen=True, slots=True)
class Learner:
    """What changes during training, in one process; `step` learns from a batch at a rate, and gives the sum of its losses."""

    network: Network
    optimiser: torch.optim.Optimizer
    step: Callable[[Batch, float], Tensor]
    group: ProcessGroup

    @staticmethod
    def of(network: Network, settings: TrainingSettings, group: ProcessGroup) -> "Learner":
        """A learner of the settings for a network, which moves to the device of the group."""
        network.to(group.device)
        if group.device.type == "cpu" and settings.precision == "fp32":
            by_onednn(network)
        optimiser = optimiser_of(settings.optimiser, network.parameters(), settings.learning_rate)
        in_bf16 = settings.precision == "bf16" and computes_in_bf16(group.device)
        precision = torch.bfloat16 if in_bf16 else torch.float32
        step = Step(group.parallel(network), optimiser, settings, precision, group)
        # not a user's network, which may do what can't be recorded, nor where processes wait for each other within a step
        recorded = group.device.type == "cuda" and group.ranks == 1 and not isinstance(network, OwnNetwork)
        return Learner(network, optimiser, RecordedStep(step) if recorded else step, group)
