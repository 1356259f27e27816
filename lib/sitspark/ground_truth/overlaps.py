"""Polygons of different labels that share ground."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely

from sitspark.errors import SitsparkError
from sitspark.ground_truth.shapes import keys_of
from sitspark.kernels.shapes import meeting_boxes
from sitspark.scenes.outline import moved

Overlaps = Literal["drop", "keep-first", "keep-larger"]

PAIRS = pa.schema([
    ("a", pa.int64()), ("b", pa.int64()), ("a_area", pa.float64()), ("b_area", pa.float64()), ("common", pa.float64()),
])  # fmt: skip
BOX = ("x0", "y0", "x1", "y1")
_PIXELS = 1024  # along the side of a square: some thousand parcels or stands
_AT_ONCE = 10_000  # intersections that are held as geometries; of the rest there are five numbers each
_MOST = 1_000_000  # pairs of a block, forty for each polygon
_METRES = 111_320  # of a degree


@dataclass(frozen=True, slots=True)
class Ruler:
    """How shared ground is measured.

    `crs` is that of the polygons, `pixels_crs` and `resolution` those of the pixels, of which `tolerance` may be shared.
    """

    crs: str
    pixels_crs: str
    resolution: float
    tolerance: float

    @property
    def least(self) -> float:
        """The area (m2) that is tolerated."""
        return self.tolerance * self.resolution**2

    @property
    def side(self) -> float:
        """The side of a square, in units of the polygons' CRS."""
        side = _PIXELS * self.resolution
        alike = self.crs == self.pixels_crs or pyproj.CRS.from_user_input(self.crs).is_projected
        return side if alike else side / _METRES


def shared_ground(polygons: pa.Table, ruler: Ruler) -> pa.Table:
    """PAIRS (a < b) of features of different labels that share ground, once for each two of their polygons that do.

    `polygons`: number, label, wkb, BOX, `area` (that of the whole feature, in any unit) and `sole` (boolean: the feature has
    no other polygon).
    """
    polygons = _without_copies(polygons)
    boxes = np.column_stack([polygons[name].to_numpy() for name in BOX])
    first, second = meeting_boxes(boxes, polygons["label"].to_numpy(), _MOST).T
    if len(first) > _MOST:
        (x0, y0, x1, y1), (a, b) = boxes[first[-1]], (polygons["number"][int(place[-1])] for place in (first, second))
        raise SitsparkError(
            f"polygons of different labels lie on one another by thousands, as near x {(x0 + x1) / 2:g}, y {(y0 + y1) / 2:g} "
            f"({ruler.crs}) those of rows {a} and {b}; this is no ground truth: take them apart"
        )
    if ruler.crs == ruler.pixels_crs:
        # two features of one piece each share no more than their boxes do
        sole = polygons["sole"].to_numpy()
        sides = np.minimum(boxes[first, 2:], boxes[second, 2:]) - np.maximum(boxes[first, :2], boxes[second, :2])
        enough = (sides.prod(1) > ruler.least) | ~(sole[first] & sole[second])
        first, second = first[enough], second[enough]
    number, area = polygons["number"].to_numpy(), polygons["area"].to_numpy()
    first, second = np.where(number[first] < number[second], (first, second), (second, first))
    needed = np.unique(np.concatenate([first, second]))
    shapes = np.full(len(number), None, object)
    shapes[needed] = shapely.from_wkb(polygons["wkb"].take(pa.array(needed)).to_numpy())
    common = np.zeros(len(first))
    for start in range(0, len(first), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        ground = shapely.intersection(shapes[first[part]], shapes[second[part]])
        common[part] = shapely.area(moved(ground, ruler.crs, ruler.pixels_crs))
    pairs = pa.table([number[first], number[second], area[first], area[second], common], schema=PAIRS)
    return pairs.filter(pc.greater(pairs["common"], 0))


def _without_copies(polygons: pa.Table) -> pa.Table:
    """Of features of one and the same piece the first: no other one of them stays, whatever it overlaps."""
    sole, number = polygons["sole"].to_numpy(), polygons["number"].to_numpy()
    keys = keys_of(polygons["wkb"].combine_chunks()).to_numpy()
    order = np.lexsort((number, keys, ~sole))
    again = np.zeros(len(order), bool)
    again[order[1:]] = sole[order[1:]] & sole[order[:-1]] & (np.diff(keys[order]) == 0)
    return polygons.filter(pa.array(~again)) if again.any() else polygons


def sharing_too_much(pairs: pa.Table, ruler: Ruler) -> pa.Table:
    """Of PAIRS those that share, all together, more than is tolerated, each once."""
    total = pairs.group_by(["a", "b"], use_threads=False).aggregate([("a_area", "max"), ("b_area", "max"), ("common", "sum")])
    found = total.select(["a", "b", "a_area_max", "b_area_max", "common_sum"]).rename_columns(PAIRS.names)
    return found.filter(pc.greater(found["common"], ruler.least))


def without(pairs: pa.Table, numbers: pa.Array) -> pa.Table:
    """The pairs that none of some features is in."""
    return pairs.filter(pc.invert(pc.or_(pc.is_in(pairs["a"], numbers), pc.is_in(pairs["b"], numbers))))


def losers(pairs: pa.Table, rule: Overlaps) -> pa.Table:
    """Which features of PAIRS a rule rejects: number, other (the first feature that it loses to).

    Pairs are judged one by one: a feature goes also where the one that it loses to goes for the sake of a third. Of two
    that are equally large the first is kept.
    """
    a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
    if rule == "drop":
        number, other = np.concatenate([a, b]), np.concatenate([b, a])
    elif rule == "keep-first":
        number, other = b, a
    else:
        number, other = np.where(pairs["a_area"].to_numpy() < pairs["b_area"].to_numpy(), (a, b), (b, a))
    lost = pa.table({"number": number, "other": other}).group_by("number", use_threads=False).aggregate([("other", "min")])
    return lost.select(["number", "other_min"]).rename_columns(["number", "other"])
