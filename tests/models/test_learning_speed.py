import time

import pytest
import torch
from torch import Tensor

from sitspark.models.learning_speed import samples_a_second
from sitspark.models.networks.bank import build
from sitspark.models.networks.base import Network
from sitspark.settings import TrainingSettings

from .tables import CODES, SPACE

STEP, ROWS = 0.1, 256


class Slow(torch.nn.Module):
    """Lets each batch wait."""

    def forward(self, features: Tensor) -> Tensor:
        time.sleep(STEP)
        return features


def slow() -> Network:
    network = build("mlp", SPACE, len(CODES))
    network.standardise = torch.nn.Sequential(network.standardise, Slow())  # type: ignore[assignment]
    return network


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_samples_of_all_steps_are_counted_and_the_process_is_left_as_it_was(precision: str) -> None:
    settings = TrainingSettings.model_validate({"batch_size": ROWS, "precision": precision, "threads": 1})
    network, threads = slow(), torch.get_num_threads()
    state, exact = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    found = samples_a_second(network, settings, features=len(SPACE), classes=len(CODES), device=torch.device("cpu"))
    # a step takes what it waits, and on a busy machine some more
    assert ROWS / STEP / 5 < found <= ROWS / STEP
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)
    assert torch.are_deterministic_algorithms_enabled() == exact
