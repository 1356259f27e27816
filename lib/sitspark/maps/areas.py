"""How much ground each class has on a map, as a whole, by tiles and by regions: counts of pixels times their area."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from sitspark.classes import Nomenclature
from sitspark.grid import Grid, Territory, Window
from sitspark.maps.reading import blocks, opened, read
from sitspark.maps.record import ChunkRecord
from sitspark.scenes.region import Region

AREAS = "areas.csv"  # beside the map
MAP, TILE, REGION = "map", "tile", "region"  # kinds of ground
SIDE = 2048  # pixels of a block's side
_WHOLE = "all"
_HECTARE = 10_000.0  # square metres
_ALIKE = 0.02  # share by which the ground of pixels may differ from what their resolution says


@dataclass(frozen=True, slots=True)
class ClassArea:
    """Pixels that a map gives to a class, their ground in hectares, and their share of all pixels that have a class."""

    code: int
    pixels: int
    hectares: float
    share: float


@dataclass(frozen=True, slots=True)
class GroundAreas:
    """The classes that occur on some ground: the whole map, a tile (what it owns) or a region, by its name."""

    kind: str
    name: str
    classes: tuple[ClassArea, ...]


def counts_of(classes: npt.NDArray[np.unsignedinteger[Any]]) -> dict[int, int]:
    """The number of pixels of each class code that occurs; 0, not classified, is none."""
    counts = np.bincount(classes.ravel())
    return {code: int(counts[code]) for code in np.flatnonzero(counts).tolist() if code}


def areas_of(records: Iterable[ChunkRecord], grid: Grid) -> tuple[GroundAreas, ...]:
    """The areas of a map from the records of its chunks: first the whole map, then tiles and regions by their names."""
    whole: Counter[int] = Counter()
    tiles: dict[str, Counter[int]] = {}
    regions: dict[str, Counter[int]] = {}
    for record in records:
        whole.update(record.counts)
        tiles.setdefault(record.tile, Counter()).update(record.counts)
        for name, counts in record.by_region.items():
            regions.setdefault(name, Counter()).update(counts)
    return _grounds(whole, tiles, regions, grid)


def areas_on(
    classes: Path,
    territories: Iterable[Territory],
    *,
    grid: Grid,
    origin: Window,
    regions: Mapping[str, Region],
    side: int = SIDE,
) -> tuple[GroundAreas, ...]:
    """The areas of a map from its raster of classes, in the same order, of which `side` x `side` pixels are read at a time.

    `territories`, windows of the output grid `grid`, are the ground of the tiles, `origin` is that of the map on it, and
    `regions` are in its CRS. Raises SitsparkError with the path of a raster that can't be read.
    """
    whole: Counter[int] = Counter()
    tiles: dict[str, Counter[int]] = {}
    found: dict[str, Counter[int]] = {}
    with opened(classes) as source:
        for territory in territories:
            for block in blocks(territory.window.intersection(origin), side):
                codes = read(source, block.shifted(-origin.row, -origin.col))[0]
                counts = counts_of(codes)
                whole.update(counts)
                tiles.setdefault(territory.tile, Counter()).update(counts)
                for name, region in regions.items():
                    inside = region.pixels(grid.cropped(block)).astype(bool)
                    found.setdefault(name, Counter()).update(counts_of(codes[inside]))
    return _grounds(whole, tiles, found, grid)


def _grounds(
    whole: Mapping[int, int], tiles: Mapping[str, Mapping[int, int]], regions: Mapping[str, Mapping[int, int]], grid: Grid
) -> tuple[GroundAreas, ...]:
    hectares = pixel_hectares(grid)
    return (
        _areas(MAP, _WHOLE, whole, hectares),
        *(_areas(TILE, name, tiles[name], hectares) for name in sorted(tiles)),
        *(_areas(REGION, name, regions[name], hectares) for name in sorted(regions)),
    )


def has_pixels_of_one_size(grid: Grid) -> bool:
    """Whether pixels at the corners and in the middle of a grid cover the ground that its resolution says, within 2 %.

    UTM and the conformal CRS of countries stay within 1 %; Mercator's of the web is off by half at 45 degrees.
    """
    crs = pyproj.CRS.from_user_input(grid.crs)
    if not crs.is_projected:
        return False
    to_degrees, ellipsoid = pyproj.Transformer.from_crs(crs, 4326, always_xy=True), pyproj.Geod(ellps="WGS84")
    left, bottom, right, top = grid.bounds
    side, nominal = grid.resolution, pixel_hectares(grid) * _HECTARE
    places = [(left, top), (right, top), (left, bottom), (right, bottom), ((left + right) / 2, (bottom + top) / 2)]
    for x, y in places:
        lon, lat = to_degrees.transform([x, x + side, x + side, x], [y, y, y - side, y - side])
        if abs(abs(ellipsoid.polygon_area_perimeter(lon, lat)[0]) / nominal - 1) > _ALIKE:
            return False
    return True


def pixel_hectares(grid: Grid) -> float:
    """The ground of a pixel in hectares."""
    unit = float(pyproj.CRS.from_user_input(grid.crs).axis_info[0].unit_conversion_factor)
    return (grid.resolution * unit) ** 2 / _HECTARE


def _areas(kind: str, name: str, counts: Mapping[int, int], hectares: float) -> GroundAreas:
    total = sum(counts.values())
    classes = (ClassArea(code, counts[code], counts[code] * hectares, counts[code] / total) for code in sorted(counts))
    return GroundAreas(kind, name, tuple(classes))


_COLUMNS = ("kind", "ground", "code", "class", "pixels", "hectares", "share")


def to_csv(areas: Iterable[GroundAreas], nomenclature: Nomenclature) -> str:
    """A line for each class that occurs on each ground, after a line of headings."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for ground in areas:
        for c in ground.classes:
            named = (ground.kind, ground.name, c.code, nomenclature.name_of(c.code))
            table.writerow((*named, c.pixels, f"{c.hectares:.4f}", f"{c.share:.6f}"))
    return text.getvalue()


def read_csv(path: Path) -> tuple[GroundAreas, ...]:
    """Read back what `to_csv` wrote."""
    found: dict[tuple[str, str], list[ClassArea]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            area = ClassArea(int(row["code"]), int(row["pixels"]), float(row["hectares"]), float(row["share"]))
            found.setdefault((row["kind"], row["ground"]), []).append(area)
    return tuple(GroundAreas(kind, name, tuple(classes)) for (kind, name), classes in found.items())
