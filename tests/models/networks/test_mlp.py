import torch

from sitspark.models.networks.mlp import Mlp
from sitspark.settings.networks import MlpParameters


def linear_widths(network: Mlp) -> list[int]:
    layers = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def test_the_reference_network_has_the_published_layers() -> None:
    network = Mlp(481, 23)
    assert linear_widths(network) == [481, 240, 69, 69, 23]
    assert network.weights == (481 + 1) * 240 + (240 + 1) * 69 + (69 + 1) * 69 + (69 + 1) * 23


def test_the_smallest_network_still_has_a_hidden_layer() -> None:
    assert linear_widths(Mlp(1, 2)) == [1, 1, 6, 6, 2]


def test_hidden_layers_can_be_chosen() -> None:
    assert linear_widths(Mlp(481, 23, MlpParameters(hidden=(32, 16)))) == [481, 32, 16, 23]
    assert linear_widths(Mlp(481, 23, MlpParameters(hidden=()))) == [481, 23]
