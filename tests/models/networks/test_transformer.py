import torch
from torch import nn

from sitspark.models.networks.bank import build
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.transformer import TransformerEncoder
from sitspark.settings.networks import TransformerParameters

from .spaces import published


def test_the_network_has_the_weights_of_its_layers() -> None:
    network = build("transformer", published(13, 45), 9)  # BreizhCrops: 13 bands, 9 classes
    attention = (64 + 1) * 3 * 64 + (64 + 1) * 64
    dense = (64 + 1) * 128 + (128 + 1) * 64
    layer = attention + dense + 2 * 2 * 64  # two LayerNorm
    assert network.weights == (13 + 1) * 64 + 5 * layer + 2 * 64 + (64 + 1) * 9


def test_layers_are_those_of_torch() -> None:
    """torch's own encoder with the same weights gives the same numbers."""
    torch.manual_seed(0)
    [series] = Layout.of(published(3, 7)).sensors
    encoder = TransformerEncoder(series, TransformerParameters(width=8, heads=2, layers=2, inner=12)).eval()
    theirs = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2, encoder.normalise).eval()
    with torch.no_grad():
        for own, other in zip(encoder.layers, theirs.layers, strict=True):
            other.self_attn.in_proj_weight.copy_(own.projections.weight)
            other.self_attn.in_proj_bias.copy_(own.projections.bias)
            for mine, copied in (
                (own.joined, other.self_attn.out_proj),
                (own.inner, other.linear1),
                (own.outer, other.linear2),
                (own.after_attention, other.norm1),
                (own.after_dense, other.norm2),
            ):
                copied.load_state_dict(mine.state_dict())
    values, valid = torch.randn(5, 7, 3), torch.rand(5, 7) < 0.6
    valid[:, 2] = True
    embedded = encoder.embedding(values).relu() + encoder.encoding
    expected = theirs(embedded, src_key_padding_mask=~valid)
    highest = torch.where(valid[:, :, None], expected, -1e30).amax(1).relu()
    torch.testing.assert_close(encoder(values, valid), highest, atol=1e-5, rtol=1e-4)
