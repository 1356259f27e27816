"""One head of self-attention over the dates of each sensor (Vaswani et al. 2017), and the mean of what it gives."""

from math import sqrt

from torch import Tensor, nn

from sitspark.models.networks.attention import day_encoding, masked_mean, masked_softmax
from sitspark.models.networks.layout import Layout, SensorSeries
from sitspark.models.networks.series import Encoder, SeriesNetwork, decoded_width
from sitspark.settings.networks import SimpleSelfAttentionParameters

_PERIOD = 10_000  # days; Vaswani et al.'s


class SelfAttention(Encoder):
    """softmax(Q K' / sqrt(width)) V over the dates, then the mean over the valid ones."""

    encoding: Tensor

    def __init__(self, series: SensorSeries, parameters: SimpleSelfAttentionParameters) -> None:
        super().__init__()
        self.width = parameters.width
        self.embedding = nn.Linear(len(series.channels), self.width)
        self.projections = nn.Linear(self.width, 3 * self.width)  # queries, keys, values
        self.dropout = nn.Dropout(parameters.dropout)
        self.register_buffer("encoding", day_encoding(series.days, self.width, period=_PERIOD), persistent=False)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """See `Encoder`."""
        queries, keys, attended = self._projected(values)
        mean: Tensor = self.dropout(masked_mean(self._weights(queries, keys, valid) @ attended, valid))
        return mean

    def attention(self, values: Tensor, valid: Tensor) -> Tensor:
        """How much each date (of the second dimension) attends to each other, float32 (n, dates, dates)."""
        queries, keys, _ = self._projected(values)
        return self._weights(queries, keys, valid)

    def _projected(self, values: Tensor) -> tuple[Tensor, ...]:
        projected: Tensor = self.projections(self.embedding(values) + self.encoding)
        return projected.chunk(3, dim=-1)

    def _weights(self, queries: Tensor, keys: Tensor, valid: Tensor) -> Tensor:
        return masked_softmax(queries @ keys.mT / sqrt(self.width), valid.unsqueeze(1))


def simple_self_attention(layout: Layout, classes: int, parameters: SimpleSelfAttentionParameters) -> SeriesNetwork:
    """The network for these features."""
    encoders = [SelfAttention(series, parameters) for series in layout.sensors]
    return SeriesNetwork(layout, encoders, nn.Linear(decoded_width(layout, encoders), classes))
