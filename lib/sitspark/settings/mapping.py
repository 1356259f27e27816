"""What is written of a map."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sitspark.settings.section import Section, without_repetition


class MapSettings(Section):
    """How the map is drawn, and its rasters beside classes, confidence and validity."""

    precision: Literal["auto", "fp32", "bf16", "int8"] = Field(
        "fp32",
        description="Numbers that networks classify in: fp32; bf16 or int8 (mlp and ann alone), by which some processors are "
        "faster; auto: whichever is the fastest on the machine, so that maps of different machines may differ.",
    )
    precision_limit: float = Field(
        0.005,
        ge=0,
        le=1,
        description="The share of a sample of the map's pixels that may get another class than in fp32: auto takes nothing "
        "that changes more, bf16 and int8 are refused.",
    )

    products: Annotated[tuple[Literal["probability", "features"], ...], AfterValidator(without_repetition)] = Field(
        (),
        description="Further rasters: probability (of every class, a band each), features (what the model is given, a band "
        "each: large; `sitspark plan` says how large).",
    )
    probability_scale: Literal[1000, 100] = Field(
        1000, description="What a probability of 1 is written as: 1000 (16 bits, as iota2), or 100 (8 bits)."
    )
    per_tile: bool = Field(False, description="Also each raster once a tile, of the ground that the tile owns.")
