"""When the satellites pass: each tile's products of a year, with orbit, sun, cloud cover and swath edge."""

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np

from sitspark.simulate.landscape import Landscape
from sitspark.simulate.noise import generator_of

REPEAT_DAYS = 5  # of Sentinel-2A and 2B together
LATITUDE = math.radians(43.7)
SECOND_ORBIT_SHARE = 0.3
FEWEST_DATES_FOR_A_TWIN = 12


@dataclass(frozen=True, slots=True)
class SwathEdge:
    """A straight edge across a tile: pixels with down x row + right x col > offset were not seen."""

    down: float
    right: float
    offset: float


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One product of one tile. cover: share of clouds wanted, 0-1. sun_zenith, sun_azimuth: degrees."""

    tile: str
    platform: str
    acquired: datetime
    orbit: int
    cover: float
    edge: SwathEdge | None

    @property
    def product(self) -> str:
        """Theia's name of the product."""
        moment = f"{self.acquired:%Y%m%d-%H%M%S}-{self.acquired.microsecond // 1000:03d}"
        return f"{self.platform}_{moment}_L2A_T{self.tile}_C_V2-2"

    @property
    def day(self) -> int:
        """Day of the year, 1-366."""
        return self.acquired.timetuple().tm_yday

    @property
    def sun_zenith(self) -> float:
        """Degrees from the vertical at the tiles' latitude, an hour before noon."""
        declination = self._declination
        hour_angle = math.radians(-15.0)
        height = math.sin(LATITUDE) * math.sin(declination)
        height += math.cos(LATITUDE) * math.cos(declination) * math.cos(hour_angle)
        return math.degrees(math.acos(height))

    @property
    def sun_azimuth(self) -> float:
        """Degrees clockwise from north."""
        sine = math.cos(self._declination) * math.sin(math.radians(-15.0)) / math.sin(math.radians(self.sun_zenith))
        return 180.0 + math.degrees(math.asin(sine))

    @property
    def _declination(self) -> float:
        return math.radians(-23.44) * math.cos(2 * math.pi * (self.day + 10) / 365)


@dataclass(frozen=True, slots=True)
class _Orbits:
    """The two orbits that see a tile: numbers, the first day of each in the cycle, and the second one's edge."""

    numbers: tuple[int, int]
    phases: tuple[int, int]
    edge: SwathEdge


def acquisitions(landscape: Landscape, tile: str) -> tuple[Acquisition, ...]:
    """The products of a tile in the order of time: irregular dates over one year from two orbits, one cut by its edge.

    With 12 dates or more, one pass comes as two products of the same day that meet within the tile.
    """
    rng = generator_of(landscape.seed, tile, "acquisitions")
    orbits = _orbits(landscape.size, rng)
    passes = sorted((day, which) for which in (0, 1) for day in range(orbits.phases[which], 365, REPEAT_DAYS))
    covers = _covers(landscape, rng)
    found = []
    for cover, chances in zip(covers, np.array_split(np.array(passes), landscape.dates), strict=True):
        weight = np.where(chances[:, 1] == 1, SECOND_ORBIT_SHARE, 1 - SECOND_ORBIT_SHARE)
        day, which = chances[rng.choice(len(chances), p=weight / weight.sum())]
        clock = time(10, 50 - 10 * which, int(rng.integers(10, 40)), 1000 * int(rng.integers(1000)), UTC)
        platform = "SENTINEL2B" if day // REPEAT_DAYS % 2 else "SENTINEL2A"
        moment = datetime.combine(landscape.start + timedelta(int(day)), clock)
        edge = replace(orbits.edge, offset=orbits.edge.offset + rng.normal(0, 0.01 * landscape.size)) if which else None
        found.append(Acquisition(tile, platform, moment, orbits.numbers[which], cover, edge))
    # a Landsat scene is whole: its name says the day alone
    if len(found) >= FEWEST_DATES_FOR_A_TWIN and landscape.layout != "landsat_c2_l2":
        first = int(rng.integers(len(found) - 1))
        found[first : first + 2] = _twins(found[first], landscape.size)
    return tuple(found)


def _orbits(size: int, rng: np.random.Generator) -> _Orbits:
    phase, side = int(rng.integers(REPEAT_DAYS)), int(rng.choice([-1, 1]))
    seen = size * rng.uniform(0.5, 0.9)
    # seen from the east, the tile lies between the edge and its last column
    edge = SwathEdge(0.2 * side, side, seen if side > 0 else seen - size)
    numbers = (51, 8) if side > 0 else (8, 108)
    return _Orbits(numbers, (phase, (phase + 3) % REPEAT_DAYS), edge)


def _covers(landscape: Landscape, rng: np.random.Generator) -> list[float]:
    """Cloud covers of a year in random order, from clear to overcast, of the landscape's mean."""
    mean = min(max(landscape.cloud_cover, 1e-6), 1 - 1e-6)
    population = rng.beta(1.3 * mean, 1.3 * (1 - mean), 4096)
    ranks = (rng.permutation(landscape.dates) + 0.5) / landscape.dates
    return [float(cover) for cover in np.quantile(population, ranks)]


def _twins(whole: Acquisition, size: int) -> list[Acquisition]:
    """One pass as two products: the north of the tile, and its south 15 seconds later, with some ground in both."""
    north = replace(whole, edge=SwathEdge(1.0, 0.2, 0.65 * size))
    south = replace(whole, edge=SwathEdge(-1.0, -0.2, -0.55 * size), acquired=whole.acquired + timedelta(seconds=15))
    return [north, south]
