"""The lightweight temporal attention encoder (Garnot and Landrieu 2020), on the series of single pixels.

Layers and their sizes are those of the authors' code, github.com/VSainteuf/lightweight-temporal-attention-pytorch: a date is
embedded, the numbers of the embedding are shared out to heads, and each head takes the mean of its own over the dates, weighted
by attention to one learnt query, which is the same for all pixels.
"""

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sitspark.models.networks.attention import day_encoding, masked_softmax
from sitspark.models.networks.layout import Layout, SensorSeries
from sitspark.models.networks.series import Encoder, SeriesNetwork, decoded_width, normalised_layers
from sitspark.settings.networks import LtaeParameters


class LtaeEncoder(Encoder):
    """The series of one sensor as one embedding."""

    encoding: Tensor

    def __init__(self, series: SensorSeries, parameters: LtaeParameters) -> None:
        super().__init__()
        channels, dates = len(series.channels), len(series.dates)
        width, self.heads = parameters.width, parameters.heads
        self.width = (width, *parameters.embedding)[-1]
        self.normalise_channels = nn.LayerNorm(channels)
        self.embedding = nn.Linear(channels, width)
        self.normalise_dates = nn.LayerNorm((dates, width))
        encoding = day_encoding(series.days, width // self.heads, period=parameters.period)
        self.register_buffer("encoding", encoding, persistent=False)
        self.queries = nn.Parameter(torch.empty(self.heads, parameters.keys))
        self.keys = nn.Linear(width, self.heads * parameters.keys)
        for drawn in (self.queries, self.keys.weight):
            nn.init.normal_(drawn, std=sqrt(2 / parameters.keys))
        self.attention_dropout = nn.Dropout(parameters.attention_dropout)
        self.layers = nn.Sequential(*normalised_layers((width, *parameters.embedding)))
        self.dropout = nn.Dropout(parameters.dropout)
        self.normalise = nn.LayerNorm(self.width)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """See `Encoder`."""
        embedded = self._embedded(values)
        weights = self.attention_dropout(self._weights(embedded, valid))
        # each head's own numbers are taken of the means of all: more products, but no copy of what is embedded
        means = (weights @ embedded).unflatten(2, (self.heads, -1)).diagonal(dim1=1, dim2=2).mT
        attended = (means + weights @ self.encoding).flatten(1)
        normalised: Tensor = self.normalise(self.dropout(self.layers(attended)))
        return normalised

    def attention(self, values: Tensor, valid: Tensor) -> Tensor:
        """How much each head attends to each date, float32 (n, heads, dates)."""
        return self._weights(self._embedded(values), valid)

    def _embedded(self, values: Tensor) -> Tensor:
        """The dates, float32 (n, dates, width), without the encoding of their days, which is added where numbers are fewer."""
        embedded: Tensor = self.normalise_dates(self.embedding(self.normalise_channels(values)))
        return embedded

    def _weights(self, embedded: Tensor, valid: Tensor) -> Tensor:
        # a head's query is the same for all pixels: query . (W x + b) = (query W) . x + query . b, and query W is taken once
        of_head = self.keys.weight.unflatten(0, (self.heads, -1))
        weight = torch.einsum("hk,hkw->hw", self.queries, of_head)
        bias = (self.queries * self.keys.bias.unflatten(0, (self.heads, -1))).sum(1)
        of_days = F.linear(self.encoding.repeat(1, self.heads), weight, bias)
        scores = (F.linear(embedded, weight) + of_days) / sqrt(self.queries.shape[1])
        return masked_softmax(scores.mT, valid.unsqueeze(1))


def ltae(layout: Layout, classes: int, parameters: LtaeParameters) -> SeriesNetwork:
    """The network for these features."""
    encoders = [LtaeEncoder(series, parameters) for series in layout.sensors]
    widths = (decoded_width(layout, encoders), *parameters.decoder)
    decoder = nn.Sequential(*normalised_layers(widths), nn.Linear(widths[-1], classes))
    return SeriesNetwork(layout, encoders, decoder)
