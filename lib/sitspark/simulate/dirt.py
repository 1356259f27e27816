"""The faults of real polygon files, made on purpose and known exactly."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from sitspark.simulate.landscape import Landscape
from sitspark.simulate.noise import generator_of
from sitspark.simulate.polygons import LabelledPolygon

SHARE = 0.005  # of the features, for each kind
FEWEST = 2
UNKNOWN_CODE = 99


@dataclass(frozen=True, slots=True)
class Feature:
    """One row of the polygon file. outline: None if null. dirt: what is wrong with it, which the file doesn't say."""

    id: int
    code: int
    outline: shapely.Geometry | None
    dirt: str | None


@dataclass(frozen=True, slots=True)
class _Row:
    """A feature that has no number yet."""

    code: int
    outline: shapely.Geometry | None
    dirt: str | None


def soiled(landscape: Landscape, clean: list[LabelledPolygon]) -> list[Feature]:
    """The clean polygons with faults among them, in random order, numbered from 1.

    In place of a clean polygon: self_intersection, multipart, unknown_label. Added: duplicate, conflicting_duplicate
    (another label), overlap (of another label), empty, null. across_tiles is a clean polygon cut by a tile's border.
    """
    rng = generator_of(landscape.seed, "dirt")
    pool = [clean[index] for index in rng.permutation(len(clean))]
    each = min(max(FEWEST, round(SHARE * len(clean))), len(clean) // 16)
    borders = shapely.union_all([shapely.box(*landscape.grid_of(tile).bounds).exterior for tile in landscape.extents])

    def sound(polygon: LabelledPolygon) -> _Row:
        cut = polygon.outline.intersects(borders)
        return _Row(polygon.code, polygon.outline, "across_tiles" if cut else None)

    def another(code: int) -> int:
        return int(rng.choice([other for other in landscape.codes if other != code]))

    instead: dict[str, Callable[[LabelledPolygon], _Row]] = {
        "self_intersection": lambda p: _Row(p.code, _bow_tie(p.outline), "self_intersection"),
        "multipart": lambda p: _Row(p.code, _two_parts(p.outline), "multipart"),
        "unknown_label": lambda p: _Row(UNKNOWN_CODE, p.outline, "unknown_label"),
    }
    besides: dict[str, Callable[[LabelledPolygon], _Row]] = {
        "duplicate": lambda p: _Row(p.code, p.outline, "duplicate"),
        "conflicting_duplicate": lambda p: _Row(another(p.code), p.outline, "conflicting_duplicate"),
        "overlap": lambda p: _Row(another(p.code), _pushed(p.outline), "overlap"),
        "empty": lambda p: _Row(p.code, shapely.Polygon(), "empty"),
        "null": lambda p: _Row(p.code, None, "null"),
    }
    rows: list[_Row] = []
    for fault in instead.values():
        rows += [fault(pool.pop()) for _ in range(each)]
    # each polygon has one fault at most, so that a copy has one original
    for fault, victims in zip(besides.values(), _dealt(pool, each), strict=False):
        rows += [fault(victim) for victim in victims]
    rows += [sound(polygon) for polygon in pool]
    order = rng.permutation(len(rows))
    return [Feature(number, rows[i].code, rows[i].outline, rows[i].dirt) for number, i in enumerate(order, 1)]


def _dealt(pool: list[LabelledPolygon], each: int) -> list[list[LabelledPolygon]]:
    return [pool[start : start + each] for start in range(0, len(pool), each or 1)]


def _bow_tie(outline: shapely.Polygon) -> shapely.Polygon:
    """Four points of the outline in an order that makes it cross itself."""
    a, b, c, d = (outline.exterior.interpolate(share, normalized=True).coords[0] for share in (0.0, 0.25, 0.5, 0.75))
    return shapely.Polygon([a, b, d, c])


def _two_parts(outline: shapely.Polygon) -> shapely.MultiPolygon:
    """The outline cut in two by a gap along its middle."""
    left, bottom, right, top = outline.bounds
    middle = (left + right) / 2
    gap = shapely.box(middle - 5, bottom - 1, middle + 5, top + 1)
    return shapely.MultiPolygon([p for p in shapely.get_parts(outline.difference(gap)) if isinstance(p, shapely.Polygon)])


def _pushed(outline: shapely.Polygon) -> shapely.Polygon:
    """The outline moved by half its width, so that it lies on another."""
    left, _, right, _ = outline.bounds
    return shapely.transform(outline, lambda xy: xy + np.array([(right - left) / 2, 0.0]))
