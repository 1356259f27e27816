"""The settings of a run: every key typed, with unit and default."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pyproj
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sitspark.kernels.temporal import is_statistic
from sitspark.location import Location


def _resolved(value: object, info: ValidationInfo) -> object:
    """A path of the settings file, relative to the folder that the file lies in."""
    if not isinstance(value, str | Path):
        return value
    base = (info.context or {}).get("folder", Path.cwd())
    return (base / Path(value).expanduser()).resolve()


def _without_repetition(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    twice = sorted({name for name in names or () if (names or ()).count(name) > 1})
    if twice:
        raise ValueError(f"should name {', '.join(twice)} once")
    return names


def _with_no_data(classes: tuple[int, ...]) -> tuple[int, ...]:
    """Sen2Cor's classes 0 to 11; a pixel without data, or with broken ones, can't be used whatever is asked for."""
    if not all(0 <= code <= 11 for code in classes):
        raise ValueError("should hold classes of Sen2Cor's scene classification, 0 to 11")
    return tuple(sorted({0, 1, *classes}))


def _canonical_crs(crs: str | None) -> str | None:
    """The EPSG code, the one that Sedona knows, in its usual spelling, so that equal CRSs are equal texts."""
    if crs is None:
        return None
    try:
        found = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise ValueError("should be a known CRS, as EPSG:2154") from None
    code = found.to_epsg()
    if code is None or not found.is_projected:
        raise ValueError("should be a projected CRS with an EPSG code, in metres, as EPSG:2154")
    return f"EPSG:{code}"


FilePath = Annotated[Path, BeforeValidator(_resolved)]


def _located(value: object, info: ValidationInfo) -> object:
    """A path of the settings file, or a URL."""
    if isinstance(value, Location) or not isinstance(value, str | Path):
        return value
    return Location.of(value) if "://" in str(value) else Location(str(_resolved(value, info)))


PathOrUrl = Annotated[Location, BeforeValidator(_located), PlainSerializer(str)]


def _layer(value: object) -> object:
    """A file alone stands for a section that names it."""
    return {"file": value} if isinstance(value, str | Path | Location) else value


def _path_or_rectangle(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    numbers = isinstance(value, list | tuple) and len(value) == 4 and all(isinstance(v, int | float) for v in value)
    if value is None or numbers or isinstance(value, str | Path):
        return value
    raise ValueError("should be a file of polygons, or [left, bottom, right, top] in degrees of longitude and latitude")


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


def _statistics(statistics: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for series, names in statistics.items():
        unknown = [name for name in names if not is_statistic(name)]
        if unknown or not names:
            raise ValueError(
                f"has {', '.join(unknown) or 'nothing'} for {series}; choose of mean, std, min, max, amplitude, q0 to q100 "
                "(quantiles, in per cent), harmonic1 to harmonic9"
            )
        _without_repetition(names)
    return statistics


Statistics = Annotated[
    dict[str, tuple[str, ...]], BeforeValidator(_in_one_mapping), AfterValidator(_statistics), PlainSerializer(_listed)
]

RATIO = 0.75  # of the polygons of a class, for training


def _step(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    if value in ("month", "dekad") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"should be a number of days from 1 on, month or dekad, not {value!r}")


StepSetting = Annotated[int | Literal["month", "dekad"], BeforeValidator(_step)]

# where a band is: a name, or its number in the file
BandPlace = str | Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A block of settings: immutable, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, value: object) -> object:
        return {} if value is None else value


class MaskSettings(Section):
    """Which values of a mask exclude a pixel: `invalid`, all but `valid`, or any of some `bits`."""

    file: BandPlace = Field(description="What stands for {band}, asset of a STAC item, or number of the band in its file.")
    invalid: tuple[int, ...] | None = Field(None, description="Values that exclude a pixel.")
    valid: tuple[int, ...] | None = Field(None, description="The only values that don't.")
    bits: tuple[Annotated[int, Field(ge=0, le=31)], ...] | None = Field(
        None, description="Numbers of bits, 0 the lowest, any of which excludes a pixel."
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if sum(rule is not None for rule in (self.invalid, self.valid, self.bits)) != 1:
            raise ValueError("should have one of invalid, valid and bits")
        if any(not 0 <= value <= 65535 for value in (*(self.invalid or ()), *(self.valid or ()))):
            raise ValueError("should name values from 0 to 65535")
        return self


class DescriptionSettings(Section):
    """What the files of the layouts `pattern` and `stac` hold."""

    sensor: str = Field("own", description="Name of the sensor in the tables.")
    bands: dict[str, BandPlace] = Field(
        default_factory=dict,
        description="For each band what stands for {band}, asset or common name in a STAC item, or its number in the file.",
    )
    masks: dict[str, MaskSettings] = Field(
        default_factory=dict, description="For each mask its `file`, as of a band, and one of `invalid`, `valid`, `bits`."
    )
    scale: float | None = Field(
        None, gt=0, description="Reflectance = scale x stored + offset; null: as a STAC item says, else 0.0001."
    )
    offset: float | None = Field(None, description="See scale; null: as a STAC item says, else 0.")
    nodata: float | None = Field(None, description="Stored value without data; null: what the STAC item or the file says.")
    day: BandPlace | None = Field(
        None,
        description="File, as of a band, that says on which day of the year each pixel was acquired, as composites have it: "
        "1 to 366, of the year that brings it nearest to the product's date; anything else: no data. null: all pixels are of "
        "the product's date.",
    )
    red: str | None = Field(None, description="Band of NDVI.")
    nir: str | None = Field(None, description="Band of NDVI and NDWI.")
    swir: str | None = Field(None, description="Band of NDWI.")

    @model_validator(mode="after")
    def _index_bands_are_bands(self) -> Self:
        for name in ("red", "nir", "swir"):
            band = getattr(self, name)
            if band is not None and band not in self.bands:
                raise ValueError(f"has {name}: {band}, which is none of its bands ({', '.join(self.bands)})")
        both = sorted(set(self.bands) & set(self.masks))
        if both:
            raise ValueError(f"calls {', '.join(both)} a band and a mask; choose two names")
        if self.day is not None and "day" in {*self.bands, *self.masks}:
            raise ValueError("has a band or mask named day beside the day of acquisition; choose another name for it")
        return self


class ScenesSettings(Section):
    """Which imagery is read."""

    folder: PathOrUrl = Field(
        description="Folder of the archive: <folder>/<tile>/<product> or <folder>/<product>; a path, or s3://, gs://, az://. "
        "For stac: a catalogue, an item collection or the address of an API."
    )
    layout: Literal["theia_l2a", "theia_l3a", "sen2cor_l2a", "landsat_c2_l2", "landsat_c1_l1", "stac", "pattern"] = Field(
        "theia_l2a", description="How the products are laid out."
    )
    pattern: str | None = Field(
        None, description='For pattern: paths below the folder, as "{tile}/{date:%Y%m%d}/{band}.tif"; * stands for anything.'
    )
    collections: tuple[str, ...] = Field((), description="For stac: collections to read or to search in; empty: all.")
    description: DescriptionSettings = DescriptionSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    tiles: tuple[str, ...] = Field((), description='Tiles to use, as 31TCJ or "013032" (a number in quotes); empty: all.')
    start: date | None = Field(None, description="First acquisition date to use (YYYY-MM-DD); null: the earliest.")
    end: date | None = Field(None, description="Last acquisition date to use (YYYY-MM-DD); null: the latest.")
    bands: Annotated[tuple[str, ...], AfterValidator(_without_repetition)] = Field(
        (), description="Bands to read, in this order; empty: all bands of the layout."
    )
    step: StepSetting | None = Field(
        None, description="Days between two dates of this sensor's series, or month, or dekad; null: time_series.step."
    )
    indices: Indices | None = Field(None, description="Spectral indices of this sensor; null: features.indices.")
    reflectance: Literal["FRE", "SRE"] = Field("FRE", description="Theia only: flat (slope-corrected) or surface reflectance.")
    invalid_scl: Annotated[tuple[int, ...], AfterValidator(_with_no_data)] = Field(
        (0, 1, 3, 8, 9, 10),
        description="Sen2Cor only: scene classes that exclude a pixel; 0 (no data) and 1 (saturated) always do.",
    )
    max_cloud_cover: float = Field(
        100, ge=0, le=100, description="Per cent of clouds, by a product's own metadata, beyond which it is left out."
    )
    exclude: tuple[str, ...] = Field((), description="Names of products to leave out.")
    on_problem: Literal["fail", "skip"] = Field(
        "skip", description="A product that can't be used stops the run, or is left out and listed with the reason."
    )
    max_left_out: float = Field(
        0.1, ge=0, le=1, description="Largest share of products that may be left out; beyond it the run stops."
    )

    @model_validator(mode="after")
    def _described_where_it_must_be(self) -> Self:
        if (self.layout == "pattern") != (self.pattern is not None):
            raise ValueError("scenes.pattern goes with scenes.layout: pattern, and that with it")
        own = self.layout in ("pattern", "stac")
        if own and not self.description.bands:
            raise ValueError(f"scenes.description.bands is missing; layout {self.layout} needs to know what its bands are")
        if not own and self.description != DescriptionSettings():  # type: ignore[call-arg]
            raise ValueError(f"scenes.description says what files of pattern and stac hold, {self.layout} knows its own")
        return self


class GridSettings(Section):
    """The output grid, and the windows in which it is worked through."""

    crs: Annotated[str | None, AfterValidator(_canonical_crs)] = Field(
        None, description="CRS of the map, as EPSG:2154; null: that of the imagery."
    )
    resolution: float | None = Field(None, gt=0, description="Pixel size in units of the CRS; null: the finest band's.")
    region: Annotated[FilePath | tuple[float, float, float, float] | None, BeforeValidator(_path_or_rectangle)] = Field(
        None,
        description="What is read and mapped: a file of polygons, or [left, bottom, right, top] in degrees; null: all imagery.",
    )
    interpolator: Literal["nearest", "bilinear", "cubic"] = Field(
        "cubic", description="How reflectances are brought to the grid; masks are always nearest."
    )
    overlap: Literal["owner", "merge"] = Field(
        "owner",
        description="Where tiles overlap: the series of the tile that owns the ground, or all acquisitions of all tiles.",
    )
    overlap_margin: float = Field(
        600, ge=0, description="Metres at a tile's right and bottom edge left to its neighbour (iota2: 600)."
    )
    chunk_size: int | None = Field(
        None,
        ge=16,
        description="Side of a chunk, pixels; null: whole blocks or strips of the files, about 512 x 512 pixels, less where "
        "spark.worker_memory would be exceeded. The map doesn't depend on it.",
    )


class TimeSettings(Section):
    """The regular dates for which the series have values, and how these come from the acquisitions."""

    start: date | None = Field(None, description="First date (YYYY-MM-DD); null: each sensor's earliest acquisition.")
    end: date | None = Field(None, description="Last date (YYYY-MM-DD); null: each sensor's latest.")
    step: StepSetting = Field(
        10, description="Days between two dates; month, dekad: dates are the beginnings of months, or of their thirds."
    )
    filler: Literal["linear", "nearest", "median", "whittaker", "savitzky_golay", "none"] = Field(
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
        for key, of in (("smoothness", "whittaker"), ("window", "savitzky_golay"), ("degree", "savitzky_golay")):
            if getattr(self, key) is not None and self.filler != of:
                raise ValueError(f"has {key}, which isn't of the filler {self.filler}; leave it out")
        window, degree = self.window or 5, 2 if self.degree is None else self.degree
        if window % 2 == 0 or degree >= window:
            raise ValueError(f"has a window of {window} and degree {degree}; the window is odd and larger than the degree")
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

    series: Literal["all", "indices", "none"] = Field(
        "all",
        description="Which series are features, date by date: bands and indices, indices alone, or none (then statistics, "
        "static layers and custom_features are all there is).",
    )
    relative: bool = Field(
        False, description="Whether bands are 1000 (band - red) / (band + red), red as it is (iota2's rel_refl)."
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


class ClassesSettings(Section):
    """The nomenclature."""

    nomenclature: FilePath = Field(
        description="Text file, 'class name:code' a line (iota2's form); or .csv, 'code,name,red,green,blue' or "
        "'code,name,#rrggbb' a line."
    )
    colours: FilePath | None = Field(
        None,
        description="Text file, 'code red green blue' a line, or a colour map exported by QGIS; null: those of a .csv.",
    )


class GroundTruthSettings(Section):
    """The labelled polygons, and how they are split."""

    file: FilePath = Field(description="Shapefile, GeoPackage, GeoJSON or GeoParquet of labelled polygons or points.")
    label_field: str = Field(description="Field that holds the class code (integer).")
    id_field: str | None = Field(None, description="Field that identifies a feature; null: its number in the file.")
    point_buffer: float = Field(
        0, ge=0, description="Metres around a labelled point that take its label; 0: the one pixel it lies in."
    )
    overlap_tolerance: float = Field(
        1, ge=0, description="Pixels that two polygons of different labels may share before `overlaps` decides."
    )
    overlaps: Literal["drop", "keep-first", "keep-larger"] = Field(
        "drop",
        description="Of two polygons of different labels that overlap both are rejected, or the later one, or the smaller.",
    )
    ratio: float = Field(
        RATIO, gt=0, lt=1, description="Share of the polygons (or blocks) of each class for training; the rest is set aside."
    )
    split_unit: Literal["polygon", "piece", "block", "distance", "column"] = Field(
        "polygon",
        description="What goes to one side as a whole: polygons, their pieces tile by tile (iota2), or blocks of block_size; "
        "distance: polygons, and none is set aside for validation closer than that to a training polygon; column: as "
        "split_field says.",
    )
    block_size: float | None = Field(
        None, gt=0, description="For split_unit: block and folds: block: side of a block, kilometres."
    )
    distance: float | None = Field(
        None,
        gt=0,
        description="For split_unit: distance: metres; what would be set aside closer to a training polygon is not used.",
    )
    split_field: str | None = Field(
        None,
        description="For split_unit: column: field that says train, validation or test; test is measured on its own.",
    )
    regions: FilePath | None = Field(
        None, description="File of polygons of regions: the split is drawn in each of them; null: over the whole area."
    )
    region_field: str | None = Field(None, description="Field that holds a region's name.")
    folds: Literal["tile", "region", "block", "random"] = Field(
        "tile",
        description="What cross-validate leaves out in turn: tiles, regions, groups of blocks, or polygons at random.",
    )
    fold_count: int | None = Field(None, ge=2, description="For folds: block and folds: random: how many folds.")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        """Each key goes with the choices that use it, and they with it."""
        unit, folds = self.split_unit, self.folds
        for key, wanted, where in (
            ("block_size", "block" in (unit, folds), "split_unit: block or folds: block"),
            ("distance", unit == "distance", "split_unit: distance"),
            ("split_field", unit == "column", "split_unit: column"),
            ("fold_count", folds in ("block", "random"), "folds: block or folds: random"),
        ):
            if wanted and getattr(self, key) is None:
                chosen = next(f"{k}: {v}" for k, v in (("split_unit", unit), ("folds", folds)) if f"{k}: {v}" in where)
                raise ValueError(f"has {chosen} without {key}; add ground_truth.{key}")
            if not wanted and getattr(self, key) is not None:
                raise ValueError(f"has {key}, which would be ignored; it goes with {where}")
        if (self.regions is None) != (self.region_field is None):
            there, absent = ("regions", "region_field") if self.regions else ("region_field", "regions")
            raise ValueError(f"has {there} without {absent}; add ground_truth.{absent}")
        if folds == "region" and self.regions is None:
            raise ValueError("has folds: region without regions; add ground_truth.regions and ground_truth.region_field")
        if unit == "column":
            if self.ratio != RATIO:
                raise ValueError("has ratio, which would be ignored; with split_unit: column split_field says it all")
            if self.regions is not None and folds != "region":
                raise ValueError("has regions, which would be ignored; with split_unit: column they go with folds: region")
        return self


def _one_or_more(value: object) -> object:
    """A column alone stands for a list of it."""
    return [value] if isinstance(value, str) else value


def _columns(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    if value == "all" or isinstance(value, list | tuple):
        return value
    raise ValueError("should be a list of columns, or all")


class ObservationsSettings(Section):
    """A table of labelled series, or of samples with their features, from which a run starts instead of imagery."""

    file: FilePath = Field(description="Parquet file (.parquet, .geoparquet), or .csv with a line of headings.")
    sensor: str = Field("own", description="Name of the sensor in the tables.")
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
    lon: str | None = Field(None, description="Column of longitude, degrees; null: places are unknown.")
    lat: str | None = Field(None, description="Column of latitude, degrees.")
    bands: dict[str, str] = Field(
        default_factory=dict, description="For each band, by the name that it shall have, its column."
    )
    static: Annotated[tuple[str, ...] | Literal["all"], BeforeValidator(_columns)] = Field(
        (),
        description="Columns of numbers that a sample has one of, as elevation or ready-made features: they are features of "
        "these names; all: all numbers that no other key names.",
    )
    red: str | None = Field(None, description="Band of NDVI.")
    nir: str | None = Field(None, description="Band of NDVI and NDWI.")
    swir: str | None = Field(None, description="Band of NDWI.")
    scale: float = Field(0.0001, gt=0, description="Reflectance = scale x stored + offset.")
    offset: float = Field(0, description="See scale.")
    nodata: float | None = Field(None, description="Stored value without data, beside empty cells; null: only those.")

    @model_validator(mode="after")
    def _series_have_dates(self) -> Self:
        if (self.date is None) != (not self.bands):
            there, absent = ("bands", "date") if self.bands else ("date", "bands")
            raise ValueError(f"has {there} without {absent}; add observations.{absent}")
        if self.date is not None and not self.sample:
            raise ValueError("has date without sample; add observations.sample, the column that tells samples apart")
        if self.date is None and not self.static:
            raise ValueError("has neither bands nor static, so that there is nothing to learn from; name columns of them")
        series = [key for key in ("sensor", "scale", "offset") if key in self.model_fields_set]
        if series and self.date is None:
            raise ValueError(f"has {', '.join(series)}, which would be ignored without bands; leave it out")
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        for name in ("red", "nir", "swir"):
            band = getattr(self, name)
            if band is not None and band not in self.bands:
                raise ValueError(f"has {name}: {band}, which is none of its bands ({', '.join(self.bands)})")
        if self.fold is not None and self.fold_count is not None:
            raise ValueError("has fold_count, which would be ignored; the column fold says what is left out")
        if (self.lon is None) != (self.lat is None):
            there, absent = ("lon", "lat") if self.lon else ("lat", "lon")
            raise ValueError(f"has {there} without {absent}; add observations.{absent}")
        return self


Count = Annotated[int, Field(ge=0)]


def _path_or_counts(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    if isinstance(value, dict):
        for name, count in value.items():
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                raise ValueError(f"should have whole numbers from 0 on, and has {count!r} for {name}")
    if value is None or isinstance(value, dict | str | Path):
        return value
    raise ValueError("should be a CSV file, or a mapping of classes to numbers of pixels")


class AugmentationSettings(Section):
    """Samples made from others for rare classes, after OTB's SampleAugmentation; of training samples alone."""

    method: Literal["replicate", "jitter", "smote"] = Field(
        description="Copies; copies with noise; or places between a sample and one of its nearest neighbours (SMOTE)."
    )
    strategy: Literal["balance", "minimum", "byclass"] = Field(
        "balance", description="Each class gets as many as the largest has; at least `minimum`; at least by_class."
    )
    minimum: int | None = Field(None, ge=1, description="Strategy minimum: training samples that each class has at least.")
    by_class: Annotated[dict[int | str, Count] | FilePath | None, BeforeValidator(_path_or_counts)] = Field(
        None, description="Strategy byclass: training samples at least, by code or name, or a CSV file of lines 'class,count'."
    )
    std_factor: float = Field(
        10, gt=0, description="Method jitter: noise of a feature is its standard deviation in the class, divided by this."
    )
    neighbours: int = Field(5, ge=1, description="Method smote: nearest samples of the class that a new one may lie towards.")

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        for key, of, chosen in (
            ("minimum", "minimum", self.strategy),
            ("by_class", "byclass", self.strategy),
            ("std_factor", "jitter", self.method),
            ("neighbours", "smote", self.method),
        ):
            if of != chosen and key in self.model_fields_set and getattr(self, key) is not None:
                raise ValueError(f"has {key}, which isn't of {chosen}; leave it out")
        for key, of in (("minimum", "minimum"), ("by_class", "byclass")):
            if self.strategy == of and getattr(self, key) is None:
                raise ValueError(f"has the strategy {of}, which needs {key}")
        return self


class QualitySettings(Section):
    """How well each sample agrees with its class, in the table quality."""

    neighbours: int = Field(
        5, ge=1, description="Nearest polygons of each class that a sample is compared with; its own is never one of them."
    )
    max_score: float | None = Field(
        None,
        gt=0,
        description="Training samples with a greater score are not learnt from; above 1 a sample is nearer to another class "
        "than to its own; null: none is dropped, the table informs. Samples that are set aside are never dropped.",
    )


class SamplesSettings(Section):
    """Which labelled pixels become samples, after OTB's SampleSelection; the set aside is chosen by the same rule."""

    sampler: Literal["periodic", "random"] = Field(
        "periodic", description="Evenly spread in (tile, row, column) order, or at random."
    )
    jitter: int = Field(0, ge=0, description="Positions by which the periodic sampler strays at most, within its period.")
    strategy: Literal["constant", "all", "percent", "total", "smallest", "byclass"] = Field(
        "constant",
        description="How many pixels of a class are taken, over all tiles: per_class of each; all; percent of each; total, in "
        "proportion; as many as the smallest class has; by_class.",
    )
    per_class: int | None = Field(
        100_000, ge=1, description="Strategy constant: at most so many training pixels a class, as many set aside; null: all."
    )
    percent: float | None = Field(None, gt=0, le=100, description="Strategy percent: per cent of the pixels of each class.")
    total: int | None = Field(None, ge=1, description="Strategy total: pixels of all classes together, of each set.")
    by_class: Annotated[dict[int | str, Count] | FilePath | None, BeforeValidator(_path_or_counts)] = Field(
        None, description="Strategy byclass: pixels of each class by code or name, or a CSV file of lines 'class,count'."
    )
    per_polygon: int | None = Field(
        None, ge=1, description="At most so many pixels of a polygon, at random, before classes are counted; null: all."
    )
    touched: bool = Field(
        False, description="Whether a pixel is a polygon's when any part of it lies inside; false: when its centre does."
    )
    shrink: float = Field(
        0, ge=0, description="Metres by which polygons are made smaller first; points are not, unless point_buffer widens them."
    )
    min_clear_dates: int = Field(
        1,
        ge=1,
        description="Usable acquisitions, of all sensors together, that a pixel needs to be chosen (iota2's cloud_threshold).",
    )
    augmentation: AugmentationSettings | None = Field(
        None, description="Samples made from others, so that rare classes count; null: none."
    )
    quality: QualitySettings | None = Field(
        None, description="Scores that tell probable wrong labels, in the table quality and the report; null: none."
    )

    @model_validator(mode="after")
    def _numbers_are_those_of_the_strategy(self) -> Self:
        own = {"constant": "per_class", "percent": "percent", "total": "total", "byclass": "by_class"}
        needed = own.get(self.strategy)
        if needed not in (None, "per_class") and getattr(self, needed) is None:
            raise ValueError(f"has the strategy {self.strategy}, which needs {needed}")
        for name in own.values():
            if name != needed and name in self.model_fields_set and getattr(self, name) is not None:
                raise ValueError(f"has {name}, which isn't of the strategy {self.strategy}; leave it out, or set it to null")
        if self.jitter and self.sampler != "periodic":
            raise ValueError("has jitter, which is of the sampler periodic; leave it out, or set it to 0")
        return self


class TrainingSettings(Section):
    """The network and the training loop."""

    network: Literal["mlp"] = Field("mlp", description="Network of the bank: mlp (n/2, 3k, 3k, k; iota2's).")
    epochs: int = Field(100, ge=1, description="Passes over the training samples.")
    batch_size: int = Field(1024, ge=1, description="Samples a step, over all processes together.")
    learning_rate: float = Field(1e-3, gt=0, description="Step size of Adam.")
    criterion: Literal["loss", "oa", "kappa", "fscore"] = Field(
        "fscore", description="The epoch that is best by this figure on the monitored samples is kept."
    )
    monitor_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the training polygons of each class that only choose the epoch."
    )
    balance: Annotated[tuple[Literal["class", "polygon"], ...], AfterValidator(_without_repetition)] = Field(
        (),
        description="What weighs the same in the loss however many samples it has: classes, the polygons of a class, or both; "
        "[]: samples.",
    )
    processes: int = Field(1, ge=1, description="Processes that share each batch (TorchDistributor).")
    threads: int = Field(1, ge=1, description="Threads a process; small networks lose by more than one on a busy machine.")


class TableSettings(Section):
    """How the tables of the run are kept. Those with geometry are GeoParquet always, which Delta has no type for."""

    format: Literal["parquet", "delta"] = Field(
        "parquet",
        description="Of tables without geometry: parquet, replaced by every run of a stage; delta, where every run of a stage "
        "adds a version (DESCRIBE HISTORY, VERSION AS OF).",
    )


_SECRET = re.compile(r"secret|password|token|access[.]?key", re.IGNORECASE)  # spark.redaction.regex


def _property(value: object) -> object:
    """A Spark property as text: YAML reads 8 as a number and true as a boolean."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _size(size: ByteSize) -> str:
    return f"{size / 1e9:g} GB"


class SparkSettings(Section):
    """The session. Under spark-submit master and memory are its own; a session that exists already is used as it is."""

    master: str = Field("local[*]", description="Where to run when no session exists yet: local[*], spark://host:7077.")
    driver_memory: str = Field("3g", description="Heap of the driver (in local mode: of everything).")
    worker_memory: Annotated[ByteSize, PlainSerializer(_size)] = Field(
        ByteSize(6_000_000_000),
        description="Memory of one Python worker (a core has one), as 4 GB: chunks are sized so that reading stays below it.",
    )
    config: dict[str, Annotated[str, BeforeValidator(_property)]] = Field(
        default_factory=dict, description="Any Spark property of a new session, over that of spark-submit."
    )

    @field_serializer("config")
    def _without_secrets(self, config: dict[str, str]) -> dict[str, str]:
        """Settings are written to run.json and the report: what Spark itself would hide in its logs isn't."""
        return {key: "*****" if _SECRET.search(key) else value for key, value in config.items()}


_OF_ANY_SAMPLE = ("min_clear_dates", "augmentation", "quality")  # keys of samples that choose no pixels


class Settings(Section):
    """All settings of a run."""

    output: FilePath = Field(description="Folder of the run: tables, models, maps, accuracy, report.")
    delivery: PathOrUrl | None = Field(
        None,
        description="Where map, models, accuracy and report are copied at the end, to be read by others: a folder, or s3://, "
        "gs://, az://; null: nowhere.",
    )
    seed: int = Field(0, ge=0, description="All that is random follows from this and from stable identifiers.")
    observations: ObservationsSettings | None = Field(
        None, description="A table of samples to start from; null: from imagery, which `scenes` and `ground_truth` describe."
    )
    scenes: ScenesSettings | None = Field(None, validate_default=True, description="Which imagery is read.")
    other_sensors: tuple[ScenesSettings, ...] = Field(
        (),
        description="Archives of further sensors, each with keys as those of scenes: their series are read where they cover "
        "the tiles of scenes, and give features of their own; what one of the sensors never sees is not mapped.",
    )
    grid: GridSettings = GridSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    time_series: TimeSettings = TimeSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    features: FeaturesSettings = FeaturesSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    custom_features: CustomSettings | None = Field(None, description="Features of your own functions; null: none.")
    classes: ClassesSettings
    ground_truth: GroundTruthSettings | None = Field(
        None, validate_default=True, description="The labelled polygons, and how they are split."
    )
    samples: SamplesSettings = SamplesSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    training: TrainingSettings = TrainingSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    tables: TableSettings = TableSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    spark: SparkSettings = SparkSettings()  # type: ignore[call-arg]  # mypy sees no default in Field(x)

    @field_validator("scenes", "ground_truth")
    @classmethod
    def _imagery_unless_a_table(cls, value: Section | None, info: ValidationInfo) -> Section | None:
        # a faulty section of observations is absent here, and has its own sentence
        without_table = "observations" in info.data and info.data["observations"] is None
        if value is None and without_table:
            raise PydanticCustomError("missing", "Field required")
        return value

    @model_validator(mode="after")
    def _nothing_is_ignored_beside_a_table(self) -> Self:
        if self.observations is None:
            return self
        custom, samples = self.custom_features, self.samples
        of_pixels = (
            f"samples.{name}"
            for name, field in SamplesSettings.model_fields.items()
            if name not in _OF_ANY_SAMPLE and getattr(samples, name) != field.get_default(call_default_factory=True)
        )
        ignored = {
            "scenes": self.scenes is not None,
            "other_sensors": bool(self.other_sensors),
            "ground_truth": self.ground_truth is not None,
            "grid": self.grid != GridSettings(),  # type: ignore[call-arg]
            "features.static": bool(self.features.static),
            "custom_features.padding": custom is not None and custom.padding > 0,
            **dict.fromkeys(of_pixels, True),
        }
        if not self.observations.bands:
            ignored |= {
                "time_series": self.time_series != TimeSettings(),  # type: ignore[call-arg]
                "features": self.features != FeaturesSettings(),  # type: ignore[call-arg]
                "samples.min_clear_dates": samples.min_clear_dates > 1,
            }
        found = [key for key, there in ignored.items() if there]
        if found:
            raise ValueError(
                f"has {', '.join(found)}, which would be ignored: a run that starts from a table reads no "
                "imagery and takes all samples as the table has them; leave it out, or leave out observations"
            )
        return self

    @model_validator(mode="after")
    def _periods_are_ordered(self) -> Self:
        numbered = {f"other_sensors.{i}": archive for i, archive in enumerate(self.other_sensors)}
        leading = {"scenes": self.scenes} if self.scenes else {}
        sections: dict[str, ScenesSettings | TimeSettings] = {**leading, **numbered, "time_series": self.time_series}
        for name, section in sections.items():
            if section.start and section.end and section.end < section.start:
                raise ValueError(f"{name}.end ({section.end}) lies before {name}.start ({section.start})")
        return self

    @model_validator(mode="after")
    def _edges_are_those_of_polygons(self) -> Self:
        if self.samples.shrink and self.ground_truth is not None and self.ground_truth.split_unit == "piece":
            raise ValueError(
                "samples.shrink would take the edges of tiles, along which ground_truth.split_unit piece cuts, for those of "
                "polygons; leave one of them out"
            )
        return self

    @property
    def archives(self) -> tuple[ScenesSettings, ...]:
        """The archives of all sensors, first that whose tiles divide the map; none where a run starts from a table."""
        return () if self.scenes is None else (self.scenes, *self.other_sensors)
