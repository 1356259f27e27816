"""How fast this machine learns: steps of a network on made-up samples."""

import time

import torch

from sitspark.models.batches import Batch
from sitspark.models.learner import Learner
from sitspark.models.networks.base import Network
from sitspark.models.process_group import joined
from sitspark.models.torch_state import torch_as_before
from sitspark.settings import TrainingSettings

_HELD = 16_384  # samples that batches are drawn from: more than caches hold
_ENOUGH = 1.0  # seconds, after which no further step is begun


def samples_a_second(network: Network, settings: TrainingSettings, *, features: int, classes: int) -> float:
    """Samples a second of the clock that one process learns, in batches gathered from memory, on the device of the settings.

    The network learns nothing of use. Raises SitsparkError where GPUs are wanted and there are too few.
    """
    with torch_as_before(), joined(settings.device) as group:
        torch.set_num_threads(settings.threads)
        learner, device, rows = Learner.of(network.train(), settings, group), group.device, settings.batch_size
        held, positions = torch.randn(_HELD, features, device=device), torch.randint(classes, (_HELD,), device=device)
        weights = torch.ones(rows, device=device)

        def learn() -> None:
            members = torch.randint(_HELD, (rows,), device=device)
            learner.step(Batch(held[members], positions[members], weights, rows), settings.learning_rate)

        def wait() -> None:
            if device.type == "cuda":
                torch.cuda.synchronize()

        # the first steps are slower: memory is asked for, and on a GPU the fourth is recorded
        for _ in range(4 if device.type == "cuda" else 1):
            learn()
        wait()
        started, taken = time.perf_counter(), 0
        while not taken or time.perf_counter() - started < _ENOUGH:
            learn()
            taken += 1
        wait()
        return taken * rows / (time.perf_counter() - started)
