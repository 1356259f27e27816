import pytest
import torch
from torch import nn

from sitspark.models.networks.dense import in_float32


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
