"""Convolutions over dates as products of matrices: the same numbers as torch's."""

import pytest
import torch
from torch import nn

from sitspark.models.networks.convolution import by_products


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_products_are_the_convolution(kernel: int, padding: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv1d(4, 6, kernel, padding=padding, bias=bias))
    other = nn.Sequential(nn.Conv1d(4, 6, kernel, padding=padding, bias=bias))
    other.load_state_dict(plain.state_dict())
    by_products(other, torch.float32)
    assert type(other[0]) is not nn.Conv1d
    values = torch.randn(7, 4, 11)
    with torch.inference_mode():
        torch.testing.assert_close(other(values), plain(values), atol=1e-6, rtol=1e-5)


def test_a_type_of_fewer_digits_gives_float32() -> None:
    layers = nn.Sequential(nn.Conv1d(4, 6, 3, padding=1))
    exact = layers(torch.ones(2, 4, 5))
    by_products(layers, torch.bfloat16)
    found = layers(torch.ones(2, 4, 5))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    "other",
    [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"padding": "same"}, {"padding": 1, "padding_mode": "circular"}],
)
def test_convolutions_of_other_kinds_stay(other: dict[str, int | str]) -> None:
    layers = nn.Sequential(nn.Conv1d(4, 6, 3, **other))  # type: ignore[arg-type]
    by_products(layers, torch.float32)
    assert type(layers[0]) is nn.Conv1d
