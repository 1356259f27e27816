from math import exp, log, sqrt

import pytest
import torch
from pydantic import ValidationError

from sitspark.models.networks.bank import build
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.ltae import LtaeEncoder
from sitspark.settings.networks import LtaeParameters

from .spaces import published


def test_the_encoder_has_as_many_weights_as_the_authors_code() -> None:
    """On 128 channels (what their encoder of parcels gives) at 24 dates, as in their defaults."""
    network = build("ltae", published(128, 24), 20)
    embedding = 2 * 128 + (128 + 1) * 256 + 2 * 256 * 24  # LayerNorm, 1 x 1 convolution, LayerNorm
    attention = 16 * 8 + (256 + 1) * 16 * 8  # queries, keys
    layers = (256 + 1) * 128 + 2 * 128 + 2 * 128  # linear, batch norm, LayerNorm
    assert embedding + attention + layers == 112_000
    classifier = (128 + 1) * 64 + 2 * 64 + (64 + 1) * 32 + 2 * 32 + (32 + 1) * 20
    assert network.weights == 112_000 + classifier


def test_one_head_at_two_dates_by_hand() -> None:
    """Two numbers a date, one head of one key: scores are query * key, and the mean is of what was embedded."""
    [series] = Layout.of(published(2, 2)).sensors
    encoder = LtaeEncoder(series, LtaeParameters(width=2, heads=1, keys=1, embedding=())).eval()
    with torch.no_grad():
        encoder.encoding.copy_(torch.tensor([[0.5, 0.0], [0.0, 0.25]]))
        encoder.embedding.weight.copy_(torch.eye(2))
        encoder.embedding.bias.zero_()
        encoder.queries.fill_(3.0)
        encoder.keys.weight.copy_(torch.tensor([[log(2), 0.0]]))
        encoder.keys.bias.fill_(7.0)
    # LayerNorm over the two channels gives (1, -1) and (-1, 1), that over all four numbers the same
    values, valid = torch.tensor([[[5.0, 1.0], [2.0, 4.0]]]), torch.ones(1, 2, dtype=torch.bool)
    # keys: ln 2 (1 + 0.5) + 7 and ln 2 (-1 + 0) + 7; scores: 3 times that; the 21 cancels
    early, late = 2 ** (3 * 1.5), 2 ** (3 * -1.0)
    weight = early / (early + late)
    torch.testing.assert_close(encoder.attention(values, valid), torch.tensor([[[weight, 1 - weight]]]), atol=1e-4, rtol=1e-4)
    # the mean of (1.5, -1) and (-1, 1.25); the last LayerNorm leaves the sign of the difference of two numbers
    mean = (2.5 * weight - 1, 1.25 - 2.25 * weight)
    sign = 1.0 if mean[0] > mean[1] else -1.0
    torch.testing.assert_close(encoder(values, valid), torch.tensor([[sign, -sign]]), atol=1e-3, rtol=1e-3)
    assert weight == pytest.approx(1 / (1 + exp(-7.5 * log(2))))


def test_heads_have_queries_and_numbers_of_their_own() -> None:
    """Against the obvious way: every head's keys, products with its query, and the mean of its numbers and days."""
    torch.manual_seed(0)
    [series] = Layout.of(published(3, 5)).sensors
    encoder = LtaeEncoder(series, LtaeParameters(width=8, heads=4, keys=3, embedding=())).eval()
    values, valid = torch.randn(6, 5, 3), torch.rand(6, 5) < 0.7
    valid[:, 1] = True
    embedded = encoder.normalise_dates(encoder.embedding(encoder.normalise_channels(values)))
    with_days = embedded + torch.cat([encoder.encoding] * 4, 1)
    keys = encoder.keys(with_days)
    means = []
    for head in range(4):
        scores = keys[:, :, 3 * head : 3 * head + 3] @ encoder.queries[head] / sqrt(3)
        weights = torch.where(valid, scores, -torch.inf).softmax(1)
        torch.testing.assert_close(encoder.attention(values, valid)[:, head], weights)
        means.append((weights[:, :, None] * with_days[:, :, 2 * head : 2 * head + 2]).sum(1))
    torch.testing.assert_close(encoder(values, valid), encoder.normalise(torch.cat(means, 1)), atol=1e-5, rtol=1e-4)


def test_heads_that_do_not_share_the_width_are_refused() -> None:
    with pytest.raises(ValidationError, match="3 doesn't divide 256"):
        LtaeParameters(heads=3)
