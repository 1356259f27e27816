"""Which quantity of the feature vector tells classes apart at a glance, and where it stands."""

from dataclasses import dataclass
from datetime import date

from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.filling import Unfilled

_SHOWN = {"ndvi": ("NDVI", 1000), "ndwi": ("NDWI", 1000)}  # names, and how many times the index its feature is


@dataclass(frozen=True, slots=True)
class FeatureSeries:
    """A quantity of a sensor on some dates: `positions` are those of its features in the vector.

    Features are `scale` times the quantity.
    """

    name: str
    sensor: str
    dates: tuple[date, ...]
    positions: tuple[int, ...]
    scale: int


def shown_series(space: FeatureSpace) -> FeatureSeries | None:
    """What tells classes apart at a glance: NDVI of the first sensor that has it.

    Where none has, the first index of the first sensor that has one; where none has, the first band of the first sensor. None
    where no gap-filled series is a feature.
    """
    found: list[tuple[int, FeatureSeries]] = []
    several = len(space.sensors) > 1
    for sensor in space.sensors:
        if isinstance(sensor.filler, Unfilled):
            continue
        for own in sensor.kept_series:
            of = space.series[(f"{sensor.sensor}_{own}" if several else own).lower()]
            name, scale = _SHOWN.get(own, (own, 1))
            rank = 2 if own in sensor.bands else int(own != "ndvi")
            found.append((rank, FeatureSeries(name, sensor.sensor, of.dates, of.positions, scale)))
    return min(found, key=lambda ranked: ranked[0])[1] if found else None
