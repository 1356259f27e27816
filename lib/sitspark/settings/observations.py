"""A table of series or features, from which a run may start instead of imagery."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sitspark.settings.features import SeriesSettings
from sitspark.settings.ground_truth import RATIO
from sitspark.settings.section import FilePath, Section, require_among


def _one_or_more(value: object) -> object:
    """A column alone stands for a list of it."""
    return [value] if isinstance(value, str) else value


def _columns(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    if value == "all" or isinstance(value, list | tuple):
        return value
    raise ValueError("should be a list of columns, or all")


class RowsSettings(Section):
    """What a row of a table is."""

    file: FilePath = Field(description="Parquet file (.parquet, .geoparquet), or .csv with a line of headings.")
    sample: Annotated[tuple[str, ...], BeforeValidator(_one_or_more)] = Field(
        (),
        description="Column, or columns, that tell samples apart; a sample's `sample_id` is xxhash64 of the text. []: of its "
        "row's number, from 0 on, where there is no date.",
    )
    date: str | None = Field(
        None,
        description="Column of the date of acquisition: a date, a time, or a text that begins YYYY-MM-DD; a row is a sample on "
        "a date. null: a row is a sample, and `static` are its features.",
    )
    label: str = Field(description="Column of the class: its code or its name, or a value that `labels` translates.")
    labels: dict[str, int | str] = Field(
        default_factory=dict,
        description="Class (code or name) of each value of the label column, as {1101060000: maize}; samples of other values "
        "are left out and counted. Empty: the column holds codes or names.",
    )
    polygon: str | None = Field(
        None, description="Column of what goes, class by class, to one side of the split as a whole; null: each sample alone."
    )
    ratio: float = Field(
        RATIO, gt=0, lt=1, description="Share of the polygons of each class for training; the rest is set aside."
    )
    fold: str | None = Field(None, description="Column of what cross-validate leaves out in turn, as tiles.")
    fold_count: int | None = Field(None, ge=2, description="Without a column: cross-validate leaves so many random parts out.")
    weight: str | None = Field(
        None, description="Column of numbers from 0 on: what a sample weighs in training; null: all weigh the same."
    )
    lon: str | None = Field(None, description="Column of longitude, degrees; null: places are unknown.")
    lat: str | None = Field(None, description="Column of latitude, degrees.")
    static: Annotated[tuple[str, ...] | Literal["all"], BeforeValidator(_columns)] = Field(
        (),
        description="Columns of numbers that a sample has one of, as elevation or ready-made features: they are features of "
        "these names; all: all numbers that no other key names.",
    )


class TableSensorSettings(SeriesSettings):
    """The columns of a sensor in a table, and what is made of its series."""

    sensor: str = Field("own", description="Name of the sensor in the tables.")
    bands: dict[str, str] = Field(
        default_factory=dict, description="For each band, by the name that it shall have, its column."
    )
    red: str | None = Field(None, description="Band of NDVI.")
    nir: str | None = Field(None, description="Band of NDVI and NDWI.")
    swir: str | None = Field(None, description="Band of NDWI.")
    scale: float = Field(0.0001, gt=0, description="Reflectance = scale x stored + offset.")
    offset: float = Field(0, description="See scale.")
    nodata: float | None = Field(None, description="Stored value without data, beside empty cells; null: only those.")

    @model_validator(mode="after")
    def _index_bands_are_bands(self) -> Self:
        require_among(self.bands, red=self.red, nir=self.nir, swir=self.swir)
        return self


_OF_BANDS = ("sensor", "scale", "offset", "other_sensors", *SeriesSettings.model_fields)  # keys that say nothing without bands


class ObservationsSettings(TableSensorSettings, RowsSettings):
    """A table of labelled series, or of samples with their features, from which a run starts instead of imagery."""

    other_sensors: tuple[TableSensorSettings, ...] = Field(
        (),
        description="Further sensors with columns of their own in the table, as Sentinel-1 beside Sentinel-2: sections with "
        "sensor, bands, red, nir, swir, scale, offset, nodata, and what is made of their series, as above. A row is an "
        "acquisition of the sensors of which it has values.",
    )

    @property
    def sensors(self) -> tuple[TableSensorSettings, ...]:
        """All that the table has series of; none of a table of ready-made features."""
        return (self, *self.other_sensors) if self.bands else ()

    @model_validator(mode="after")
    def _series_have_dates(self) -> Self:
        if (self.date is None) != (not self.bands):
            there, absent = ("bands", "date") if self.bands else ("date", "bands")
            raise ValueError(f"has {there} without {absent}; add observations.{absent}")
        if self.date is not None and not self.sample:
            raise ValueError("has date without sample; add observations.sample, the column that tells samples apart")
        if self.date is None and not self.static:
            raise ValueError("has neither bands nor static, so that there is nothing to learn from; name columns of them")
        series = [key for key in _OF_BANDS if key in self.model_fields_set]
        if series and self.date is None:
            raise ValueError(f"has {', '.join(series)}, which would be ignored without bands; leave it out")
        return self

    @model_validator(mode="after")
    def _sensors_are_told_apart(self) -> Self:
        names = [own.sensor for own in self.sensors]
        for number, own in enumerate(self.other_sensors):
            if not own.bands:
                raise ValueError(f"has other_sensors.{number} without bands; name its columns")
            if own.sensor in names[: number + 1]:
                raise ValueError(f"has two sensors named {own.sensor}; say observations.other_sensors.{number}.sensor")
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.fold is not None and self.fold_count is not None:
            raise ValueError("has fold_count, which would be ignored; the column fold says what is left out")
        if (self.lon is None) != (self.lat is None):
            there, absent = ("lon", "lat") if self.lon else ("lat", "lon")
            raise ValueError(f"has {there} without {absent}; add observations.{absent}")
        return self
