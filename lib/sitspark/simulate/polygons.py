"""Labelled polygons of a landscape: parcels as a surveyor would draw them, a little inside their borders."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely

from sitspark.grid import Window
from sitspark.simulate.ground import ground
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.noise import generator_of

BLOCK = 256  # pixels a side of the areas that are surveyed one by one
MOST_BLOCKS = 256  # areas surveyed a tile
INSET = 8.0  # metres between the parcel's border and the polygon's
TOLERANCE = 4.0  # metres by which an outline is simplified
LEAST_AREA = 600.0  # square metres


@dataclass(frozen=True, slots=True)
class LabelledPolygon:
    """An outline in the CRS of the landscape, and the code it is labelled with."""

    code: int
    outline: shapely.Polygon


def survey(landscape: Landscape) -> list[LabelledPolygon]:
    """Clean polygons: each lies in one parcel, with its right label.

    In every tile every class has up to `landscape.polygons_per_class` of them, spread over the areas surveyed. They
    come tile by tile, area by area.
    """
    found: list[LabelledPolygon] = []
    for tile, blocks in _blocks(landscape).items():
        rng = generator_of(landscape.seed, tile, "survey")
        order = rng.permutation(len(blocks))[:MOST_BLOCKS]
        wanted = landscape.polygons_per_class
        # no area may fill the quota of a class alone
        at_most = max(3, -(-2 * wanted // len(order)))
        have: Counter[int] = Counter()
        for position in order:
            here: Counter[int] = Counter()
            parcels = list(_parcels(landscape, blocks[position]))
            for index in rng.permutation(len(parcels)):
                code = parcels[index].code
                if here[code] < at_most and have[code] < wanted:
                    here[code] += 1
                    have[code] += 1
                    found.append(parcels[index])
            if all(have[code] >= wanted for code in landscape.codes):
                break
    return found


def _blocks(landscape: Landscape) -> dict[str, list[Window]]:
    """The area cut in blocks, each given to the first tile that holds its centre; a block reaches beyond its tile."""
    area, side = landscape.area.window, min(BLOCK, landscape.size // 2)
    blocks: dict[str, list[Window]] = {tile: [] for tile in landscape.extents}
    for row in range(0, area.height, side):
        for col in range(0, area.width, side):
            block = Window(row, col, side, side).intersection(area)
            centre = Window(row + block.height // 2, col + block.width // 2, 1, 1)
            tile = next((name for name, extent in landscape.extents.items() if extent.contains(centre)), None)
            if tile is not None:
                blocks[tile].append(block)
    return blocks


def _parcels(landscape: Landscape, window: Window) -> Iterator[LabelledPolygon]:
    """Every parcel of a window that is large enough, drawn within its border."""
    land = ground(landscape, window)
    _, numbers = np.unique(land.parcels ^ land.codes.astype(np.uint64), return_inverse=True)
    numbers = numbers.reshape(land.codes.shape).astype(np.int32)
    codes = np.zeros(numbers.max() + 1, np.uint8)
    codes[numbers] = land.codes
    grid = landscape.area.cropped(window)
    for geometry, number in rasterio.features.shapes(numbers, transform=grid.transform):
        outline = shapely.geometry.shape(geometry).buffer(-INSET, join_style="mitre").simplify(TOLERANCE)
        largest = max(shapely.get_parts(outline), key=lambda part: part.area, default=None)
        if isinstance(largest, shapely.Polygon) and largest.area >= LEAST_AREA and largest.is_valid:
            yield LabelledPolygon(int(codes[int(number)]), largest)
