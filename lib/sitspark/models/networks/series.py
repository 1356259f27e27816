"""Networks that learn from series: one encoder a sensor, whose outputs and the other features go to one decoder."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sitspark.models.networks.base import Network, Standardise
from sitspark.models.networks.batch_norm import BatchNorm, without_batch_norm
from sitspark.models.networks.layout import Layout, SensorSeries
from sitspark.models.statistics import Statistics


class Series(NamedTuple):
    """The series of one sensor for n pixels: standardised values float32 (n, dates, channels), valid bool (n, dates).

    Values are 0 where there is no valid acquisition; gap-filled series are valid at all dates.
    """

    values: Tensor
    valid: Tensor


class _SensorPart(nn.Module):
    """Takes the series of one sensor out of standardised features."""

    positions: Tensor
    valid: Tensor

    def __init__(self, series: SensorSeries) -> None:
        super().__init__()
        self.shape = series.positions.shape
        self.gap_filled = series.valid is None
        self.register_buffer("positions", torch.from_numpy(series.positions.ravel()), persistent=False)
        self.register_buffer("valid", torch.tensor([] if series.valid is None else series.valid), persistent=False)

    def forward(self, features: Tensor) -> Series:
        values = features.index_select(1, self.positions).unflatten(1, self.shape)
        if self.gap_filled:
            return Series(values, torch.ones((), dtype=torch.bool, device=features.device).expand(values.shape[:2]))
        valid = features.index_select(1, self.valid) > 0.5  # it is 1 or 0
        return Series(values * valid.unsqueeze(-1), valid)


class StandardisedSeries(nn.Module):
    """From features float32 (n, features) to the standardised series of each sensor, and the rest float32 (n, rest)."""

    rest: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.standardise = Standardise(len(layout.names))
        self.sensors = nn.ModuleList(_SensorPart(series) for series in layout.sensors)
        self.register_buffer("rest", torch.from_numpy(layout.rest), persistent=False)

    def take(self, statistics: Statistics) -> None:
        """Standardise bands and indices by one mean and deviation each, whatever the date; other features by their own."""
        self.standardise.take(self.layout.pooled(statistics))

    def forward(self, features: Tensor) -> tuple[list[Series], Tensor]:
        """The series in the order of the layout's sensors."""
        standardised = self.standardise(features)
        return [part(standardised) for part in self.sensors], standardised.index_select(1, self.rest)


class Encoder(nn.Module):
    """What makes `width` numbers of a pixel's series: called with values and valid of `Series`, gives float32 (n, width)."""

    width: int


class SeriesNetwork(Network):
    """Encoders, one a sensor of the layout, and what makes scores of all that they give and of the rest of the features."""

    def __init__(self, layout: Layout, encoders: Sequence[Encoder], decoder: nn.Module) -> None:
        super().__init__()
        self.series = StandardisedSeries(layout)
        self.encoders = nn.ModuleList(encoders)
        self.decoder = decoder

    def take(self, statistics: Statistics) -> None:
        """Standardise by the statistics of the samples that are learnt from."""
        self.series.take(statistics)

    def forward(self, features: Tensor) -> Tensor:
        """Scores before softmax, float32 (n, classes)."""
        series, rest = self.series(features)
        encoded = [encoder(*of_sensor) for encoder, of_sensor in zip(self.encoders, series, strict=True)]
        scores: Tensor = self.decoder(torch.cat([*encoded, rest], 1))
        return scores

    def folded(self) -> nn.Module:
        """Itself, with batch normalisation as part of the layers before."""
        return without_batch_norm(self)


def decoded_width(layout: Layout, encoders: Sequence[Encoder]) -> int:
    """How many numbers a decoder gets."""
    return sum(encoder.width for encoder in encoders) + len(layout.rest)


def normalised_layers(widths: Sequence[int]) -> list[nn.Module]:
    """Dense layers of these widths, each with batch normalisation and ReLU."""
    modules: list[nn.Module] = []
    for before, after in pairwise(widths):
        modules += [nn.Linear(before, after), BatchNorm(after), nn.ReLU(inplace=True)]
    return modules
