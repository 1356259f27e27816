"""What a feature vector holds, and in which order."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError, counted
from sitspark.timegrid import TimeGrid

# changes whenever the same input may give other bits, or features are written down otherwise: part of the key of every
# stage that uses features
KERNEL_VERSION = 2


def require_bands(indices: Sequence[str], bands: Sequence[str], *, red: str | None, nir: str | None, swir: str | None) -> None:
    """Raise SitsparkError for an index whose bands aren't all among `bands`, or aren't known (None)."""
    needed = {"ndvi": (red, nir), "ndwi": (nir, swir), "brightness": ()}
    for index in indices:
        known = [band for band in needed[index] if band is not None]
        if len(known) < len(needed[index]):
            raise SitsparkError(
                f"features.indices: {index} needs bands that scenes.description doesn't name; say which bands are red, nir "
                "and swir, or drop the index"
            )
        absent = [band for band in known if band not in bands]
        if absent:
            raise SitsparkError(
                f"features.indices: {index} needs band {', '.join(absent)}, which scenes.bands leaves out; add the band or "
                "drop the index"
            )


@dataclass(frozen=True, slots=True)
class SensorFeatures:
    """What the series of one sensor gives, in iota2's order: all bands date by date, then each index for all dates.

    `red`, `nir` and `swir` name the bands that NDVI and NDWI are made of.
    """

    sensor: str
    bands: tuple[str, ...]
    grid: TimeGrid
    indices: tuple[str, ...]
    red: str | None
    nir: str | None
    swir: str | None

    def __post_init__(self) -> None:
        require_bands(self.indices, self.bands, red=self.red, nir=self.nir, swir=self.swir)

    def __len__(self) -> int:
        return len(self.grid) * (len(self.bands) + len(self.indices))

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every feature, as b4_20180321 or ndvi_20180321."""
        stamps = [f"{day:%Y%m%d}" for day in self.grid.dates]
        by_date = [f"{band.lower()}_{stamp}" for stamp in stamps for band in self.bands]
        return tuple(by_date + [f"{index}_{stamp}" for index in self.indices for stamp in stamps])

    def layout(self, first: int = 0) -> npt.NDArray[np.int64]:
        """Positions for the kernel, where `first` is that of the first feature in the whole vector; -1 for what is absent.

        (red, nir, swir) among the bands; (first NDVI, first NDWI, first brightness, first band, end) in the vector.
        """
        steps = len(self.grid)
        bands = [self.bands.index(name) if name in self.bands else -1 for name in (self.red, self.nir, self.swir)]
        starts = [
            first + steps * (len(self.bands) + self.indices.index(index)) if index in self.indices else -1
            for index in ("ndvi", "ndwi", "brightness")
        ]
        return np.array([*bands, *starts, first, first + len(self)], np.int64)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the features of a sensor stand in the vector, as the kernel takes it: its regular days, and its layout."""

    days: npt.NDArray[np.int32]
    layout: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Series:
    """A band or an index through the dates of its grid: the position in the feature vector of each."""

    name: str
    grid: TimeGrid
    positions: tuple[int, ...]


@dataclass(frozen=True)
class FeatureSpace:
    """What a feature vector holds: the features of one sensor after the other, then the static layers."""

    sensors: tuple[SensorFeatures, ...]
    static: tuple[str, ...] = ()

    def __len__(self) -> int:
        return sum(len(sensor) for sensor in self.sensors) + len(self.static)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every feature, as b4_20180321 or elevation; of several sensors as sentinel2_b4_20180321."""
        if len(self.sensors) == 1:
            return (*self.sensors[0].names, *self.static)
        dated = (f"{sensor.sensor}_{name}" for sensor in self.sensors for name in sensor.names)
        return (*dated, *self.static)

    @property
    def series(self) -> dict[str, Series]:
        """Every band and index by its name in lower case, as b4 or ndvi; of several sensors as sentinel2_b4.

        Of several sensors the name alone, as b4, is there where only one of them has it.
        """
        place = {name.lower(): position for position, name in enumerate(self.names)}
        found: dict[str, Series] = {}
        alone: dict[str, list[Series]] = {}
        for sensor in self.sensors:
            for own in (*sensor.bands, *sensor.indices):
                name = (own if len(self.sensors) == 1 else f"{sensor.sensor}_{own}").lower()
                positions = tuple(place[f"{name}_{day:%Y%m%d}"] for day in sensor.grid.dates)
                found[name] = Series(name, sensor.grid, positions)
                alone.setdefault(own.lower(), []).append(found[name])
        return found | {own: ones[0] for own, ones in alone.items() if len(ones) == 1 and own not in found}

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where the features of each sensor stand."""
        starts = itertools.accumulate((len(sensor) for sensor in self.sensors), initial=0)
        return tuple(Place(sensor.grid.days, sensor.layout(start)) for sensor, start in zip(self.sensors, starts, strict=False))

    def __str__(self) -> str:
        """As 10 bands, ndvi and brightness at 37 dates, for each sensor, and the static layers."""
        parts = []
        for sensor in self.sensors:
            of = f" of {sensor.sensor}" if len(self.sensors) > 1 else ""
            what = ", ".join((counted(len(sensor.bands), "band"), *sensor.indices))
            parts.append(f"{what}{of} at {counted(len(sensor.grid), 'date')}")
        return "; ".join((*parts, *([", ".join(self.static)] if self.static else [])))

    def to_json(self) -> str:
        """The space as JSON text, for the metadata of tables and models."""
        sensors = [
            {
                "sensor": sensor.sensor,
                "bands": sensor.bands,
                "start": sensor.grid.start.isoformat(),
                "end": sensor.grid.end.isoformat(),
                "step": sensor.grid.step,
                "indices": sensor.indices,
                "red": sensor.red,
                "nir": sensor.nir,
                "swir": sensor.swir,
            }
            for sensor in self.sensors
        ]
        return json.dumps({"sensors": sensors, "static": self.static, "kernel_version": KERNEL_VERSION})

    @staticmethod
    def from_json(text: str) -> "FeatureSpace":
        """Read back what `to_json` wrote; raises SitsparkError for features of another kernel version."""
        fields: dict[str, Any] = json.loads(text)
        if fields["kernel_version"] != KERNEL_VERSION:
            raise SitsparkError(
                f"features of kernel version {fields['kernel_version']} can't be used by version {KERNEL_VERSION}; run the "
                "samples stage again"
            )
        sensors = (
            SensorFeatures(
                sensor["sensor"],
                tuple(sensor["bands"]),
                TimeGrid(date.fromisoformat(sensor["start"]), date.fromisoformat(sensor["end"]), sensor["step"]),
                tuple(sensor["indices"]),
                sensor["red"],
                sensor["nir"],
                sensor["swir"],
            )
            for sensor in fields["sensors"]
        )
        return FeatureSpace(tuple(sensors), tuple(fields["static"]))
