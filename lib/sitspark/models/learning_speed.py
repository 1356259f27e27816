"""How fast this machine learns: steps of a network on made-up samples."""

import time

import torch

from sitspark.models.batches import Batch
from sitspark.models.learner import Learner
from sitspark.models.networks.base import Network
from sitspark.models.process_group import ProcessGroup
from sitspark.models.torch_state import learn_reproducibly, torch_as_before
from sitspark.settings import TrainingSettings

_HELD = 16_384  # samples that batches are drawn from: more than caches hold
_ENOUGH = 1.0  # seconds, after which no further step is begun


def samples_a_second(
    network: Network, settings: TrainingSettings, *, features: int, classes: int, device: torch.device
) -> float:
    """Samples a second of the clock that one process learns on a device, in batches gathered from its memory.

    The network learns nothing of use.
    """
    with torch_as_before():
        learn_reproducibly(settings.threads, seed=0)
        return _rate(network, settings, features, classes, device)


def _rate(network: Network, settings: TrainingSettings, features: int, classes: int, device: torch.device) -> float:
    rows, learner = settings.batch_size, Learner.of(network.train(), settings, ProcessGroup(0, 1, device))
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
