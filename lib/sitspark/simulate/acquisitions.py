"""When the satellites pass: each tile's products of a year, with orbit, sun, cloud cover and swath edge."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

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
        """Degrees from the vertical, by the sun's declination at the tiles' latitude; the pass is an hour before noon."""
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


def acquisitions(landscape: Landscape, tile: str) -> tuple[Acquisition, ...]:
    """The products of a tile in the order of time: irregular dates over one year, two orbits, one of them cut by its edge.

    With 12 dates or more one pass comes as two products of one day that meet in the tile.
    """
    rng = generator_of(landscape.seed, tile, "acquisitions")
    size, count = landscape.size, landscape.dates
    # passes of two orbits, in the order of time; each of `count` equal parts of the year gives one
    phase = int(rng.integers(REPEAT_DAYS))
    first_orbit, second_orbit = (51, 8) if rng.random() < 0.5 else (8, 108)
    slope, offset = rng.uniform(0.15, 0.25), size * rng.uniform(0.55, 0.9)
    side = 1 if rng.random() < 0.5 else -1
    # the wanted covers are quantiles of a distribution with clear and overcast skies and the wanted mean
    mean = min(max(landscape.cloud_cover, 1e-6), 1 - 1e-6)
    draws = rng.beta(1.3 * mean, 1.3 * (1 - mean), 4096)
    covers = _quantiles(draws, count, rng)
    found = []
    for index in range(count):
        low, high = 365 * index / count, 365 * (index + 1) / count
        second = rng.random() < SECOND_ORBIT_SHARE
        cycle = max(int(rng.uniform(low, high)) // REPEAT_DAYS, 0)
        day = min(cycle * REPEAT_DAYS + (phase + (3 if second else 0)) % REPEAT_DAYS, 364)
        clock = time(10, 40 if second else 50, int(rng.integers(10, 50)), int(rng.integers(1000)) * 1000, UTC)
        edge = None
        if second:
            shift = offset + rng.normal(0, 0.01 * size)
            # seen from the other side, the offset counts from the right
            edge = SwathEdge(slope, float(side), shift if side > 0 else shift - size)
        found.append(
            Acquisition(
                tile,
                "SENTINEL2A" if cycle % 2 == 0 else "SENTINEL2B",
                datetime.combine(landscape.start + timedelta(day), clock),
                second_orbit if second else first_orbit,
                covers[index],
                edge,
            )
        )
    return tuple(sorted(found, key=lambda acquisition: acquisition.product.split("_")[1]))
