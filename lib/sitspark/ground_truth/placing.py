"""What can be said of a feature alone, before it is compared with others: its fault, or its polygons and their tile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.grid import Grid, Territory
from sitspark.ground_truth.codes import text_codes
from sitspark.ground_truth.faults import Features, blame, present, sound
from sitspark.ground_truth.passes import SHAPES, Judged
from sitspark.ground_truth.shapes import (
    Geometries,
    broken_of,
    keys_of,
    only,
    ranks,
    repaired,
    simple_parts,
    single_polygons,
)  # fmt: skip
from sitspark.scenes.outline import moved
from sitspark.scenes.region import Region

PIECES = pa.schema([
    ("number", pa.int64()), ("label", pa.int32()), ("part", pa.int32()), ("tile", pa.string()),
    ("area_m2", pa.float64()), ("wkb", pa.binary()),
])  # fmt: skip
REJECTED = pa.schema([("number", pa.int64()), ("label", pa.int32()), ("reason", pa.string())])
OUTSIDE = "outside the imagery"  # the reason of a feature that lies on no tile
_QUARTER = 32  # edges of the circle around a point in each quarter: its area is right to a thousandth


@dataclass(frozen=True, slots=True)
class Ground:
    """The ground that can be labelled: the output grid, the rectangles of it that each tile owns, and the region in its CRS."""

    grid: Grid
    territories: Sequence[Territory]
    region: Region | None = None

    def owned(self, spark: SparkSession) -> DataFrame:
        """owner (tile), ground (geometry in the CRS of the grid): a row for each rectangle that a tile owns."""
        boxes = [(tile, shapely.to_wkb(box)) for tile, box in zip(*self.boxes(), strict=True)]
        frame = spark.createDataFrame(boxes, "owner string, wkb binary")
        return frame.select("owner", F.expr("ST_GeomFromWKB(wkb)").alias("ground"))

    def boxes(self) -> tuple[list[str], Geometries]:
        """The tile of each rectangle, and the rectangle."""
        boxes = [shapely.box(*self.grid.cropped(territory.window).bounds) for territory in self.territories]
        return [territory.tile for territory in self.territories], np.array(boxes, object)


@dataclass(frozen=True, slots=True)
class Placing:
    """How features in `crs` become polygons on the ground; `buffer` (metres) surrounds points, `names` are classes by code."""

    ground: Ground
    crs: str
    buffer: float
    names: Mapping[int, str]

    def judge(self, features: pa.Table) -> Judged:
        """Judge a group of FEATURES: PIECES, the polygons on the ground of those without a fault; and REJECTED."""
        found = Features.of(features, self.crs, texts=text_codes(self.names), known=self.names)
        owner, polygons = self._polygons(found.geometries, found.broken)
        found.without_area(owner)
        if self.ground.region is not None:
            owner, polygons = _inside(owner, polygons, self.ground.region)
            blame(found.fault, ~present(owner, len(found)), "outside the region")
        tile = _tiles(owner, polygons, len(found), self.ground)
        blame(found.fault, np.asarray(tile == None), OUTSIDE)  # noqa: E711  # compares element by element
        here = sound(found.fault)[owner]
        owner, polygons = owner[here], polygons[here]
        of_owner, part, area = pa.array(owner), ranks(owner), shapely.area(polygons)
        number, label, place = found.number.take(of_owner), found.code.take(of_owner), pa.array(part, pa.int32())
        wkb = pa.array(shapely.to_wkb(polygons), pa.binary())
        pieces = pa.table([number, label, place, pa.array(tile[owner], pa.string()), pa.array(area), wkb], schema=PIECES)
        # features as they were written are compared, whatever of them lies on the ground
        keys, one = keys_of(found.wkb).take(of_owner), pa.array(np.ones(len(owner), np.int32))
        whole = pa.table([number, label, place, one, keys, keys, pa.array(area)], schema=SHAPES).filter(pa.array(part == 0))
        columns = [found.number, found.code, pa.array(found.reasons(), pa.string())]
        rejected = pa.table(columns, schema=REJECTED).filter(pa.array(~sound(found.fault)))
        return Judged(pieces, polygons, whole, rejected)

    def _polygons(self, geometries: Geometries, broken: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], Geometries]:
        """The valid single polygons of features in the CRS of the grid; points become their pixel or a disc."""
        grid = self.ground.grid
        shapes = moved(geometries, self.crs, grid.crs)
        # a ring can cross itself for having been moved
        broken = broken if self.crs == grid.crs else broken_of(shapes)
        punctual = shapely.get_dimensions(geometries) == 0
        owner, polygons = single_polygons(repaired(only(shapes, ~punctual), broken & ~punctual))
        if not punctual.any():
            return owner, polygons
        of_points, points = simple_parts(only(shapes, punctual))
        around = shapely.buffer(points, self.buffer, quad_segs=_QUARTER) if self.buffer > 0 else _pixels_of(points, grid)
        owner, polygons = np.concatenate([owner, of_points]), np.concatenate([polygons, around])
        order = np.argsort(owner, kind="stable")
        return owner[order], polygons[order]


def _pixels_of(points: Geometries, grid: Grid) -> Geometries:
    """The square in the middle of the pixel of each point, half a pixel wide: it holds that pixel's centre and no other one."""
    column = np.floor((shapely.get_x(points) - grid.left) / grid.resolution)
    row = np.floor((grid.top - shapely.get_y(points)) / grid.resolution)
    left, top = grid.left + (column + 0.25) * grid.resolution, grid.top - (row + 0.25) * grid.resolution
    found: Geometries = shapely.box(left, top - grid.resolution / 2, left + grid.resolution / 2, top)
    return found


def _inside(owner: npt.NDArray[np.intp], polygons: Geometries, region: Region) -> tuple[npt.NDArray[np.intp], Geometries]:
    """What of polygons lies in the region."""
    outline = region.outline
    whole = shapely.contains(outline, polygons)
    cut = np.flatnonzero(~whole & shapely.intersects(outline, polygons))
    index, parts = single_polygons(shapely.intersection(polygons[cut], outline))
    owner, polygons = np.concatenate([owner[whole], owner[cut[index]]]), np.concatenate([polygons[whole], parts])
    order = np.argsort(owner, kind="stable")
    return owner[order], polygons[order]


def _tiles(owner: npt.NDArray[np.intp], polygons: Geometries, features: int, ground: Ground) -> npt.NDArray[np.object_]:
    """The tile that owns the largest part of each feature, of equal parts the first name; None outside all."""
    names, boxes = ground.boxes()
    polygon, box = shapely.STRtree(boxes).query(polygons, predicate="intersects").reshape(2, -1)
    area = shapely.area(polygons)[polygon]
    inner, outer = shapely.bounds(polygons)[polygon], shapely.bounds(boxes)[box]
    across = (inner[:, :2] < outer[:, :2]).any(1) | (inner[:, 2:] > outer[:, 2:]).any(1)
    area[across] = shapely.area(shapely.intersection(polygons[polygon[across]], boxes[box[across]]))
    tiles, number = np.unique(np.array(names, object), return_inverse=True)
    pairs, place = np.unique(np.stack([owner[polygon], number[box]]), axis=1, return_inverse=True)
    total = np.bincount(place.reshape(-1), area, minlength=pairs.shape[1])
    some = total > 0  # those that only touch the edge give no pixel
    feature, tile, total = pairs[0, some], pairs[1, some], total[some]
    order = np.lexsort((tile, -total, feature))
    first = order[np.r_[True, np.diff(feature[order]) > 0]] if len(order) else order
    found = np.full(features, None, object)
    found[feature[first]] = tiles[tile[first]]
    return found
