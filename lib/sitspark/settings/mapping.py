"""What is written of a map."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sitspark.settings.section import Section, without_repetition

INTEGER_NETWORKS = ("mlp", "ann")  # those of dense layers alone


class SmoothingSettings(Section):
    """Bayesian smoothing: the probabilities of a pixel against those of its neighbours, before a class is chosen."""

    radius: int = Field(
        3, ge=1, le=50, description="Pixels; neighbours weigh by a Gaussian whose standard deviation is half of it."
    )
    smoothness: float = Field(
        10, gt=0, description="Weight of the neighbours' mean: the variance of the logit within a class; larger: smoother."
    )
    by_class: dict[int | str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="Smoothness of some classes, by code or name."
    )


class GroupSettings(Section):
    """Classes that only replace each other."""

    classes: tuple[int | str, ...] = Field(min_length=1, description="Codes or names.")
    radius: int = Field(1, ge=0, le=50, description="Pixels; 0: its pixels stay as they are.")


class RegulariseSettings(Section):
    """Majority filter: a pixel takes the class that is alone the most frequent in the square around it."""

    radius: int = Field(
        1, ge=0, le=50, description="Pixels: 1 is a square of 3 x 3; of classes that are in no group; 0: they stay."
    )
    passes: int = Field(1, ge=1, le=20, description="How often it is done, each time to what came of the time before.")
    groups: tuple[GroupSettings, ...] = Field(
        (), description="Sets of classes that only replace each other, each with a radius of its own; all others are one more."
    )

    @model_validator(mode="after")
    def _something_may_change(self) -> Self:
        if not any((self.radius, *(group.radius for group in self.groups))):
            raise ValueError("has radius 0 for all classes, by which nothing changes; give a radius, or leave it out")
        return self


class UnitSettings(Section):
    """Sieve: connected parts of a class that are too small join the neighbour with the longest common border."""

    hectares: float = Field(0, ge=0, description="The smallest part that stays; 0: all stay, but of by_class.")
    by_class: dict[int | str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="The same of some classes, by code or name."
    )

    @model_validator(mode="after")
    def _something_may_change(self) -> Self:
        if not any((self.hectares, *self.by_class.values())):
            raise ValueError("has 0 hectares for all classes, by which nothing changes; give some, or leave it out")
        return self


class VectorSettings(Section):
    """The map as polygons, one for each connected part of a class."""

    format: Literal["gpkg", "geoparquet"] = Field("gpkg", description="polygons.gpkg or polygons.parquet, beside the map.")
    simplify: float = Field(
        0, ge=0, description="Units of the CRS (metres): borders lose corners up to about that size; 0: the edges of pixels."
    )


class BoundarySettings(Section):
    """Boundary fusion: near the border of regions the models of both draw the map, as iota2 does it."""

    interior: float = Field(
        ge=0, description="Metres inside a region's border, from which on its model weighs 1; towards the border less."
    )
    exterior: float = Field(ge=0, description="Metres outside a region's border, from which on its model weighs 0.")
    epsilon: float = Field(0.001, ge=0, lt=1, description="What a model weighs at least between the two.")

    @model_validator(mode="after")
    def _there_is_a_buffer(self) -> Self:
        if self.exterior == 0:
            raise ValueError("has exterior 0, by which no model reaches beyond its region; give some metres, or leave it out")
        return self


class MapSettings(Section):
    """How the map is drawn, and its rasters beside classes, confidence and validity."""

    precision: Literal["auto", "fp32", "bf16", "int8"] = Field(
        "fp32",
        description="Numbers that networks classify in: fp32; bf16, or int8 of mlp and ann, by which some processors gain; "
        "auto: whichever is the fastest where the map is drawn, so that another machine may choose another one.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto",
        description="What networks classify on; auto: on GPUs where each worker sees one with enough memory; on them a pixel "
        "gets another class than on a processor where two are equally likely.",
    )
    precision_limit: float = Field(
        0.005,
        ge=0,
        le=1,
        description="The share of a sample of the map's pixels that may get another class than in fp32: auto takes nothing "
        "that changes more, bf16 and int8 are refused.",
    )

    products: Annotated[
        tuple[Literal["probability", "entropy", "margin", "agreement", "features", "dissimilarity"], ...],
        AfterValidator(without_repetition),
    ] = Field(
        (),
        description="Further rasters: probability (of every class, a band each), entropy (of the probabilities; 1: all classes "
        "are as likely), margin (between the two highest), agreement (how many models say the class of the map), features "
        "(what the model is given, a band each: large; `sitspark plan` says how large), dissimilarity (to the training "
        "samples; above 1000: outside the area of applicability).",
    )
    probability_scale: Literal[1000, 100] = Field(
        1000,
        description="What a probability, an entropy or a margin of 1 is written as: 1000 (16 bits, as iota2), or 100 (8 bits).",
    )
    combine: Literal["mean", "vote"] = Field(
        "mean",
        description="Where several models draw a pixel: the class of the highest mean probability, or the one that most models "
        "say, of tied ones the more probable.",
    )
    boundary: BoundarySettings | None = Field(
        None, description="With training.model_per region: both models near a border; null: each pixel has its region's."
    )
    per_tile: bool = Field(False, description="Also each raster once a tile, of the ground that the tile owns.")
    smoothing: SmoothingSettings | None = Field(
        None, description="Bayesian smoothing, which needs probability among the products; null: none."
    )
    regularise: RegulariseSettings | None = Field(None, description="Majority filter, after smoothing; null: none.")
    minimum_unit: UnitSettings | None = Field(None, description="Sieve, after the majority filter; null: none.")
    vectors: VectorSettings | None = Field(None, description="The map, after all that is done to it, as polygons; null: none.")

    @model_validator(mode="after")
    def _what_is_smoothed_is_written(self) -> Self:
        if self.smoothing is not None and "probability" not in self.products:
            raise ValueError("has smoothing, which smooths probabilities; add probability to map.products")
        return self
