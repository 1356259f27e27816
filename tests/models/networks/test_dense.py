"""Dense layers at work: the same bits at any place, in any chain."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from sitspark.models.networks.base import Standardise
from sitspark.models.networks.dense import in_bfloat16, in_float32
from sitspark.models.statistics import Statistics


@pytest.mark.parametrize("outputs", [1, 2, 3, 9, 15, 16, 23])
@pytest.mark.parametrize("inputs", [9, 33, 69, 481])
def test_a_row_gives_the_same_bits_at_any_place(inputs: int, outputs: int) -> None:
    torch.manual_seed(0)
    network, block, order = nn.Sequential(nn.Linear(inputs, outputs)), torch.randn(1024, inputs), torch.randperm(1024)
    with torch.inference_mode():
        expected, found = network(block), in_float32(network)
        torch.testing.assert_close(found(block), expected)
        assert torch.equal(found(block)[order], found(block[order]))


def test_a_layer_with_hooks_of_its_own_stays_as_it_is() -> None:
    """They may make the weights (torch's old spectral_norm does), or change what the layer gives."""
    network = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))
    network[1].register_forward_hook(lambda *_: torch.full((4, 2), 7.0))
    assert (in_float32(network)(torch.randn(4, 5)) == 7).all()
    normed = nn.Sequential(nn.utils.spectral_norm(nn.Linear(5, 20))).eval()
    block = torch.randn(4, 5)
    torch.testing.assert_close(in_float32(normed)(block), normed(block))


def test_layers_deep_within_are_found_and_the_network_stays_as_it_was() -> None:
    network = nn.Sequential(nn.Sequential(nn.Linear(5, 3, bias=False), nn.ReLU()), nn.Linear(3, 2))
    kinds = [type(module) for module in network.modules()]
    block = torch.randn(4, 5)
    torch.testing.assert_close(in_float32(network)(block), network(block))
    assert [type(module) for module in network.modules()] == kinds
    assert [type(module).__name__ for module in in_float32(network).modules()].count("_Dense") == 2


@pytest.mark.parametrize("lowered", [in_float32, in_bfloat16])
@torch.inference_mode()
def test_layers_that_hand_on_their_numbers_give_the_bits_of_layers_one_by_one(
    lowered: Callable[[nn.Module], nn.Module],
) -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(40, 30), nn.ReLU(), nn.Dropout(0.5), nn.Linear(30, 20), nn.Linear(20, 18), nn.ReLU(), nn.Linear(18, 5)]
    found, block = lowered(nn.Sequential(*layers)), torch.randn(64, 40)
    one_by_one = block
    for layer in layers:
        one_by_one = lowered(nn.Sequential(layer))(one_by_one)
    assert found(block).dtype == torch.float32
    assert torch.equal(found(block), one_by_one)
    # in four passes, of which three hand on what they have
    assert [type(layer).__name__ for layer in found] == ["_Dense"] * 4
    computed = torch.float32 if lowered is in_float32 else torch.bfloat16
    assert [layer.kept for layer in found] == [True, True, True, False]
    assert found[0](block).dtype == computed


@pytest.mark.parametrize("lowered", [in_float32, in_bfloat16])
@torch.inference_mode()
def test_a_layer_between_others_that_has_a_hook_is_left_to_itself(lowered: Callable[[nn.Module], nn.Module]) -> None:
    network = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    network[1].register_forward_hook(lambda _layer, given, found: found + (given[0].dtype == torch.float32))
    block = torch.randn(4, 5)
    torch.testing.assert_close(lowered(network)(block), network(block), atol=0.02, rtol=0)


class _Residual(nn.Module):
    """It goes through its chain layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = nn.Sequential(nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 20))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        for layer in self.chain:
            values = values + layer(values)
        return values


@torch.inference_mode()
def test_a_module_may_look_at_each_layer_of_a_chain_of_its_own() -> None:
    torch.manual_seed(0)
    network, block = nn.Sequential(_Residual(), nn.ReLU()).eval(), torch.randn(4, 20)
    torch.testing.assert_close(in_float32(network)(block), network(block))


@torch.inference_mode()
def test_standardised_features_are_rounded_once_before_a_layer_in_bfloat16() -> None:
    torch.manual_seed(0)
    standardise = Standardise(40)
    standardise.take(Statistics(9, np.linspace(100, 3000, 40), np.linspace(50, 900, 40)))
    dense, features = nn.Linear(40, 20), 1000 + 500 * torch.randn(64, 40)
    joined = in_bfloat16(nn.Sequential(standardise, dense))
    assert joined[0](features).dtype == torch.bfloat16
    exact = standardise(features.double()).bfloat16().float()
    expected = in_bfloat16(nn.Sequential(dense))(exact)
    # where float32 rounds beside the middle of two numbers of bfloat16, the other one is as near
    assert (joined(features) == expected).float().mean() > 0.95
    torch.testing.assert_close(joined(features), expected, atol=0.02, rtol=0)


@torch.inference_mode()
def test_chains_within_a_chain_are_joined_unless_they_have_hooks() -> None:
    inner = nn.Sequential(nn.Linear(20, 18), nn.ReLU())
    assert len(in_float32(nn.Sequential(inner, nn.Linear(18, 5)))[0]) == 1
    inner.register_forward_hook(lambda _layer, _given, found: found + 1)
    network, block = nn.Sequential(inner, nn.Linear(18, 5)), torch.randn(4, 20)
    torch.testing.assert_close(in_float32(network)(block), network(block))


@torch.inference_mode()
def test_dropout_with_a_hook_is_no_empty_pass() -> None:
    network, block = nn.Sequential(nn.Linear(20, 18), nn.Dropout(0.5), nn.Linear(18, 5)).eval(), torch.randn(4, 20)
    network[1].register_forward_hook(lambda _layer, _given, found: found + 1)
    torch.testing.assert_close(in_float32(network)(block), network(block))
