"""Convolutions over the dates (TempCNN: Pelletier, Webb and Petitjean 2019, Remote Sensing 11(5), 523)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from sitspark.models.networks.batch_norm import BatchNorm
from sitspark.models.networks.layout import Layout, SensorSeries
from sitspark.models.networks.series import Encoder, SeriesNetwork, decoded_width, normalised_layers
from sitspark.settings.networks import TempcnnParameters


class Convolutions(Encoder):
    """Convolutions over the dates of one sensor, whose filters all dates keep.

    Of series that aren't gap-filled their validity is one more channel, for 0 is also the mean of a band.
    """

    def __init__(self, series: SensorSeries, parameters: TempcnnParameters) -> None:
        super().__init__()
        self.gap_filled = series.valid is None
        channels = len(series.channels) + (0 if self.gap_filled else 1)
        modules: list[nn.Module] = []
        for before, after in pairwise((channels, *[parameters.filters] * parameters.layers)):
            convolution = nn.Conv1d(before, after, parameters.kernel, padding=parameters.kernel // 2)
            modules += [convolution, BatchNorm(after), nn.ReLU(inplace=True), nn.Dropout(parameters.dropout)]
        self.layers = nn.Sequential(*modules)
        self.width = parameters.filters * len(series.dates)

    def forward(self, values: Tensor, valid: Tensor) -> Tensor:
        """See `Encoder`."""
        channels = values if self.gap_filled else torch.cat([values, valid.unsqueeze(2).to(values.dtype)], 2)
        flat: Tensor = self.layers(channels.mT).flatten(1)
        return flat


def tempcnn(layout: Layout, classes: int, parameters: TempcnnParameters) -> SeriesNetwork:
    """The network for these features."""
    encoders = [Convolutions(series, parameters) for series in layout.sensors]
    dense = normalised_layers((decoded_width(layout, encoders), parameters.dense))
    decoder = nn.Sequential(*dense, nn.Dropout(parameters.dropout), nn.Linear(parameters.dense, classes))
    return SeriesNetwork(layout, encoders, decoder)
