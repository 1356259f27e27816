"""Fewer digits: nearly the same scores, whatever rows come along, and only where a network and a processor can."""

import numpy as np
import pytest
import torch

from sitspark.errors import SitsparkError
from sitspark.models.arithmetic import Arithmetic, Precision, arithmetic_of, lower_precisions, sums_integers
from sitspark.models.networks.bank import build
from sitspark.models.networks.base import Network
from sitspark.models.networks.integer import reach_of
from sitspark.models.networks.mlp import Mlp
from sitspark.models.statistics import Statistics

from .tables import SPACE, Table

CLASSES, PIXELS = 7, 1024
INTEGERS = pytest.mark.skipif(not sums_integers(), reason="the processor has no products of eight bits")


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    """As different as reflectances, differences of them, and something that never varies."""
    rng = np.random.default_rng(0)
    columns = [rng.normal(2000, 300, (PIXELS, 40)), rng.normal(300, 200, (PIXELS, 40)), np.full((PIXELS, 1), 5.0)]
    return np.hstack(columns).astype(np.float32)


@pytest.fixture(scope="module")
def network(features: np.ndarray) -> Mlp:
    torch.manual_seed(0)
    made = Mlp(features.shape[1], CLASSES)
    made.take(Statistics(PIXELS, features.mean(0, np.float64), features.std(0, np.float64)))
    return made.eval()


@pytest.mark.parametrize(("precision", "least"), [("fp32", 1.0), ("bf16", 0.98), pytest.param("int8", 0.97, marks=INTEGERS)])
@torch.inference_mode()
def test_classes_are_nearly_those_of_float32(network: Mlp, features: np.ndarray, precision: Precision, least: float) -> None:
    """A network that has learnt nothing is the hardest case: its scores are close to each other."""
    block = torch.from_numpy(features)
    expected = network(block)
    found = arithmetic_of(precision, network, features).prepared(network)(block)
    assert found.dtype == torch.float32 and found.shape == expected.shape
    assert (found.argmax(1) == expected.argmax(1)).float().mean() >= least
    assert (found - expected).abs().mean() <= 0.02 * expected.std()


@pytest.mark.parametrize("precision", ["fp32", "bf16", pytest.param("int8", marks=INTEGERS)])
@torch.inference_mode()
def test_a_row_gives_the_same_bits_at_any_place(network: Mlp, features: np.ndarray, precision: Precision) -> None:
    prepared = arithmetic_of(precision, network, features).prepared(network)
    order = torch.randperm(PIXELS, generator=torch.Generator().manual_seed(1))
    block = torch.from_numpy(features)
    assert torch.equal(prepared(block)[order], prepared(block[order]))


@INTEGERS
@torch.inference_mode()
def test_one_layer_in_eight_bits_by_hand() -> None:
    """Standardised 0.5 with a reach of 1 is 64 steps of 1/127; a weight of 0.25 beside one of 1 is 32 of 127."""
    network = Mlp(2, 2)
    network.take(Statistics(1, np.array([10.0, 0.0]), np.array([4.0, 1.0])))
    network.layers = torch.nn.Sequential(torch.nn.Linear(2, 1))
    first = network.linear[0]
    first.weight.copy_(torch.tensor([[0.25, 1.0]]))
    first.bias.fill_(3.0)
    prepared = Arithmetic("int8", 1.0).prepared(network)
    found = prepared(torch.tensor([[12.0, -5.0]])).item()  # standardised 0.5, and -5, which is taken for -128 / 127
    assert found == pytest.approx(3 + (64 / 127) * (32 / 127) - 128 / 127, abs=1e-6)


def test_the_reach_leaves_out_what_is_far_beyond(network: Mlp, features: np.ndarray) -> None:
    outlier = features.copy()
    outlier[0, 0] = 1e6
    assert reach_of(network, outlier) == pytest.approx(reach_of(network, features), rel=0.02)


@pytest.mark.parametrize("name", ["ltae", "tempcnn", "transformer"])
@torch.inference_mode()
def test_series_networks_run_in_bfloat16(name: str, table: Table) -> None:
    torch.manual_seed(0)
    network = build(name, SPACE, CLASSES).eval()
    network.take(Statistics(len(table.features), table.features.mean(0, np.float64), table.features.std(0, np.float64)))
    block = torch.from_numpy(table.features[:PIXELS])
    expected, found = network(block), Arithmetic("bf16").prepared(network)(block)
    torch.testing.assert_close(found, expected, atol=0.1 * float(expected.std()), rtol=0)


def test_a_network_of_other_layers_has_no_form_in_eight_bits(table: Table) -> None:
    network: Network = build("tempcnn", SPACE, CLASSES)
    with pytest.raises(
        SitsparkError, match=r"map\.precision int8: the network isn't made of dense layers alone.*set bf16, fp32, or auto"
    ):
        arithmetic_of("int8", network, table.features)
    assert "int8" not in lower_precisions(network)


def test_eight_bits_are_refused_where_the_processor_would_cut_sums_off(
    network: Mlp, features: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sitspark.models.arithmetic.sums_integers", lambda: False)
    assert "int8" not in lower_precisions(network)
    with pytest.raises(SitsparkError, match=r"map\.precision int8: the processor of \S+ has no instructions .*; set fp32"):
        arithmetic_of("int8", network, features)
    with pytest.raises(SitsparkError, match="has no instructions"):
        Arithmetic("int8", 3.0).prepared(network)
