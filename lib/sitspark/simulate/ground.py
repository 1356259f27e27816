"""What lies on the ground: land cover and parcels as a function of position and seed alone.

A landscape is laid in layers, the first that covers a pixel wins: roads, rivers, places (a lake, a town, a massif or
a heath in each cell of a jittered lattice), woods, and fields. Fields lie in blocks of one orientation and are cut in
rows and parcels. All lengths are in pixels of 10 m.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from sitspark.grid import Window
from sitspark.simulate.catalogue import Cover, stand_ins
from sitspark.simulate.climate import Region, climate, region_of
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.noise import S32, fractal, hashed, key_of, mixed, smooth, uniform

# the layers' own keys are drawn from the seed's by these numbers
ROADS, RIVERS, PLACES, WOODS, FIELDS, STANDS, WARP, VIGOUR = (np.uint64(n) for n in range(1, 9))
PLACE_SPACING = 128.0
FARM_SPACING = 84.0
STAND_SPACING = 30.0
PIECE = 40.0  # roads and water are cut in pieces of this length
LAKE, TOWN, MASSIF, HEATH = range(4)
LOW_32 = np.uint64(0xFFFFFFFF)


class Ground(NamedTuple):  # a type that compiled code can take apart
    """The ground of one window; arrays are (height, width).

    codes: OSO code, uint8. parcels: key of the parcel a pixel belongs to, uint64.
    vigour: growth of the plants at a pixel relative to its parcel, float32 about 1.
    """

    codes: np.ndarray
    parcels: np.ndarray
    vigour: np.ndarray


@lru_cache(maxsize=1)  # the products of a small tile share one window
def ground(landscape: Landscape, window: Window) -> Ground:
    """The ground of a window of the landscape's area; it may reach outside, the ground goes on there."""
    shape = (window.height, window.width)
    result = Ground(np.empty(shape, np.uint8), np.empty(shape, np.uint64), np.empty(shape, np.float32))
    region = region_of(landscape)
    _fill(key_of(landscape.seed, "ground"), window.row, window.col, region, result.codes, result.parcels, result.vigour)
    stand_ins(landscape.classes).take(result.codes, out=result.codes)
    return result


@njit(cache=True, nogil=True)
def _fill(
    key: np.uint64,
    first_row: int,
    first_col: int,
    region: Region,
    codes: npt.NDArray[np.uint8],
    parcels: npt.NDArray[np.uint64],
    vigour: npt.NDArray[np.float32],
) -> None:
    for i in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            row, col = first_row + i + 0.5, first_col + j + 0.5
            cover, parcel = _land(key, row, col, region)
            codes[i, j] = cover
            parcels[i, j] = parcel
            vigour[i, j] = 0.8 + 0.4 * smooth(mixed(key + VIGOUR), row, col, 9.0)


@njit(cache=True, nogil=True)
def _land(key: np.uint64, row: float, col: float, region: Region) -> tuple[int, np.uint64]:
    """(cover, parcel key) at a position."""
    piece = hashed(key, math.floor(row / PIECE), math.floor(col / PIECE))
    if _road_distance(key, row, col) < 1.5:
        return Cover.ROAD.value, mixed(piece + ROADS)
    bank = _river_distance(key, row, col)
    if bank < 0.0:
        return Cover.WATER.value, mixed(piece + RIVERS)
    # irregular borders: the position wobbles by a pixel or two
    wobble = mixed(key + WARP)
    row += 5.0 * (smooth(wobble, row, col, 13.0) - 0.5)
    col += 5.0 * (smooth(wobble + uint64(1), row, col, 13.0) - 0.5)
    cover, parcel = _place(key, row, col, climate(region, row, col)[0])
    if cover:
        return cover, parcel
    wood = fractal(mixed(key + WOODS), row, col, 120.0, 3) + (0.06 if bank < 6.0 else 0.0)
    if wood > 0.615:
        return _stand(key, row, col, region)
    if wood > 0.603:
        return Cover.WOODY_MOORLAND.value, mixed(piece + WOODS)
    return _field(key, row, col, region)


@njit(cache=True)
def _road_distance(key: np.uint64, row: float, col: float) -> float:
    """Pixels to the middle of the nearest road of two winding families."""
    key = mixed(key + ROADS)
    bend = 130.0 * smooth(key, row, col, 230.0)
    across = (0.94 * row + 0.34 * col + bend) % 250.0 - 125.0
    along = (0.90 * col - 0.44 * row + bend) % 330.0 - 165.0
    return min(abs(across), abs(along))


@njit(cache=True)
def _river_distance(key: np.uint64, row: float, col: float) -> float:
    """Pixels to the bank of the nearest river, negative on the water; rivers wind across the area side by side."""
    key = mixed(key + RIVERS)
    bend = 210.0 * fractal(key, row, col, 190.0, 3)
    middle = (0.55 * row + 0.84 * col + bend) % 430.0 - 215.0
    return abs(middle) - 2.5 - 4.0 * smooth(key + uint64(9), row, col, 150.0)


@njit(cache=True)
def _nearest_site(key: np.uint64, row: float, col: float, spacing: float) -> tuple[np.uint64, float, float]:
    """(key, row, column) of the nearest site of a jittered lattice: its Voronoi cell holds the position."""
    i, j = math.floor(row / spacing), math.floor(col / spacing)
    best, best_row, best_col, least = key, 0.0, 0.0, 1e30
    for di in range(-1, 2):
        for dj in range(-1, 2):
            site = hashed(key, i + di, j + dj)
            site_row = (i + di + float(site & LOW_32) / 4294967296.0) * spacing
            site_col = (j + dj + float(site >> S32) / 4294967296.0) * spacing
            distance = (row - site_row) ** 2 + (col - site_col) ** 2
            if distance < least:
                best, best_row, best_col, least = site, site_row, site_col, distance
    return best, best_row, best_col


@njit(cache=True)
def _place(key: np.uint64, row: float, col: float, south: float) -> tuple[int, np.uint64]:
    """(cover, parcel key) where a lake, town, massif or heath covers the position, else (0, key)."""
    key = mixed(key + PLACES)
    i, j = math.floor(row / PLACE_SPACING), math.floor(col / PLACE_SPACING)
    outline = -1.0
    for di in range(-1, 2):
        for dj in range(-1, 2):
            y, x = i + di, j + dj
            site = hashed(key, y, x)
            kind = _kind(key, y, x)
            down = row - (y + 0.3 + 0.4 * uniform(mixed(site + uint64(1)))) * PLACE_SPACING
            right = col - (x + 0.3 + 0.4 * uniform(mixed(site + uint64(2)))) * PLACE_SPACING
            radius = 20.0 + 34.0 * uniform(mixed(site + uint64(3))) ** 2
            if kind == MASSIF:
                radius *= 1.0 + 0.22 * south
            if down * down + right * right > (1.8 * radius) ** 2:
                continue
            if outline < 0.0:
                outline = 0.35 + 1.3 * fractal(key, row, col, 34.0, 3)
            stand, stand_row, stand_col = _nearest_site(key, row, col, 14.0 if kind == TOWN else STAND_SPACING)
            if kind == TOWN:  # built block by block
                down, right = down + stand_row - row, right + stand_col - col
            depth = math.sqrt(down * down + right * right) / (radius * outline)
            cover = _inside_place(kind, depth, down / radius, right / radius, uniform(mixed(stand)))
            if cover:
                return cover, mixed(site ^ stand)
    return 0, key


@njit(cache=True)
def _kind(key: np.uint64, i: int, j: int) -> int:
    """The kind of place in a cell: the four kinds permuted within every 2 x 2 cells, so that each is never far."""
    order = hashed(key + uint64(77), i // 2, j // 2)
    local = uint64((i % 2) * 2 + j % 2)
    return int((local * (uint64(1) + (order & uint64(4)) // uint64(2)) + order) & uint64(3))


@njit(cache=True)
def _inside_place(kind: int, depth: float, down: float, right: float, draw: float) -> int:
    """The cover at `depth` from a place's centre (1 is its outline), or 0; down, right: in radii; draw: the stand's."""
    if kind == LAKE:
        if depth < 0.75:
            return Cover.WATER.value
        # the windward shore is sand
        return Cover.BEACH.value if depth < 1.0 and right + 0.4 * down > -0.1 else 0
    if kind == TOWN:
        if depth < 0.5:
            return Cover.CONTINUOUS_URBAN.value
        if depth < 1.35 and abs(right) < 0.6 and down > 0.35:
            return Cover.INDUSTRIAL.value
        if depth < 1.25 and draw > 0.08:
            return Cover.DISCONTINUOUS_URBAN.value
        return Cover.MEADOW.value if depth < 1.0 else 0
    if kind == MASSIF:
        for cover, limit in (
            (Cover.GLACIER, 0.4),
            (Cover.MINERAL, 0.7),
            (Cover.NATURAL_GRASSLAND, 0.95),
            (Cover.CONIFEROUS, 1.2),
        ):
            if depth < limit:
                return cover.value
        return 0
    if depth > 1.05:
        return 0
    if draw < 0.15:
        return Cover.BROAD_LEAVED.value
    return Cover.WOODY_MOORLAND.value if depth < 0.8 and draw < 0.8 else Cover.NATURAL_GRASSLAND.value


@njit(cache=True)
def _stand(key: np.uint64, row: float, col: float, region: Region) -> tuple[int, np.uint64]:
    """(cover, parcel key) of a stand of trees: conifers in patches, and more of them in the east."""
    stand, stand_row, stand_col = _nearest_site(mixed(key + STANDS), row, col, STAND_SPACING)
    _, east = climate(region, stand_row, stand_col)
    conifers = smooth(mixed(key + STANDS), stand_row, stand_col, 100.0) + 0.18 * east
    return Cover.CONIFEROUS.value if conifers > 0.58 else Cover.BROAD_LEAVED.value, stand


@njit(cache=True)
def _field(key: np.uint64, row: float, col: float, region: Region) -> tuple[int, np.uint64]:
    """(cover, parcel key) of a field: a block of one orientation, cut in rows of parcels of 1-10 ha."""
    key = mixed(key + FIELDS)
    farm, farm_row, farm_col = _nearest_site(key, row, col, FARM_SPACING)
    angle = math.pi * uniform(mixed(farm + uint64(1)))
    down, right = row - farm_row, col - farm_col
    along = math.cos(angle) * right + math.sin(angle) * down
    across = math.cos(angle) * down - math.sin(angle) * right
    depth = 13.0 + 13.0 * uniform(mixed(farm + uint64(2)))
    line = math.floor(across / depth)
    strip = hashed(farm, line, 0)
    width = 14.0 + 26.0 * uniform(strip)
    place = math.floor(along / width + uniform(mixed(strip)))
    parcel = hashed(farm, line, place + 1)
    south, east = climate(region, farm_row, farm_col)
    return _crop(key, farm_row, farm_col, uniform(mixed(parcel)), south, east), parcel


@njit(cache=True)
def _crop(key: np.uint64, row: float, col: float, draw: float, south: float, east: float) -> int:
    """What grows on a parcel: by a draw in [0, 1), the district's habits, and the climate."""
    district = smooth(key + uint64(5), row, col, 150.0)
    vines = 0.06 + 0.045 * (south + east) + (0.3 if district > 0.66 else 0.0)
    orchards = 0.06 + 0.03 * (south - east) + (0.25 if district < 0.3 else 0.0)
    grass = 0.22 - 0.07 * south - 0.06 * east
    summer = 0.24 + 0.07 * (south - east)
    for cover, share in (
        (Cover.VINEYARD, vines),
        (Cover.ORCHARD, orchards),
        (Cover.MEADOW, grass),
        (Cover.SUMMER_CROP, summer),
    ):
        draw -= max(share, 0.02)
        if draw < 0.0:
            return cover.value
    return Cover.WINTER_CROP.value
