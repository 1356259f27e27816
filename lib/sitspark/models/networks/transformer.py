"""The encoder of a transformer over the dates, then their maximum (Rußwurm and Körner 2020; sizes of BreizhCrops)."""

from torch import Tensor, nn
from torch.nn import functional as F

from sitspark.models.networks.attention import day_encoding, masked_max
from sitspark.models.networks.layout import Layout, SensorSeries
from sitspark.models.networks.series import Encoder, SeriesNetwork, decoded_width
from sitspark.settings.networks import TransformerParameters


class _Layer(nn.Module):
    """Attention over the dates, then a dense layer within each; both are added to what they are given, and normalised."""

    def __init__(self, parameters: TransformerParameters) -> None:
        super().__init__()
        width, self.heads, self.rate = parameters.width, parameters.heads, parameters.dropout
        self.projections = nn.Linear(width, 3 * width)  # queries, keys, values
        self.joined = nn.Linear(width, width)
        self.inner = nn.Linear(width, parameters.inner)
        self.outer = nn.Linear(parameters.inner, width)
        self.after_attention, self.after_dense = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, dates: Tensor, valid: Tensor) -> Tensor:
        """Dates float32 (n, dates, width), valid bool (n, 1, 1, dates)."""
        queries, keys, values = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in self.projections(dates).chunk(3, dim=-1)
        )
        rate = self.rate if self.training else 0.0
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=valid, dropout_p=rate)
        joined = self.joined(attended.transpose(1, 2).flatten(2))
        dates = self.after_attention(dates + self._dropped(joined))
        dense = self.outer(self._dropped(F.relu(self.inner(dates))))
        normalised: Tensor = self.after_dense(dates + self._dropped(dense))
        return normalised

    def _dropped(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.rate, self.training)


class TransformerEncoder(Encoder):
    """The series of one sensor as the maximum over its valid dates."""

    encoding: Tensor

    def __init__(self, series: SensorSeries, parameters: TransformerParameters) -> None:
        super().__init__()
        self.width = parameters.width
        self.embedding = nn.Linear(len(series.channels), self.width)
        encoding = day_encoding(series.days, self.width, period=parameters.period)
        self.register_buffer("encoding", encoding, persistent=False)
        self.layers = nn.ModuleList(_Layer(parameters) for _ in range(parameters.layers))
        self.normalise = nn.LayerNorm(self.width)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """See `Encoder`."""
        dates = F.relu(self.embedding(values)) + self.encoding
        # without any valid date attention goes to all of them, for there have to be some; the maximum then is of none
        attended = valid | ~valid.any(1, keepdim=True)
        for layer in self.layers:
            dates = layer(dates, attended[:, None, None])
        return F.relu(masked_max(self.normalise(dates), valid))


def transformer(layout: Layout, classes: int, parameters: TransformerParameters) -> SeriesNetwork:
    """The network for these features."""
    encoders = [TransformerEncoder(series, parameters) for series in layout.sensors]
    return SeriesNetwork(layout, encoders, nn.Linear(decoded_width(layout, encoders), classes))
