"""Dates and features."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from sitspark.kernels.temporal import is_statistic
from sitspark.location import Location
from sitspark.settings.section import FilePath, PathOrUrl, Section, without_repetition


def _layer(value: object) -> object:
    """A file alone stands for a section that names it."""
    return {"file": value} if isinstance(value, str | Path | Location) else value


_INDEX = re.compile(r"[a-z][a-z0-9_]*")
_INDICES = ("ndvi", "ndwi", "brightness")


def _in_one_mapping(value: object) -> object:
    """Names and mappings of one name each, in a list, as one mapping; a list keeps the order of what it holds."""
    if not isinstance(value, list | tuple):
        return value
    found: dict[object, object] = {}
    for entry in value:
        for name, meaning in entry.items() if isinstance(entry, dict) else [(entry, None)]:
            if name in found:
                raise ValueError(f"should name {name} once")
            found[name] = meaning
    return found


def _indices(indices: dict[str, str | None]) -> dict[str, str | None]:
    for name, expression in indices.items():
        if name in _INDICES and expression is not None:
            raise ValueError(f"can't define {name}, which is built in; choose another name")
        if name not in _INDICES and expression is None:
            raise ValueError(
                f'has {name}, which is none of {", ".join(_INDICES)}; say what it is, as {{{name}: "(B8-B5)/(B8+B5)"}}'
            )
        if name == "valid" or not _INDEX.fullmatch(name):
            raise ValueError(f"has {name!r}; names are of small letters, digits and _, and not 'valid'")
    return indices


def _listed(mapping: Mapping[str, object]) -> list[object]:
    """A mapping whose order counts, as a list: JSON objects have none."""
    return [name if meaning is None else {name: meaning} for name, meaning in mapping.items()]


Indices = Annotated[dict[str, str | None], BeforeValidator(_in_one_mapping), AfterValidator(_indices), PlainSerializer(_listed)]


def _series_and_their_statistics(value: object) -> object:
    """Say what is meant, where statistics come without a series."""
    found = _in_one_mapping(value)
    if isinstance(found, dict) and not all(isinstance(names, list | tuple) for names in found.values()):
        raise ValueError("should give each series a list, as {ndvi: [mean, std]}")
    return found


def _statistics(statistics: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for series, names in statistics.items():
        unknown = [name for name in names if not is_statistic(name)]
        if unknown or not names:
            raise ValueError(
                f"has {', '.join(unknown) or 'nothing'} for {series}; choose of mean, std, min, max, amplitude, q0 to q100 "
                "(quantiles, in per cent), harmonic1 to harmonic9"
            )
        without_repetition(names)
    return statistics


Statistics = Annotated[
    dict[str, tuple[str, ...]],
    BeforeValidator(_series_and_their_statistics),
    AfterValidator(_statistics),
    PlainSerializer(_listed),
]


def _step(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    if value in ("month", "dekad") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"should be a number of days from 1 on, month or dekad, not {value!r}")


StepSetting = Annotated[int | Literal["month", "dekad"], BeforeValidator(_step)]


FillerName = Literal["linear", "nearest", "median", "whittaker", "savitzky_golay", "none"]
SeriesKept = Literal["all", "indices", "none"]
_OF_A_FILLER = ("smoothness", "window", "degree")
_WINDOW, _DEGREE = 5, 2  # of Savitzky and Golay's filter, where the settings don't say


def _refuse_keys_of_other_fillers(
    filler: FillerName | None, *, smoothness: float | None, window: int | None, degree: int | None
) -> None:
    """Raise ValueError for a number that is of another filler, or that its own can't have."""
    for key, given, of in (
        ("smoothness", smoothness, "whittaker"),
        ("window", window, "savitzky_golay"),
        ("degree", degree, "savitzky_golay"),
    ):
        if given is not None and filler is None:
            raise ValueError(f"has {key} without a filler; add filler: {of}")
        if given is not None and filler != of:
            raise ValueError(f"has {key}, which isn't of the filler {filler}; leave it out")
    window, degree = window or _WINDOW, _DEGREE if degree is None else degree
    if window % 2 == 0 or degree >= window:
        raise ValueError(f"has a window of {window} and degree {degree}; the window is odd and larger than the degree")


class TimeSettings(Section):
    """The regular dates for which the series have values, and how these come from the acquisitions."""

    start: date | None = Field(None, description="First date (YYYY-MM-DD); null: each sensor's earliest acquisition.")
    end: date | None = Field(None, description="Last date (YYYY-MM-DD); null: each sensor's latest.")
    step: StepSetting = Field(
        10, description="Days between two dates; month, dekad: dates are the beginnings of months, or of their thirds."
    )
    filler: FillerName = Field(
        "linear",
        description="How gaps are filled: linear in time; the nearest acquisition; the median of the acquisitions from each "
        "date to the next (monthly composites, with step: month); Whittaker's smoother; linear, then Savitzky and Golay's "
        "filter; none: the acquisitions themselves on all days on which there is one, 0 where it is not valid, and whether "
        "it is.",
    )
    smoothness: float | None = Field(
        None, gt=0, description="Filler whittaker: weight of second differences; 1 follows the acquisitions, 100 hardly [10]."
    )
    window: int | None = Field(None, ge=3, description="Filler savitzky_golay: dates that count for one, an odd number [5].")
    degree: int | None = Field(None, ge=0, description="Filler savitzky_golay: degree of the polynomial [2].")

    @model_validator(mode="after")
    def _keys_of_its_filler(self) -> Self:
        _refuse_keys_of_other_fillers(self.filler, smoothness=self.smoothness, window=self.window, degree=self.degree)
        return self


class LayerSettings(Section):
    """A raster without a date, as an elevation model."""

    file: PathOrUrl = Field(description="Raster of any CRS and resolution; a path, or s3://, gs://, az://, https://.")
    band: int = Field(1, ge=1, description="Number of the band in the file.")
    interpolator: Literal["nearest", "bilinear", "cubic"] = Field(
        "bilinear", description="How it is brought to the grid; nearest for classes."
    )
    fill: float = Field(0, allow_inf_nan=False, description="Value where the file has none, or doesn't reach.")


class FeaturesSettings(Section):
    """What a network learns from: the gap-filled series and what is computed from them, and layers without a date."""

    series: SeriesKept = Field(
        "all",
        description="Which series are features, date by date: bands and indices, indices alone, or none (then statistics, "
        "static layers and custom_features are all there is).",
    )
    relative: bool = Field(
        False,
        description="Whether bands are 1000 (band - red) / (band + red), clipped to -1000 .. 1000, and red as it is "
        "(iota2's rel_refl).",
    )

    @model_validator(mode="after")
    def _relative_bands_are_there(self) -> Self:
        if self.relative and self.series != "all":
            raise ValueError(f"has relative, which is of bands, and series: {self.series} leaves them out; drop one of them")
        return self

    indices: Indices = Field(
        dict.fromkeys(_INDICES),
        description="Spectral indices appended after the bands, each for all dates: ndvi, ndwi, brightness, and expressions of "
        'bands, as {ndre: "(B8-B5)/(B8+B5)"}: reflectances of 0 to 1, also red, nir and swir of any sensor; + - * / **, sqrt, '
        "abs, exp, log, min, max; where there is no finite value: 0.",
    )
    statistics: Statistics = Field(
        default_factory=dict,
        description="Statistics over time of bands and indices, as {ndvi: [mean, std, q10, q90, amplitude, harmonic2]}: mean, "
        "std, min, max, amplitude, qP (quantile of P per cent), harmonicN (cosines and sines of N waves a year).",
    )
    static: dict[str, Annotated[LayerSettings, BeforeValidator(_layer)]] = Field(
        default_factory=dict,
        description="Rasters without a date (elevation, slope, climate), appended as features by their names: a path or URL, "
        "or a section: file, band (1), interpolator (bilinear, nearest, cubic), fill (0: the value where the raster has none).",
    )


_ForAll = TypeVar("_ForAll", TimeSettings, FeaturesSettings)


class SeriesSettings(Section):
    """What is made of the series of one sensor; null: what `time_series` and `features` say for all."""

    step: StepSetting | None = Field(
        None, description="Days between two dates of this sensor's series, or month, or dekad; null: time_series.step."
    )
    filler: FillerName | None = Field(None, description="How gaps of this sensor are filled; null: time_series.filler.")
    smoothness: float | None = Field(None, gt=0, description="Of an own filler whittaker; null: 10.")
    window: int | None = Field(None, ge=3, description="Of an own filler savitzky_golay; null: 5.")
    degree: int | None = Field(None, ge=0, description="Of an own filler savitzky_golay; null: 2.")
    indices: Indices | None = Field(None, description="Spectral indices of this sensor; null: features.indices.")
    series: SeriesKept | None = Field(None, description="Which series of this sensor are features; null: features.series.")
    relative: bool | None = Field(None, description="Whether its bands are relative to red; null: features.relative.")
    statistics: Statistics | None = Field(
        None, description="Statistics over time of this sensor's bands and indices; null: features.statistics."
    )

    @model_validator(mode="after")
    def _of_one_filler(self) -> Self:
        _refuse_keys_of_other_fillers(self.filler, smoothness=self.smoothness, window=self.window, degree=self.degree)
        if self.filler == "none" and self.step is not None:
            raise ValueError("has step, which the filler none doesn't use: dates are those of acquisitions; leave it out")
        if self.relative and self.series not in (None, "all"):
            raise ValueError(f"has relative, which is of bands, and series: {self.series} leaves them out; drop one of them")
        return self

    def over(self, section: _ForAll) -> _ForAll:
        """A section for all sensors, with what this one has of its own."""
        own = {name: getattr(self, name) for name in SeriesSettings.model_fields if name in type(section).model_fields}
        replaced = {name for name, value in own.items() if value is not None}
        if self.filler is not None:
            replaced |= own.keys() & set(_OF_A_FILLER)
        return section.model_copy(update={name: own[name] for name in replaced})


def _function(value: object) -> object:
    """A name alone stands for a function without parameters."""
    return {"name": value} if isinstance(value, str) else value


class FunctionSettings(Section):
    """A function of the user's module."""

    name: str = Field(description="Its name in the module.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="What it is called with, by name.")


class CustomSettings(Section):
    """Features of the user's own functions, appended after all others; docs/custom_features.md has the contract."""

    module: FilePath = Field(description="Python file that holds the functions; its text is part of the run's keys.")
    functions: Annotated[tuple[Annotated[FunctionSettings, BeforeValidator(_function)], ...], Field(min_length=1)] = Field(
        description="Names of functions, or sections: name, parameters (given to the function by their names)."
    )
    padding: int = Field(
        0, ge=0, le=64, description="Pixels around its own that a feature may depend on; 0: each pixel stands for itself."
    )
    contract: Literal["sitspark", "iota2"] = Field(
        "sitspark", description="How functions are called: with a patch, or as iota2's external features are, with self."
    )
