"""Where one quantity of one sensor stands in the feature vector, on all of its dates."""

from dataclasses import dataclass

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.timegrid import TimeGrid

_SHOWN = {"ndvi": ("NDVI", 1000), "ndwi": ("NDWI", 1000)}  # names, and how many times the index its feature is


@dataclass(frozen=True, slots=True)
class FeatureSeries:
    """A quantity of a sensor on the dates of its grid: `positions` are those of its features in the vector.

    Features are `scale` times the quantity.
    """

    name: str
    sensor: str
    grid: TimeGrid
    positions: range
    scale: int


def shown_series(space: FeatureSpace) -> FeatureSeries:
    """What tells classes apart at a glance: NDVI of the first sensor that has it.

    Where none has, the first index of the first sensor that has one; where none has, the first band of the first sensor.
    """
    first = 0
    found: list[tuple[int, FeatureSeries]] = []
    for sensor in space.sensors:
        steps, bands = len(sensor.grid), len(sensor.bands)
        # bands date by date, then each index for all dates
        by_date = range(first, first + steps * bands, bands)
        found.append((2, FeatureSeries(sensor.bands[0], sensor.sensor, sensor.grid, by_date, 1)))
        for number, index in enumerate(sensor.indices):
            start = first + steps * (bands + number)
            dates = range(start, start + steps)
            name, scale = _SHOWN.get(index, (index, 1))
            found.append((int(index != "ndvi"), FeatureSeries(name, sensor.sensor, sensor.grid, dates, scale)))
        first += len(sensor)
    return min(found, key=lambda ranked: ranked[0])[1]
