"""What a feature vector holds, as a network eats it: the series of each sensor, and the rest."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace, SensorFeatures
from sitspark.models.statistics import Statistics

_VALID = "valid"  # the name of the series that says where an acquisition can be used


@dataclass(frozen=True, slots=True, eq=False)
class SensorSeries:
    """The series of one sensor.

    `channels` are its bands and indices, as B4 or ndvi, `positions` where in the feature vector each is at each date, int64
    (dates, channels), `valid` where it is said whether there is an acquisition, int64 (dates,): None of gap-filled series.
    """

    sensor: str
    channels: tuple[str, ...]
    dates: tuple[date, ...]
    positions: npt.NDArray[np.int64]
    valid: npt.NDArray[np.int64] | None = None

    @property
    def days(self) -> tuple[int, ...]:
        """Days of the year of the first date, 1 for its 1 January; they count on across the ends of years."""
        first = date(self.dates[0].year, 1, 1)
        return tuple((day - first).days + 1 for day in self.dates)


@dataclass(frozen=True, eq=False)
class Layout:
    """The names of all features, in the order of the vector, and the series among them."""

    names: tuple[str, ...]
    sensors: tuple[SensorSeries, ...]

    @staticmethod
    def of(space: FeatureSpace) -> "Layout":
        """Where the series of a feature space are; sensors of which no series is a feature aren't there."""
        found = (_series_of(space, sensor) for sensor in space.sensors)
        return Layout(space.names, tuple(series for series in found if series is not None))

    @cached_property
    def rest(self) -> npt.NDArray[np.int64]:
        """Where the features are that are in no series: statistics, static layers, the user's own; int64 (rest,)."""
        is_rest = np.ones(len(self.names), np.bool_)
        for series in self.sensors:
            is_rest[series.positions] = False
            if series.valid is not None:
                is_rest[series.valid] = False
        return np.flatnonzero(is_rest)

    def require_series(self, network: str) -> None:
        """Raise SitsparkError where there is no series for a network that eats some."""
        if not self.sensors:
            raise SitsparkError(
                f"training.network: {network} learns from series, and the features have none; set features.series to all or "
                "indices, or choose mlp or ann"
            )

    def pooled(self, statistics: Statistics) -> Statistics:
        """Statistics with the same mean and deviation at all dates of a band or index, over its valid acquisitions alone.

        An invalid acquisition is 0 in the feature vector, and the mean of its validity is the share of valid ones: so the sums
        over the valid ones follow from those over all. What says whether there is an acquisition stays as it is (mean 0,
        deviation 1), a series without any valid acquisition too.
        """
        mean, deviation = statistics.mean.copy(), statistics.deviation.copy()
        squares = statistics.deviation**2 + statistics.mean**2
        for series in self.sensors:
            share = 1.0 * len(series.dates) if series.valid is None else statistics.mean[series.valid].sum()
            if share > 0:
                of_channel = statistics.mean[series.positions].sum(0) / share
                spread = np.sqrt(np.maximum(squares[series.positions].sum(0) / share - of_channel**2, 0))
            else:
                of_channel, spread = np.zeros(len(series.channels)), np.ones(len(series.channels))
            mean[series.positions], deviation[series.positions] = of_channel, spread
            if series.valid is not None:
                mean[series.valid], deviation[series.valid] = 0, 1
        return Statistics(statistics.count, mean, deviation)


def _series_of(space: FeatureSpace, sensor: SensorFeatures) -> SensorSeries | None:
    several = len(space.sensors) > 1
    at = {name: space.series[(f"{sensor.sensor}_{name}" if several else name).lower()].positions for name in sensor.kept_series}
    channels = tuple(name for name in at if name != _VALID)
    if not channels:
        return None
    positions = np.array([at[channel] for channel in channels], np.int64).T
    valid = np.array(at[_VALID], np.int64) if _VALID in at else None
    return SensorSeries(sensor.sensor, channels, sensor.grid.dates, positions, valid)
