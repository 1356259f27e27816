from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.inference import Classifier
from sitspark.models.networks.bank import NETWORKS, build
from sitspark.models.networks.base import Network
from sitspark.models.statistics import Statistics
from sitspark.settings.networks import OF_SERIES, PARAMETERS

from .spaces import SPACES, features_of, peaks, validities

# as the published ones, but small
SMALL: Mapping[str, Mapping[str, Any]] = {
    "mlp": {},
    "ann": {"hidden": [16]},
    "simple_self_attention": {"width": 16},
    "ltae": {"width": 16, "heads": 4, "keys": 4, "embedding": [16], "decoder": [16]},
    "tempcnn": {"filters": 8, "layers": 2, "dense": 16, "dropout": 0.2},
    "transformer": {"width": 16, "layers": 1, "inner": 16},
}
CODES = (3, 7, 11)


def small(name: str, space: FeatureSpace, features: np.ndarray, classes: int = 3) -> Network:
    torch.manual_seed(0)
    network = build(name, space, classes, SMALL[name])
    network.take(Statistics.of_features(features))
    with torch.no_grad():  # running statistics that aren't those of the start
        network.train()(torch.from_numpy(features[:64]))
    return network.eval()


def test_the_settings_know_the_networks_of_the_bank() -> None:
    assert list(PARAMETERS) == list(NETWORKS)
    assert set(OF_SERIES) < set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", SPACES)
def test_folding_keeps_the_probabilities(name: str, kind: str) -> None:
    features = features_of(SPACES[kind], 300)
    network, block = small(name, SPACES[kind], features), torch.from_numpy(features)
    with torch.inference_mode():
        whole, folded = network(block), network.folded().eval()(block)
    assert whole.shape == (300, 3)
    assert (whole.softmax(1) - folded.softmax(1)).abs().max() < 1e-4


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", SPACES)
def test_a_pixel_gets_the_same_bits_in_any_company(name: str, kind: str) -> None:
    """At the published sizes: kernels differ by them."""
    space = SPACES[kind]
    torch.manual_seed(0)
    network = build(name, space, 3)
    features = features_of(space, network.rows + 100)
    network.take(Statistics.of_features(features))
    classifier = Classifier.of(network, CODES)
    expected = classifier.probabilities(features)
    order = np.random.default_rng(0).permutation(len(features))[:500]
    for rows in (order, order[:1], order[7:8]):
        np.testing.assert_array_equal(classifier.probabilities(features[rows]), expected[rows])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_step_of_training_bears_the_smallest_batches(name: str, rows: int) -> None:
    """The last batch of an epoch may have one sample, and with several processes one of them none."""
    space = SPACES["two sensors and the rest"]
    features = features_of(space, 64)
    network = small(name, space, features).train()
    loss = F.cross_entropy(network(torch.from_numpy(features[:rows])), torch.zeros(rows, dtype=torch.int64), reduction="sum")
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
    assert all(torch.isfinite(buffer).all() for _, buffer in network.named_buffers() if buffer.is_floating_point())


@pytest.mark.parametrize("name", OF_SERIES)
@pytest.mark.parametrize("kind", ["raw", "two sensors and the rest"])
def test_what_invalid_dates_hold_does_not_matter(name: str, kind: str) -> None:
    space = SPACES[kind]
    features = features_of(space, 100)
    network, other = small(name, space, features), features.copy()
    for series, valid in validities(space):
        for positions in series:
            other[:, positions] += 1e4 * (features[:, valid] == 0)
    assert not np.array_equal(features, other)
    with torch.inference_mode():
        assert torch.equal(network(torch.from_numpy(features)), network(torch.from_numpy(other)))


@pytest.mark.parametrize("name", OF_SERIES)
@pytest.mark.parametrize("training", [False, True])
def test_a_pixel_without_any_valid_date_has_finite_scores_and_gradients(name: str, training: bool) -> None:
    space = SPACES["raw"]
    features = features_of(space, 100)
    network = small(name, space, features).train(training)
    features[:3] = 0
    scores = network(torch.from_numpy(features))
    assert torch.isfinite(scores).all()
    scores.sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters() if parameter.grad is not None)


@pytest.mark.parametrize("name", OF_SERIES)
@pytest.mark.parametrize("kind", ["gap-filled", "raw"])
def test_the_timing_of_a_peak_is_learnt(name: str, kind: str) -> None:
    space = SPACES[kind]
    features, late = peaks(space, 768)
    network = small(name, space, features, classes=2).train()
    block, labels = torch.from_numpy(features), torch.from_numpy(late)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(15):
        for rows in torch.arange(512).split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(block[rows]), labels[rows]).backward()
            optimiser.step()
    right = (network.eval()(block[512:]).argmax(1) == labels[512:]).float().mean()
    assert right > 0.93


@pytest.mark.parametrize("name", OF_SERIES)
def test_the_order_of_dates_matters(name: str) -> None:
    """Without an encoding of days attention would see a set of dates."""
    space = SPACES["gap-filled"]
    features = features_of(space, 50)
    network = small(name, space, features)
    series = features[:, : 11 * 2].reshape(50, 11, 2)[:, ::-1].reshape(50, -1)
    turned = np.concatenate([series, features[:, 22:][:, ::-1]], axis=1)
    with torch.inference_mode():
        assert not torch.allclose(network(torch.from_numpy(features)), network(torch.from_numpy(turned)), atol=1e-3)


def test_a_network_of_series_needs_some() -> None:
    space = FeatureSpace((), static=("elevation",))
    with pytest.raises(SitsparkError, match="tempcnn learns from series"):
        build("tempcnn", space, 2)
    assert build("ann", space, 2).weights > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_mixed_precision_trains_and_scores_almost_the_same(name: str) -> None:
    """training.precision: bf16 has eight bits of significance."""
    space = SPACES["two sensors and the rest"]
    features = features_of(space, 64)
    network, block = small(name, space, features), torch.from_numpy(features)
    exact = network(block).softmax(1)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(block).float().softmax(1)
        loss = F.cross_entropy(network.train()(block), torch.zeros(64, dtype=torch.int64))
    assert (exact - rough).abs().max() < 0.05
    loss.backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
