"""The classes a landscape can have: CESBIO's OSO nomenclature of 17 classes, with its codes and colours."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from sitspark.classes import Colour, LandCoverClass, Nomenclature


class Cover(IntEnum):
    """Land cover by its OSO code."""

    SUMMER_CROP = 11
    WINTER_CROP = 12
    BROAD_LEAVED = 31
    CONIFEROUS = 32
    NATURAL_GRASSLAND = 34
    WOODY_MOORLAND = 36
    CONTINUOUS_URBAN = 41
    DISCONTINUOUS_URBAN = 42
    INDUSTRIAL = 43
    ROAD = 44
    MINERAL = 45
    BEACH = 46
    WATER = 51
    GLACIER = 53
    MEADOW = 211
    ORCHARD = 221
    VINEYARD = 222


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A class, and the earlier class that takes its ground where the landscape does without it."""

    code: Cover
    name: str
    colour: Colour
    stand_in: Cover


# ordered so that the first n make a plausible landscape: farmland first, then woods, water and towns, then rarer covers
CATALOGUE: tuple[CatalogueEntry, ...] = (
    CatalogueEntry(Cover.WINTER_CROP, "winter crop", (255, 255, 127), Cover.WINTER_CROP),
    CatalogueEntry(Cover.SUMMER_CROP, "summer crop", (255, 85, 0), Cover.WINTER_CROP),
    CatalogueEntry(Cover.MEADOW, "intensive grassland", (170, 170, 0), Cover.WINTER_CROP),
    CatalogueEntry(Cover.BROAD_LEAVED, "broad-leaved forest", (0, 156, 0), Cover.MEADOW),
    CatalogueEntry(Cover.WATER, "water", (0, 0, 255), Cover.MEADOW),
    CatalogueEntry(Cover.DISCONTINUOUS_URBAN, "discontinuous urban fabric", (255, 85, 255), Cover.SUMMER_CROP),
    CatalogueEntry(Cover.CONIFEROUS, "coniferous forest", (0, 50, 0), Cover.BROAD_LEAVED),
    CatalogueEntry(Cover.VINEYARD, "vineyard", (85, 0, 0), Cover.SUMMER_CROP),
    CatalogueEntry(Cover.CONTINUOUS_URBAN, "continuous urban fabric", (255, 0, 255), Cover.DISCONTINUOUS_URBAN),
    CatalogueEntry(Cover.INDUSTRIAL, "industrial and commercial units", (255, 170, 255), Cover.CONTINUOUS_URBAN),
    CatalogueEntry(Cover.NATURAL_GRASSLAND, "natural grassland", (170, 255, 0), Cover.MEADOW),
    CatalogueEntry(Cover.ORCHARD, "orchard", (170, 170, 255), Cover.VINEYARD),
    CatalogueEntry(Cover.WOODY_MOORLAND, "woody moorland", (85, 170, 127), Cover.BROAD_LEAVED),
    CatalogueEntry(Cover.ROAD, "road surface", (0, 255, 255), Cover.DISCONTINUOUS_URBAN),
    CatalogueEntry(Cover.MINERAL, "bare rock", (255, 0, 0), Cover.NATURAL_GRASSLAND),
    CatalogueEntry(Cover.BEACH, "beach and dune", (255, 184, 2), Cover.NATURAL_GRASSLAND),
    CatalogueEntry(Cover.GLACIER, "glacier and perpetual snow", (190, 190, 190), Cover.MINERAL),
)


def nomenclature(classes: int) -> Nomenclature:
    """The first `classes` classes of the catalogue, by ascending code."""
    ordered = sorted(CATALOGUE[:classes], key=lambda entry: entry.code)
    return Nomenclature(tuple(LandCoverClass(int(entry.code), entry.name, entry.colour) for entry in ordered))


def stand_ins(classes: int) -> np.ndarray:
    """Lookup (256,) uint8 from every code to the code it has among the first `classes` classes; 0 for other values."""
    lookup = np.zeros(256, np.uint8)
    for position, entry in enumerate(CATALOGUE):
        # a stand-in comes earlier in the catalogue, so its own row is settled
        lookup[entry.code] = entry.code if position < classes else lookup[entry.stand_in]
    return lookup
