"""Products by oneDNN: those of torch, forwards and backwards, and the same weights under the same names."""

import pytest
import torch
from torch import Tensor, nn

from sitspark.models.networks.linear import by_onednn


def both(*shape: int, bias: bool = True) -> tuple[nn.Sequential, nn.Sequential, Tensor]:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(shape[-1], 33, bias=bias), nn.ReLU(), nn.Linear(33, 5))
    fast = nn.Sequential(nn.Linear(shape[-1], 33, bias=bias), nn.ReLU(), nn.Linear(33, 5))
    fast.load_state_dict(plain.state_dict())
    by_onednn(fast)
    return plain, fast, torch.randn(shape)


@pytest.mark.parametrize("shape", [(64, 48), (1, 48), (0, 48), (16, 7, 48)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_those_of_torch(shape: tuple[int, ...], bias: bool) -> None:
    plain, fast, values = both(*shape, bias=bias)
    gradients = []
    for network in (plain, fast):
        given = values.clone().requires_grad_()
        network(given).square().sum().backward()
        gradients.append([given.grad, *(weight.grad for weight in network.parameters())])
    torch.testing.assert_close(fast(values), plain(values))
    for expected, found in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_weights_keep_their_names_and_bytes() -> None:
    plain, fast, _ = both(3, 4)
    assert list(plain.state_dict()) == list(fast.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), fast.state_dict().values(), strict=True))


def test_the_same_batch_gives_the_same_bits() -> None:
    _, fast, values = both(512, 48)
    found = []
    for _ in range(2):
        fast.zero_grad()
        fast(values).square().sum().backward()
        found.append([weight.grad.clone() for weight in fast.parameters()])  # type: ignore[union-attr]
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_attention_of_torch_is_left_as_it_is() -> None:
    attention = nn.MultiheadAttention(8, 2)
    by_onednn(attention)
    assert type(attention.out_proj).__name__ == "NonDynamicallyQuantizableLinear"
