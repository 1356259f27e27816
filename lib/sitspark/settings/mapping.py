"""What is written of a map."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sitspark.settings.section import Section, without_repetition


class MapSettings(Section):
    """The rasters of a map, beside classes, confidence and validity."""

    products: Annotated[tuple[Literal["probability", "features"], ...], AfterValidator(without_repetition)] = Field(
        (),
        description="Further rasters: probability (of every class, a band each), features (what the model is given, a band "
        "each: large; `sitspark plan` says how large).",
    )
    probability_scale: Literal[1000, 100] = Field(
        1000, description="What a probability of 1 is written as: 1000 (16 bits, as iota2), or 100 (8 bits)."
    )
    per_tile: bool = Field(False, description="Also each raster once a tile, of the ground that the tile owns.")
