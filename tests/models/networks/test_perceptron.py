import numpy as np
import torch

from sitspark.models.networks.mlp import Mlp
from sitspark.models.statistics import Statistics


def standardised(features: np.ndarray) -> Mlp:
    torch.manual_seed(1)
    network = Mlp(features.shape[1], 23)
    network.take(Statistics(len(features), features.mean(0), features.std(0)))
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
