"""Spectra of surfaces and the yearly course of plants: what a parcel of a class reflects on a day.

Reflectance is a mixture of a green and a bare spectrum; the share of green follows one or two double logistic seasons. Spectra
are of the kind found in the USGS and ECOSTRESS spectral libraries, rounded to the ten Sentinel-2 bands.
"""

import math
from dataclasses import astuple, dataclass
from typing import NamedTuple

import numpy as np
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
ROOFS = (1000, 1200, 1400, 1520, 1650, 1740, 1820, 1880, 2050, 1850)
SHEDS = (1900, 2050, 2200, 2250, 2300, 2350, 2400, 2450, 2450, 2250)
ROCK = (1200, 1430, 1650, 1750, 1850, 1900, 2000, 2050, 2600, 2400)
SAND = (1700, 2250, 2750, 2950, 3100, 3250, 3350, 3450, 4200, 3800)
CLEAR_WATER = (430, 410, 270, 230, 170, 160, 140, 130, 60, 40)
MUDDY_WATER = (620, 850, 750, 640, 380, 350, 300, 270, 90, 60)
SNOW = (8600, 8600, 8500, 8300, 8100, 7900, 7700, 7500, 1200, 900)
ICE = (5300, 5400, 5200, 5000, 4600, 4300, 4100, 3800, 500, 400)
# effect of the climate on bare soil from west to east: redder and brighter in the infrared
SOIL_TINT = np.array([-0.25, -0.1, 0.2, 0.2, 0.15, 0.12, 0.1, 0.1, 0.2, 0.25])

# days by which the season is later from west to east and earlier from north to south; growth lost to drought in the south
DELAY_EAST, DELAY_SOUTH, DROUGHT = 26.0, 22.0, 0.3


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

    share: how common it is within its class; eastward: change of the share from west to east.
    spread: standard deviation of the parcel's dates in days. texture: relative deviation from pixel to pixel.
    """

    cover: Cover
    share: float
    eastward: float
    green: tuple[int, ...]
    bare: tuple[int, ...]
    base: float
    spread: float
    texture: float
    first: Season
    second: Season = NEVER



VARIETIES: tuple[Variety, ...] = (
    # wheat, barley, rapeseed
    Variety(Cover.WINTER_CROP, 0.5, -0.2, CROP, SOIL, 0.08, 9, 0.05, Season(0.85, 70, 14, 168, 7), Season(0.3, 325, 9, 600, 9)),
    Variety(Cover.WINTER_CROP, 0.3, 0.0, CROP, STRAW, 0.15, 9, 0.05, Season(0.75, 55, 14, 150, 7), Season(0.4, 310, 9, 600, 9)),
    Variety(Cover.WINTER_CROP, 0.2, 0.2, BLOSSOM, SOIL, 0.12, 8, 0.05, Season(0.8, 50, 15, 160, 8), Season(0.55, 270, 9, 600, 9)),
    # maize, sunflower, soya
    Variety(Cover.SUMMER_CROP, 0.5, -0.3, CROP, SOIL, 0.06, 9, 0.05, Season(0.88, 165, 8, 262, 9)),
    Variety(Cover.SUMMER_CROP, 0.3, 0.4, BLOSSOM, SOIL, 0.06, 9, 0.05, Season(0.75, 150, 9, 228, 9), Season(0.2, 20, 12, 100, 9)),
    Variety(Cover.SUMMER_CROP, 0.2, 0.0, CROP, STRAW, 0.08, 10, 0.05, Season(0.8, 178, 10, 270, 9), Season(0.35, 20, 15, 110, 8)),
    # mown once or twice; the second season is the gap of the mowing
    Variety(Cover.MEADOW, 0.6, 0.0, GRASS, LITTER, 0.4, 12, 0.06, Season(0.5, 60, 18, 320, 22), Season(-0.4, 150, 3, 178, 10)),
    Variety(Cover.MEADOW, 0.4, 0.2, GRASS, STRAW, 0.45, 14, 0.06, Season(0.4, 70, 18, 300, 25), Season(-0.35, 168, 4, 235, 16)),
    Variety(Cover.NATURAL_GRASSLAND, 1.0, 0.0, GRASS, STRAW, 0.25, 13, 0.08, Season(0.45, 95, 16, 205, 22)),
    Variety(Cover.WOODY_MOORLAND, 0.6, 0.0, SHRUB, LITTER, 0.45, 12, 0.09, Season(0.4, 105, 16, 290, 22)),
    Variety(Cover.WOODY_MOORLAND, 0.4, 0.2, SHRUB, STRAW, 0.4, 12, 0.09, Season(0.4, 95, 16, 240, 25)),
    Variety(Cover.BROAD_LEAVED, 0.7, 0.0, LEAVES, LITTER, 0.2, 6, 0.07, Season(0.75, 108, 8, 300, 11)),
    Variety(Cover.BROAD_LEAVED, 0.3, 0.3, LEAVES, LITTER, 0.4, 7, 0.08, Season(0.5, 118, 9, 310, 12)),
    Variety(Cover.CONIFEROUS, 1.0, 0.0, NEEDLES, LITTER, 0.82, 10, 0.08, Season(0.15, 110, 20, 290, 25)),
    Variety(Cover.ORCHARD, 0.6, 0.2, LEAVES, GRASS, 0.15, 9, 0.1, Season(0.6, 98, 11, 290, 15)),
    Variety(Cover.ORCHARD, 0.4, -0.2, LEAVES, SOIL, 0.2, 9, 0.1, Season(0.45, 105, 11, 285, 15)),
    Variety(Cover.VINEYARD, 0.7, 0.3, LEAVES, SOIL, 0.08, 8, 0.09, Season(0.45, 138, 12, 278, 12)),
    Variety(Cover.VINEYARD, 0.3, -0.3, LEAVES, LITTER, 0.2, 8, 0.09, Season(0.4, 135, 13, 280, 13), Season(0.2, 30, 15, 130, 10)),
    Variety(Cover.CONTINUOUS_URBAN, 1.0, 0.0, LEAVES, ROOFS, 0.06, 10, 0.2, Season(0.06, 105, 12, 295, 15)),
    Variety(Cover.DISCONTINUOUS_URBAN, 1.0, 0.0, GRASS, ROOFS, 0.25, 10, 0.2, Season(0.25, 90, 16, 300, 20)),
    Variety(Cover.INDUSTRIAL, 0.6, 0.0, GRASS, SHEDS, 0.03, 10, 0.22, Season(0.03, 90, 15, 300, 20)),
    Variety(Cover.INDUSTRIAL, 0.4, 0.0, GRASS, ROOFS, 0.06, 10, 0.25, Season(0.05, 90, 15, 300, 20)),
    Variety(Cover.ROAD, 1.0, 0.0, GRASS, ASPHALT, 0.08, 10, 0.1, Season(0.08, 90, 16, 300, 20)),
    Variety(Cover.MINERAL, 1.0, 0.0, GRASS, ROCK, 0.03, 10, 0.12, Season(0.06, 130, 12, 260, 20)),
    Variety(Cover.BEACH, 1.0, 0.0, GRASS, SAND, 0.02, 10, 0.06, Season(0.03, 110, 15, 270, 20)),
    Variety(Cover.WATER, 0.7, 0.0, MUDDY_WATER, CLEAR_WATER, 0.1, 10, 0.05, Season(0.2, 100, 15, 290, 20)),
    Variety(Cover.WATER, 0.3, 0.3, MUDDY_WATER, CLEAR_WATER, 0.6, 15, 0.05, Season(0.3, 20, 15, 140, 20)),
    # ice in summer, snow on it in the other seasons
    Variety(Cover.GLACIER, 1.0, 0.0, SNOW, ICE, 0.1, 8, 0.06, Season(0.9, -60, 12, 165, 14), Season(0.9, 285, 10, 520, 12)),
)


class Flora(NamedTuple):  # a type that compiled code can take apart
    """All varieties as arrays; row v is variety v.

    first: first variety of each code, (256,) int64. count: varieties of each code, (256,) int64.
    shares: (V, 2) share and its eastward change. spectra: (V, 2, 10) green and bare, reflectance x 10000.
    traits: (V, 3) base, spread, texture. seasons: (V, 2, 5) as Season.
    """

    first: np.ndarray
    count: np.ndarray
    shares: np.ndarray
    spectra: np.ndarray
    traits: np.ndarray
    seasons: np.ndarray


def flora() -> Flora:
    """The varieties, packed for the compiled code."""
    first, count = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for position, variety in reversed(list(enumerate(VARIETIES))):
        first[variety.cover] = position
        count[variety.cover] += 1
    return Flora(
        first=first,
        count=count,
        shares=np.array([(v.share, v.eastward) for v in VARIETIES], float),
        spectra=np.array([(v.green, v.bare) for v in VARIETIES], float),
        traits=np.array([(v.base, v.spread, v.texture) for v in VARIETIES], float),
        seasons=np.array([(astuple(v.first), astuple(v.second)) for v in VARIETIES], float),
    )


@njit(cache=True)
def variety_of(flora, code, parcel, east):
    """The variety that grows on a parcel of a class; `east` is the place from west to east, -0.5 to 0.5 x gradient."""
    first = flora.first[code]
    last = first + flora.count[code] - 1
    total = 0.0
    for v in range(first, last + 1):
        total += max(flora.shares[v, 0] + east * flora.shares[v, 1], 0.0)
    draw = uniform(mixed(parcel + uint64(1))) * total
    for v in range(first, last):
        draw -= max(flora.shares[v, 0] + east * flora.shares[v, 1], 0.0)
        if draw < 0.0:
            return v
    return last


@njit(cache=True)
def green_share(flora, variety, day):
    """The share of green of a variety on a day of its own calendar, 0-1."""
    share = flora.traits[variety, 0]
    for season in range(2):
        height, rise, rise_days, fall, fall_days = flora.seasons[variety, season]
        if height != 0.0:
            growth = 1.0 / (1.0 + math.exp((rise - day) / rise_days))
            share += height * (growth - 1.0 / (1.0 + math.exp((fall - day) / fall_days)))
    return min(max(share, 0.0), 1.0)


@njit(cache=True)
def parcel_spectra(flora, code, parcel, day, south, east, green, bare):
    """What a parcel of a class shows on a day of the year at a place (-0.5 to 0.5 x gradient from north and west).

    Fills green and bare (10,) with the spectra of its plants and its ground, reflectance x 10000; returns the share of green.
    """
    variety = variety_of(flora, code, parcel, east)
    delay = DELAY_EAST * east - DELAY_SOUTH * south + flora.traits[variety, 1] * normal(mixed(parcel + uint64(2)))
    vigour = (1.0 - DROUGHT * (south + east * south)) * (1.0 + 0.12 * normal(mixed(parcel + uint64(3))))
    brightness = 1.0 + 0.14 * normal(mixed(parcel + uint64(4)))
    for band in range(10):
        green[band] = flora.spectra[variety, 0, band]
        bare[band] = flora.spectra[variety, 1, band] * brightness * (1.0 + SOIL_TINT[band] * east)
    return green_share(flora, variety, day - delay) * vigour
