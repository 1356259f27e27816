"""What a feature vector holds, and in which order."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sitspark.errors import SitsparkError, counted, some
from sitspark.kernels.expression import Program, compiled
from sitspark.kernels.filling import Filler, Linear, Median, Nearest, SavitzkyGolay, Unfilled, Whittaker
from sitspark.kernels.temporal import names_of, statistics_of
from sitspark.timegrid import AcquisitionDates, TimeGrid

# changes whenever the same input may give other bits, or features are written down otherwise: part of the key of every
# stage that uses features
KERNEL_VERSION = 4

BUILT_IN = ("ndvi", "ndwi", "brightness")
_LINEAR = Linear()
Kept = Literal["all", "indices", "none"]
_FILLERS: Mapping[str, Any] = {filler.name: filler for filler in (Linear, Nearest, Median, Whittaker, SavitzkyGolay, Unfilled)}


@dataclass(frozen=True, slots=True)
class Index:
    """A spectral index: one of the built-in ones, or an expression of bands and of red, nir and swir."""

    name: str
    expression: str | None = None


def require_bands(
    indices: Sequence[Index], bands: Sequence[str], *, red: str | None, nir: str | None, swir: str | None
) -> None:
    """Raise SitsparkError for an index whose bands aren't all among `bands`, or aren't known (None)."""
    needed = {"ndvi": (red, nir), "ndwi": (nir, swir), "brightness": ()}
    for index in indices:
        if index.expression is not None:
            _compiled(index, _places(bands, red=red, nir=nir, swir=swir))
            continue
        known = [band for band in needed[index.name] if band is not None]
        if len(known) < len(needed[index.name]):
            raise SitsparkError(
                f"features.indices: {index.name} needs bands that aren't known; say which bands are red, nir and swir, or "
                "drop the index"
            )
        absent = [band for band in known if band not in bands]
        if absent:
            raise SitsparkError(
                f"features.indices: {index.name} needs band {', '.join(absent)}, which scenes.bands leaves out; add the band "
                "or drop the index"
            )


def _places(bands: Sequence[str], *, red: str | None, nir: str | None, swir: str | None) -> dict[str, int]:
    """The places of the bands that an expression may name."""
    places = {band: place for place, band in enumerate(bands)}
    for role, band in (("red", red), ("nir", nir), ("swir", swir)):
        if band in places and role not in places:
            places[role] = places[band]
    return places


def _compiled(index: Index, places: Mapping[str, int]) -> Program:
    assert index.expression is not None
    try:
        return compiled(index.expression, places)
    except ValueError as fault:
        raise SitsparkError(f"features.indices.{index.name}: {fault}") from None


@dataclass(frozen=True, slots=True)
class SensorFeatures:
    """What the series of one sensor gives, in iota2's order.

    All bands date by date, then each index for all dates, then what `statistics` say of them (for each series its name and
    that of its statistics). Of series that aren't gap-filled 1 or 0 for all dates comes after the indices: is there a valid
    acquisition? `red`, `nir` and `swir` name the bands that NDVI and NDWI are made of; `kept` says whether the vector holds
    all series, those of indices, or none; `relative` whether its bands are 1000 (band - red) / (band + red).
    """

    sensor: str
    bands: tuple[str, ...]
    grid: TimeGrid | AcquisitionDates
    indices: tuple[Index, ...]
    red: str | None
    nir: str | None
    swir: str | None
    filler: Filler = _LINEAR
    kept: Kept = "all"
    relative: bool = False
    statistics: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __post_init__(self) -> None:
        require_bands(self.indices, self.bands, red=self.red, nir=self.nir, swir=self.swir)
        if isinstance(self.filler, Unfilled) != isinstance(self.grid, AcquisitionDates):
            raise ValueError("series that aren't gap-filled are of the dates of acquisitions, others of regular ones")
        if len(self.grid) < self.filler.least_dates:
            raise SitsparkError(
                f"time_series.filler: {self.filler.name} needs {self.filler.least_dates} dates and {self.sensor} has "
                f"{len(self.grid)}; lower time_series.step, or choose another filler"
            )
        if self.relative and self.red not in self.bands:
            raise SitsparkError("features.relative: reflectances are relative to the red band, which is not read; add it")
        self._check_statistics()

    def _check_statistics(self) -> None:
        if self.statistics and isinstance(self.filler, Unfilled):
            raise SitsparkError(
                "features.statistics: are of gap-filled series; choose another time_series.filler than none, or drop them"
            )
        known = (*self.bands, *(index.name for index in self.indices))
        for of, names in self.statistics:
            if of not in known:
                raise SitsparkError(f"features.statistics: {of} is no band and no index ({', '.join(known)}); correct the name")
            try:
                statistics_of(names, self.grid.days)
            except ValueError as fault:
                raise SitsparkError(f"features.statistics.{of}: {fault}") from None

    def program(self, index: Index) -> Program | None:
        """What computes an index that is an expression; None for a built-in one."""
        if index.expression is None:
            return None
        return _compiled(index, _places(self.bands, red=self.red, nir=self.nir, swir=self.swir))

    @property
    def series_length(self) -> int:
        """The numbers of the whole series: bands, indices and, where it isn't gap-filled, validity, at each date."""
        return len(self.grid) * (len(self.bands) + len(self._each_for_all_dates))

    @property
    def _each_for_all_dates(self) -> tuple[str, ...]:
        return (*(index.name for index in self.indices), *(("valid",) if isinstance(self.filler, Unfilled) else ()))

    @property
    def kept_series(self) -> tuple[str, ...]:
        """The names of the series that are features, in their order."""
        bands = self.bands if self.kept == "all" else ()
        return (*bands, *(self._each_for_all_dates if self.kept != "none" else ()))

    @property
    def kept_of_series(self) -> range:
        """Which numbers of the whole series are features."""
        length = self.series_length
        start = {"all": 0, "indices": len(self.grid) * len(self.bands), "none": length}[self.kept]
        return range(start, length)

    def __len__(self) -> int:
        return len(self.kept_of_series) + sum(len(names_of(names)) for _, names in self.statistics)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every feature, as b4_20180321, ndvi_20180321 or ndvi_q90."""
        stamps = [f"{day:%Y%m%d}" for day in self.grid.dates]
        series = [f"{band.lower()}_{stamp}" for stamp in stamps for band in self.bands]
        series += [f"{name}_{stamp}" for name in self._each_for_all_dates for stamp in stamps]
        kept = self.kept_of_series
        of_all_time = (f"{of.lower()}_{name}" for of, names in self.statistics for name in names_of(names))
        return (*series[kept.start : kept.stop], *of_all_time)

    def described(self, of: str = "") -> str:
        """As 10 bands, ndvi, brightness at 37 dates; `of`: words that say whose series they are."""
        bands = {"all": [counted(len(self.bands), "band")], "indices": [], "none": []}[self.kept]
        relative = ["relative to red"] if self.relative and self.kept == "all" else []
        series = [*bands, *relative, *(self._each_for_all_dates if self.kept != "none" else ())]
        parts = [f"{', '.join(series)}{of} at {counted(len(self.grid), 'date')}"] if series else []
        parts += [f"{', '.join(names)} of {series_name}{of}" for series_name, names in self.statistics]
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-like values."""
        grid = self.grid
        dates = (
            {"start": grid.start.isoformat(), "end": grid.end.isoformat(), "step": grid.step}
            if isinstance(grid, TimeGrid)
            else {"dates": [day.isoformat() for day in grid.dates]}
        )
        return {
            "sensor": self.sensor,
            "bands": self.bands,
            "grid": dates,
            "filler": {"name": self.filler.name} | dataclasses.asdict(self.filler),  # type: ignore[call-overload]  # they are
            "indices": [[index.name, index.expression] for index in self.indices],
            "red": self.red,
            "nir": self.nir,
            "swir": self.swir,
            "kept": self.kept,
            "relative": self.relative,
            "statistics": [[of, names] for of, names in self.statistics],
        }

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> "SensorFeatures":
        """Read back what `to_json` gave."""
        dates, filler = fields["grid"], dict(fields["filler"])
        grid: TimeGrid | AcquisitionDates
        if "dates" in dates:
            grid = AcquisitionDates(tuple(date.fromisoformat(day) for day in dates["dates"]))
        else:
            grid = TimeGrid(date.fromisoformat(dates["start"]), date.fromisoformat(dates["end"]), dates["step"])
        return SensorFeatures(
            fields["sensor"],
            tuple(fields["bands"]),
            grid,
            tuple(Index(name, expression) for name, expression in fields["indices"]),
            fields["red"],
            fields["nir"],
            fields["swir"],
            filler=_FILLERS[filler.pop("name")](**filler),
            kept=fields["kept"],
            relative=fields["relative"],
            statistics=tuple((of, tuple(names)) for of, names in fields["statistics"]),
        )


@dataclass(frozen=True, slots=True)
class CustomFeatures:
    """Features of a user's own functions: their names, a hash of the functions, and the pixels around that they see."""

    names: tuple[str, ...]
    sha256: str
    padding: int


@dataclass(frozen=True, slots=True)
class Series:
    """A band or an index through its dates: the position in the feature vector of each."""

    name: str
    dates: tuple[date, ...]
    positions: tuple[int, ...]


@dataclass(frozen=True)
class FeatureSpace:
    """What a feature vector holds: one sensor after the other, then the static layers, then the user's own features."""

    sensors: tuple[SensorFeatures, ...]
    static: tuple[str, ...] = ()
    custom: CustomFeatures | None = None

    def __post_init__(self) -> None:
        if not len(self):
            raise SitsparkError(
                "features: nothing is left to learn from: no series, statistics, static layers nor custom_features; add some"
            )
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise SitsparkError(f"features: two features would be called {twice[0]}; rename an index, a layer or your own one")

    def __len__(self) -> int:
        own = len(self.custom.names) if self.custom else 0
        return sum(len(sensor) for sensor in self.sensors) + len(self.static) + own

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every feature, as b4_20180321 or elevation; of several sensors as sentinel2_b4_20180321."""
        several = len(self.sensors) > 1
        dated = (f"{sensor.sensor}_{name}" if several else name for sensor in self.sensors for name in sensor.names)
        return (*dated, *self.static, *(self.custom.names if self.custom else ()))

    @property
    def series(self) -> dict[str, Series]:
        """Every series that is kept by its name in lower case, as b4 or ndvi; of several sensors as sentinel2_b4.

        Of several sensors the name alone, as b4, is there where only one of them has it.
        """
        place = {name.lower(): position for position, name in enumerate(self.names)}
        found: dict[str, Series] = {}
        alone: dict[str, list[Series]] = {}
        for sensor in self.sensors:
            for own in sensor.kept_series:
                name = (own if len(self.sensors) == 1 else f"{sensor.sensor}_{own}").lower()
                dates = sensor.grid.dates
                found[name] = Series(name, dates, tuple(place[f"{name}_{day:%Y%m%d}"] for day in dates))
                alone.setdefault(own.lower(), []).append(found[name])
        return found | {own: ones[0] for own, ones in alone.items() if len(ones) == 1 and own not in found}

    def __str__(self) -> str:
        """As 10 bands, ndvi and brightness at 37 dates, for each sensor, the static layers, and the user's own features."""
        several = len(self.sensors) > 1
        told = (sensor.described(f" of {sensor.sensor}" if several else "") for sensor in self.sensors)
        parts = [sensor for sensor in told if sensor]
        layers = [", ".join(self.static)] if self.static else []
        own = [f"{counted(len(self.custom.names), 'custom feature')} ({some(self.custom.names)})"] if self.custom else []
        return "; ".join((*parts, *layers, *own))

    def to_json(self) -> str:
        """The space as JSON text, for the metadata of tables and models."""
        own = self.custom
        return json.dumps(
            {
                "sensors": [sensor.to_json() for sensor in self.sensors],
                "static": self.static,
                "custom": {"names": own.names, "sha256": own.sha256, "padding": own.padding} if own else None,
                "kernel_version": KERNEL_VERSION,
                # for readers of other kinds: they follow from the rest
                "names": self.names,
                "scale": 1e-4,
            }
        )

    @staticmethod
    def from_json(text: str) -> "FeatureSpace":
        """Read back what `to_json` wrote; raises SitsparkError for features of another kernel version."""
        fields: dict[str, Any] = json.loads(text)
        if fields["kernel_version"] != KERNEL_VERSION:
            raise SitsparkError(
                f"features of kernel version {fields['kernel_version']} can't be used by version {KERNEL_VERSION}; run the "
                "samples stage again"
            )
        own = fields["custom"]
        return FeatureSpace(
            tuple(SensorFeatures.from_json(sensor) for sensor in fields["sensors"]),
            tuple(fields["static"]),
            CustomFeatures(tuple(own["names"]), own["sha256"], own["padding"]) if own else None,
        )
