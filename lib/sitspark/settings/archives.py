"""The archives of imagery."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sitspark.settings.features import SeriesSettings
from sitspark.settings.section import PathOrUrl, Section, require_among, without_repetition


def _with_no_data(classes: tuple[int, ...]) -> tuple[int, ...]:
    """Sen2Cor's classes 0 to 11; a pixel without data, or with broken ones, can't be used whatever is asked for."""
    if not all(0 <= code <= 11 for code in classes):
        raise ValueError("should hold classes of Sen2Cor's scene classification, 0 to 11")
    return tuple(sorted({0, 1, *classes}))


# where a band is: a name, or its number in the file
BandPlace = str | Annotated[int, Field(ge=1)]


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
        require_among(self.bands, red=self.red, nir=self.nir, swir=self.swir)
        both = sorted(set(self.bands) & set(self.masks))
        if both:
            raise ValueError(f"calls {', '.join(both)} a band and a mask; choose two names")
        if self.day is not None and "day" in {*self.bands, *self.masks}:
            raise ValueError("has a band or mask named day beside the day of acquisition; choose another name for it")
        return self


class ArchiveSettings(Section):
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
    bands: Annotated[tuple[str, ...], AfterValidator(without_repetition)] = Field(
        (), description="Bands to read, in this order; empty: all bands of the layout."
    )
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
        "skip",
        description="A product that can't be used stops the run, or is left out and listed with the reason. Damage that only "
        "decoding finds stops it always (`check --deep` finds it before).",
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


class ScenesSettings(SeriesSettings, ArchiveSettings):
    """Which imagery of a sensor is read, and what is made of it."""
