from math import exp, sqrt

import torch

from sitspark.models.networks.bank import build
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.simple_self_attention import SelfAttention
from sitspark.settings.networks import SimpleSelfAttentionParameters

from .spaces import published


def test_weights_are_those_of_three_projections() -> None:
    network = build("simple_self_attention", published(10, 37), 23)
    embedding, projections, decoder = (10 + 1) * 64, 3 * (64 + 1) * 64, (64 + 1) * 23
    assert network.weights == embedding + projections + decoder


def by_hand() -> SelfAttention:
    """Embedding x -> (x, 0), no days; queries and values as embedded, keys twice that."""
    [series] = Layout.of(published(1, 2)).sensors
    encoder = SelfAttention(series, SimpleSelfAttentionParameters(width=2))
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        encoder.encoding.zero_()
        encoder.embedding.weight[0, 0] = 1
        encoder.projections.weight.copy_(torch.cat([torch.eye(2), 2 * torch.eye(2), torch.eye(2)]))
    return encoder


def test_attention_is_the_softmax_of_products_of_queries_and_keys() -> None:
    # dates 1 and 2: scores x_i * 2 x_j / sqrt(2), so that date 1 gives 2/sqrt(2) and 4/sqrt(2), date 2 twice that
    values, valid = torch.tensor([[[1.0], [2.0]]]), torch.ones(1, 2, dtype=torch.bool)
    encoder = by_hand()
    first, second = exp(2 / sqrt(2)), exp(4 / sqrt(2))
    of_one = second / (first + second)
    of_two = second**2 / (first**2 + second**2)
    expected = torch.tensor([[[1 - of_one, of_one], [1 - of_two, of_two]]])
    torch.testing.assert_close(encoder.attention(values, valid), expected)
    mean = ((1 + of_one) + (1 + of_two)) / 2  # attended values: 1 (1 - w) + 2 w
    torch.testing.assert_close(encoder(values, valid), torch.tensor([[mean, 0.0]]))


def test_invalid_dates_neither_attend_nor_are_attended_to() -> None:
    values, valid = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[True, False]])
    encoder = by_hand()
    assert encoder.attention(values, valid)[0, 0].tolist() == [1, 0]
    torch.testing.assert_close(encoder(values, valid), torch.tensor([[1.0, 0.0]]))
