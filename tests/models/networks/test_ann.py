import torch

from sitspark.models.networks.ann import Ann
from sitspark.settings.networks import AnnParameters


def test_layers_are_as_wide_as_they_are_chosen() -> None:
    network = Ann(481, 23, AnnParameters())
    assert network.weights == (481 + 1) * 128 + (128 + 1) * 64 + (64 + 1) * 23


def test_dropout_is_of_training_alone() -> None:
    torch.manual_seed(0)
    network, features = Ann(8, 3, AnnParameters(dropout=0.5)), torch.ones(4, 8)
    assert not torch.equal(network.train()(features), network(features))
    assert torch.equal(network.eval()(features), network(features))
    assert torch.allclose(network.folded().train()(features), network(features), atol=1e-6)
