import numpy as np
import pytest
import torch

from sitspark.models.networks.bank import NETWORKS
from sitspark.models.networks.mlp import Mlp
from sitspark.models.statistics import Statistics


def linear_widths(network: Mlp) -> list[int]:
    layers = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def test_the_reference_network_has_the_published_layers() -> None:
    network = NETWORKS["mlp"](481, 23)
    assert isinstance(network, Mlp)
    assert linear_widths(network) == [481, 240, 69, 69, 23]
    assert network.weights == (481 + 1) * 240 + (240 + 1) * 69 + (69 + 1) * 69 + (69 + 1) * 23


def test_the_smallest_network_still_has_a_hidden_layer() -> None:
    assert linear_widths(Mlp(1, 2)) == [1, 1, 6, 6, 2]


def standardised(features: np.ndarray) -> Mlp:
    torch.manual_seed(1)
    network = Mlp(features.shape[1], 23)
    network.standardise.take(Statistics(len(features), features.mean(0), features.std(0)))
    return network.eval()


def test_folding_the_standardisation_keeps_the_probabilities() -> None:
    random = np.random.default_rng(0)
    centre, spread = random.uniform(0, 8000, 481), random.uniform(1, 900, 481)
    features = centre + spread * random.normal(size=(4096, 481))
    features[:, 7] = 42.0
    network, block = standardised(features), torch.from_numpy(features.astype(np.float32))
    with torch.inference_mode():
        whole, folded = network(block).softmax(1), network.folded()(block).softmax(1)
    assert (whole - folded).abs().max() < 1e-4


def test_a_feature_that_never_varied_is_ignored() -> None:
    features = np.random.default_rng(0).normal(size=(100, 4))
    features[:, 2] = 3000.1
    network = standardised(features)
    block = torch.from_numpy(features.astype(np.float32))
    other = block.clone()
    other[:, 2] = -9000
    with torch.inference_mode():
        assert torch.equal(network(block), network(other))
        assert torch.equal(network.folded()(block), network.folded()(other))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_gives_a_score_for_each_class(name: str) -> None:
    network = NETWORKS[name](12, 5)
    assert network(torch.zeros(3, 12)).shape == (3, 5)
