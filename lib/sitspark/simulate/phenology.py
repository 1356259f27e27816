"""Spectra of surfaces and the yearly course of plants: what a parcel of a class reflects on a day.

Reflectance is a mixture of a green and a bare spectrum; the share of green follows one or two double logistic seasons.
Spectra are of the kind found in the USGS and ECOSTRESS spectral libraries, rounded to the ten Sentinel-2 bands.
"""

import math
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from sitspark.simulate.catalogue import Cover
from sitspark.simulate.noise import mixed, normal, uniform

BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")

# reflectance x 10000 in the order of BANDS
CROP = (300, 620, 340, 950, 2900, 3700, 3950, 4150, 1750, 850)
GRASS = (340, 680, 430, 1080, 2700, 3300, 3500, 3700, 2050, 1080)
BLOSSOM = (420, 1150, 900, 1500, 2900, 3500, 3750, 3950, 1900, 980)  # rapeseed, sunflower
LEAVES = (240, 480, 270, 780, 2350, 3050, 3250, 3450, 1500, 700)
NEEDLES = (190, 340, 220, 500, 1300, 1650, 1750, 1900, 850, 400)
SHRUB = (300, 470, 400, 800, 1650, 2000, 2150, 2350, 1750, 950)
SOIL = (900, 1200, 1550, 1800, 1950, 2100, 2250, 2400, 3100, 2700)
STRAW = (750, 1100, 1450, 1800, 2050, 2250, 2450, 2600, 3500, 2650)
LITTER = (450, 600, 750, 950, 1200, 1350, 1500, 1650, 2200, 1500)
ASPHALT = (900, 1000, 1080, 1130, 1180, 1230, 1280, 1300, 1400, 1300)
SLATES = (950, 1080, 1180, 1250, 1330, 1390, 1440, 1480, 1620, 1500)
TILES = (950, 1200, 1550, 1750, 1900, 2000, 2080, 2150, 2450, 2200)
SHEDS = (1900, 2050, 2200, 2250, 2300, 2350, 2400, 2450, 2450, 2250)
ROCK = (1200, 1430, 1650, 1750, 1850, 1900, 2000, 2050, 2600, 2400)
SAND = (1700, 2250, 2750, 2950, 3100, 3250, 3350, 3450, 4200, 3800)
CLEAR_WATER = (430, 410, 270, 230, 170, 160, 140, 130, 60, 40)
MUDDY_WATER = (620, 850, 750, 640, 380, 350, 300, 270, 90, 60)
SNOW = (8600, 8600, 8500, 8300, 8100, 7900, 7700, 7500, 1200, 900)
ICE = (5300, 5400, 5200, 5000, 4600, 4300, 4100, 3800, 500, 400)
# effect of the climate on bare soil from west to east: redder and brighter in the infrared
SOIL_TINT = np.array([-0.25, -0.1, 0.2, 0.2, 0.15, 0.12, 0.1, 0.1, 0.2, 0.25])

# per unit of the climate: days by which the season is later in the east and earlier in the south, the growth lost to
# drought in both, and how soils are darker in the east and brighter in the south
DELAY_EAST, DELAY_SOUTH, DROUGHT, DARKNESS = 40.0, 20.0, 0.2, 0.15


@dataclass(frozen=True, slots=True)
class Season:
    """A rise and a fall of the share of green; days of the year, of which negative and > 365 reach beyond it."""

    height: float
    rise: float
    rise_days: float
    fall: float
    fall_days: float


NEVER = Season(0.0, 0.0, 1.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Variety:
    """One way a class grows: a crop species, a kind of surface.

    mix: how common it is within its class, and how that changes from west to east and from north to south.
    spread: standard deviation of the parcels' dates in days. texture: relative deviation from pixel to pixel.
    """

    cover: Cover
    mix: tuple[float, float, float]
    green: tuple[int, ...]
    bare: tuple[int, ...]
    base: float
    spread: float
    texture: float
    first: Season
    second: Season = NEVER


VARIETIES: tuple[Variety, ...] = tuple(
    Variety(*row)
    for row in (
        # wheat, barley, rapeseed, and in the north-east spring barley
        (
            Cover.WINTER_CROP,
            (0.4, -0.3, -0.1),
            CROP,
            SOIL,
            0.08,
            12,
            0.06,
            Season(0.85, 70, 14, 168, 8),
            Season(0.3, 325, 9, 600, 9),
        ),
        (
            Cover.WINTER_CROP,
            (0.3, -0.1, 0.5),
            CROP,
            STRAW,
            0.15,
            12,
            0.06,
            Season(0.75, 55, 14, 150, 8),
            Season(0.4, 310, 9, 600, 9),
        ),
        (
            Cover.WINTER_CROP,
            (0.2, 0.2, 0.0),
            BLOSSOM,
            SOIL,
            0.12,
            11,
            0.06,
            Season(0.8, 50, 15, 160, 8),
            Season(0.55, 270, 9, 600, 9),
        ),
        (Cover.WINTER_CROP, (0.1, 0.6, -0.6), CROP, SOIL, 0.07, 11, 0.06, Season(0.8, 100, 10, 190, 8)),
        # maize, sunflower, soya after a winter cover, and in the south-west early sorghum
        (Cover.SUMMER_CROP, (0.4, -0.4, -0.3), CROP, SOIL, 0.06, 12, 0.06, Season(0.88, 165, 8, 262, 9)),
        (
            Cover.SUMMER_CROP,
            (0.3, 0.5, 0.2),
            BLOSSOM,
            SOIL,
            0.06,
            12,
            0.06,
            Season(0.75, 150, 9, 228, 9),
            Season(0.2, 20, 12, 100, 9),
        ),
        (
            Cover.SUMMER_CROP,
            (0.2, 0.0, -0.2),
            CROP,
            STRAW,
            0.08,
            13,
            0.06,
            Season(0.8, 178, 10, 270, 9),
            Season(0.35, 20, 15, 110, 8),
        ),
        (Cover.SUMMER_CROP, (0.1, -0.4, 0.6), CROP, STRAW, 0.08, 13, 0.06, Season(0.7, 140, 9, 218, 9)),
        # mown once or twice, the second season is the gap of the mowing; in the south dry, in the west sown
        (
            Cover.MEADOW,
            (0.5, 0.0, -0.4),
            GRASS,
            LITTER,
            0.4,
            14,
            0.07,
            Season(0.5, 60, 18, 320, 22),
            Season(-0.4, 150, 3, 178, 10),
        ),
        (
            Cover.MEADOW,
            (0.3, 0.3, 0.4),
            GRASS,
            STRAW,
            0.3,
            15,
            0.07,
            Season(0.5, 70, 18, 215, 22),
            Season(-0.3, 168, 4, 235, 16),
        ),
        (
            Cover.MEADOW,
            (0.2, -0.5, 0.2),
            CROP,
            SOIL,
            0.3,
            15,
            0.07,
            Season(0.55, 75, 14, 310, 15),
            Season(-0.4, 195, 3, 220, 7),
        ),
        (Cover.NATURAL_GRASSLAND, (0.6, 0.0, 0.5), GRASS, STRAW, 0.25, 14, 0.08, Season(0.45, 90, 16, 200, 22)),
        (Cover.NATURAL_GRASSLAND, (0.4, 0.3, -0.5), GRASS, LITTER, 0.25, 14, 0.08, Season(0.55, 115, 14, 275, 20)),
        (Cover.WOODY_MOORLAND, (0.6, 0.0, -0.4), SHRUB, LITTER, 0.4, 13, 0.09, Season(0.4, 105, 16, 290, 22)),
        (Cover.WOODY_MOORLAND, (0.4, 0.3, 0.5), SHRUB, STRAW, 0.4, 13, 0.09, Season(0.4, 90, 16, 225, 25)),
        # oaks, beeches, and in the south-east evergreen oaks
        (Cover.BROAD_LEAVED, (0.6, -0.2, -0.3), LEAVES, LITTER, 0.2, 8, 0.08, Season(0.75, 108, 8, 300, 11)),
        (Cover.BROAD_LEAVED, (0.3, 0.0, 0.1), LEAVES, LITTER, 0.4, 9, 0.09, Season(0.5, 118, 9, 310, 12)),
        (Cover.BROAD_LEAVED, (0.1, 0.5, 0.5), SHRUB, LITTER, 0.65, 10, 0.09, Season(0.2, 110, 15, 290, 20)),
        # pines, and in the north-west larches
        (Cover.CONIFEROUS, (0.85, 0.2, 0.2), NEEDLES, LITTER, 0.82, 10, 0.08, Season(0.15, 110, 20, 290, 25)),
        (Cover.CONIFEROUS, (0.15, -0.5, -0.5), NEEDLES, LITTER, 0.3, 10, 0.08, Season(0.6, 120, 10, 290, 12)),
        # with grass between the trees or bare, and in the south olives
        (Cover.ORCHARD, (0.5, 0.1, -0.4), LEAVES, GRASS, 0.15, 11, 0.1, Season(0.6, 98, 12, 290, 15)),
        (Cover.ORCHARD, (0.4, -0.2, 0.0), LEAVES, SOIL, 0.2, 11, 0.1, Season(0.45, 105, 12, 285, 15)),
        (Cover.ORCHARD, (0.1, 0.2, 0.7), SHRUB, SOIL, 0.4, 11, 0.1, Season(0.12, 100, 15, 290, 20)),
        (Cover.VINEYARD, (0.6, 0.5, 0.2), LEAVES, SOIL, 0.1, 10, 0.1, Season(0.42, 135, 12, 278, 12)),
        (
            Cover.VINEYARD,
            (0.4, -0.5, -0.2),
            LEAVES,
            LITTER,
            0.2,
            10,
            0.1,
            Season(0.4, 130, 13, 280, 13),
            Season(0.2, 30, 15, 130, 10),
        ),
        # slate in the north, tiles in the south
        (Cover.CONTINUOUS_URBAN, (0.5, 0.2, -0.6), LEAVES, SLATES, 0.06, 10, 0.2, Season(0.06, 105, 12, 295, 15)),
        (Cover.CONTINUOUS_URBAN, (0.5, -0.2, 0.6), LEAVES, TILES, 0.06, 10, 0.2, Season(0.06, 105, 12, 295, 15)),
        (Cover.DISCONTINUOUS_URBAN, (0.5, 0.2, -0.6), GRASS, SLATES, 0.2, 12, 0.2, Season(0.2, 90, 16, 300, 20)),
        (Cover.DISCONTINUOUS_URBAN, (0.5, -0.2, 0.6), GRASS, TILES, 0.2, 12, 0.2, Season(0.2, 90, 16, 300, 20)),
        (Cover.INDUSTRIAL, (0.6, 0.4, 0.0), GRASS, SHEDS, 0.03, 10, 0.22, Season(0.03, 90, 15, 300, 20)),
        (Cover.INDUSTRIAL, (0.4, -0.4, 0.0), GRASS, SLATES, 0.04, 10, 0.25, Season(0.05, 90, 15, 300, 20)),
        (Cover.ROAD, (1.0, 0.0, 0.0), GRASS, ASPHALT, 0.08, 10, 0.12, Season(0.08, 90, 16, 300, 20)),
        (Cover.MINERAL, (1.0, 0.0, 0.0), GRASS, ROCK, 0.03, 10, 0.14, Season(0.08, 130, 12, 260, 20)),
        (Cover.BEACH, (1.0, 0.0, 0.0), GRASS, SAND, 0.02, 10, 0.1, Season(0.04, 110, 15, 270, 20)),
        (Cover.WATER, (0.7, 0.0, -0.3), MUDDY_WATER, CLEAR_WATER, 0.1, 10, 0.05, Season(0.2, 100, 15, 290, 20)),
        (Cover.WATER, (0.3, 0.3, 0.3), MUDDY_WATER, CLEAR_WATER, 0.6, 15, 0.05, Season(0.3, 20, 15, 140, 20)),
        # ice in summer, snow on it in the other seasons
        (
            Cover.GLACIER,
            (1.0, 0.0, 0.0),
            SNOW,
            ICE,
            0.1,
            8,
            0.06,
            Season(0.9, -60, 12, 165, 14),
            Season(0.9, 285, 10, 520, 12),
        ),
    )
)


class Flora(NamedTuple):  # a type that compiled code can take apart
    """All varieties as arrays; row v is variety v.

    first: first variety of each code, (256,) int64. number: varieties of each code, (256,) int64.
    mixes: (V, 3). spectra: (V, 2, 10) green and bare, reflectance x 10000.
    traits: (V, 3) base, spread, texture. seasons: (V, 2, 5) as Season.
    """

    first: np.ndarray
    number: np.ndarray
    mixes: np.ndarray
    spectra: np.ndarray
    traits: np.ndarray
    seasons: np.ndarray


def flora() -> Flora:
    """The varieties, packed for the compiled code."""
    first, number = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for position, variety in reversed(list(enumerate(VARIETIES))):
        first[variety.cover] = position
        number[variety.cover] += 1
    return Flora(
        first=first,
        number=number,
        mixes=np.array([v.mix for v in VARIETIES], float),
        spectra=np.array([(v.green, v.bare) for v in VARIETIES], float),
        traits=np.array([(v.base, v.spread, v.texture) for v in VARIETIES], float),
        seasons=np.array([(astuple(v.first), astuple(v.second)) for v in VARIETIES], float),
    )


@njit(cache=True)
def variety_of(flora: Flora, code: int, parcel: np.uint64, south: float, east: float) -> int:
    """The variety that grows on a parcel of a class in a climate."""
    first: int = flora.first[code]
    last: int = first + flora.number[code] - 1
    total = 0.0
    for v in range(first, last + 1):
        total += _frequency(flora.mixes[v], south, east)
    draw = uniform(mixed(parcel + uint64(1))) * total
    for v in range(first, last):
        draw -= _frequency(flora.mixes[v], south, east)
        if draw < 0.0:
            return v
    return last


@njit(cache=True, inline="always")
def _frequency(mix: npt.NDArray[np.float64], south: float, east: float) -> float:
    wanted: float = mix[0] + mix[1] * east + mix[2] * south
    return max(wanted, 0.01)


@njit(cache=True)
def green_share(flora: Flora, variety: int, day: float) -> float:
    """The share of green of a variety on a day of its own calendar, 0-1."""
    share: float = flora.traits[variety, 0]
    for season in range(2):
        height, rise, rise_days, fall, fall_days = flora.seasons[variety, season]
        if height != 0.0:
            growth = 1.0 / (1.0 + math.exp((rise - day) / rise_days))
            share += height * (growth - 1.0 / (1.0 + math.exp((fall - day) / fall_days)))
    return min(max(share, 0.0), 1.0)


@njit(cache=True)
def parcel_spectra(
    flora: Flora,
    code: int,
    parcel: np.uint64,
    day: float,
    weather: tuple[float, float],
    green: npt.NDArray[np.float64],
    bare: npt.NDArray[np.float64],
) -> float:
    """What a parcel of a class shows on a day of the year; weather: (south, east) of `climate`.

    Fills green and bare (10,) with the spectra of its plants and its ground, reflectance x 10000; returns the share of
    its plants.
    """
    south, east = weather
    variety = variety_of(flora, code, parcel, south, east)
    delay = DELAY_EAST * east - DELAY_SOUTH * south + flora.traits[variety, 1] * normal(mixed(parcel + uint64(2)))
    vigour = max(1.0 - DROUGHT * (south + east), 0.2) * (1.0 + 0.13 * normal(mixed(parcel + uint64(3))))
    brightness = max(1.0 + DARKNESS * (south - east), 0.2) * (1.0 + 0.15 * normal(mixed(parcel + uint64(4))))
    for band in range(10):
        green[band] = flora.spectra[variety, 0, band]
        bare[band] = flora.spectra[variety, 1, band] * brightness * (1.0 + SOIL_TINT[band] * east)
    return green_share(flora, variety, day - delay) * vigour
