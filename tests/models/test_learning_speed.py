import pytest
import torch

from sitspark.models.learning_speed import samples_a_second
from sitspark.models.networks.bank import build
from sitspark.settings import TrainingSettings

from .tables import CODES, SPACE


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_larger_network_learns_more_slowly_and_the_process_is_left_as_it_was(precision: str) -> None:
    settings = TrainingSettings(batch_size=256, precision=precision, device="cpu")  # type: ignore[arg-type]
    networks = [build(name, SPACE, len(CODES)) for name in ("mlp", "transformer")]
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    small, large = (samples_a_second(network, settings, features=len(SPACE), classes=len(CODES)) for network in networks)
    assert small > 2 * large > 0
    assert torch.get_num_threads() == threads and torch.equal(torch.get_rng_state(), state)
