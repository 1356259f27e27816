import torch

from sitspark.models.networks.bank import build

from .spaces import SPACES, published


def test_the_published_network_has_as_many_weights() -> None:
    """Three convolutions of 64 filters of width 5, then 256 (Pelletier et al. 2019), on 10 bands at 37 dates, 23 classes."""
    network = build("tempcnn", published(10, 37), 23)
    convolutions = (5 * 10 + 1) * 64 + 2 * (5 * 64 + 1) * 64 + 3 * 2 * 64  # with a scale and a shift of each filter
    dense = (37 * 64 + 1) * 256 + 2 * 256
    assert network.weights == convolutions + dense + (256 + 1) * 23


def test_validity_is_a_channel_of_raw_acquisitions() -> None:
    convolutions = [m for m in build("tempcnn", SPACES["raw"], 2).modules() if isinstance(m, torch.nn.Conv1d)]
    assert convolutions[0].in_channels == 4


def test_folding_leaves_no_batch_norm() -> None:
    folded = build("tempcnn", SPACES["gap-filled"], 2).folded()
    assert not [module for module in folded.modules() if isinstance(module, torch.nn.BatchNorm1d)]
