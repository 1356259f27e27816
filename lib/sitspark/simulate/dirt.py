"""The faults of real polygon files, made on purpose and known exactly."""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
    """One row of the polygon file; `dirt` is what is wrong with it, None for a clean one, and is not in the file."""

    id: int
    polygon: LabelledPolygon
    dirt: str | None


def soiled(landscape: Landscape, clean: list[LabelledPolygon]) -> list[Feature]:
    """The clean polygons with faults added, in random order, numbered from 1.

    Kinds: self_intersection, multipart, unknown_label (in place of a clean polygon), duplicate, conflicting_duplicate,
    overlap, empty, null (added), and across_tiles for a clean polygon that a tile's border cuts.
    """
    rng = generator_of(landscape.seed, "dirt")
    count = max(FEWEST, round(SHARE * len(clean)))
    pool = [clean[index] for index in rng.permutation(len(clean))]
    rows: list[tuple[LabelledPolygon, str | None]] = []

    def soil(kind: str, fault: Callable[[LabelledPolygon], LabelledPolygon], *, keep: bool) -> None:
        for _ in range(min(count, len(pool) // 2)):
            victim = pool.pop()
            rows.append((fault(victim), kind))
            if keep:
                rows.append((victim, _border(landscape, victim)))

    def relabelled(polygon: LabelledPolygon) -> LabelledPolygon:
        return replace(polygon, code=int(rng.choice([code for code in landscape.codes if code != polygon.code])))

    soil("self_intersection", _bow_tie, keep=False)
    soil("unknown_label", lambda polygon: replace(polygon, code=UNKNOWN_CODE), keep=False)
    soil("multipart", _two_parts, keep=False)
    soil("duplicate", lambda polygon: polygon, keep=True)
    soil("conflicting_duplicate", relabelled, keep=True)
    soil("overlap", lambda polygon: _pushed(relabelled(polygon)), keep=True)
    soil("empty", lambda polygon: replace(polygon, outline=shapely.Polygon()), keep=True)
    soil("null", lambda polygon: replace(polygon, outline=None), keep=True)
    rows += [(polygon, _border(landscape, polygon)) for polygon in pool]
    return [Feature(number, *rows[index]) for number, index in enumerate(rng.permutation(len(rows)), 1)]


def _border(landscape: Landscape, polygon: LabelledPolygon) -> str | None:
    borders = [shapely.box(*landscape.grid_of(tile).bounds).exterior for tile in landscape.extents]
    return "across_tiles" if any(polygon.outline.intersects(border) for border in borders) else None


def _bow_tie(polygon: LabelledPolygon) -> LabelledPolygon:
    """Four corners of the outline in an order that makes it cross itself."""
    outline = polygon.outline.exterior
    a, b, c, d = (outline.interpolate(share, normalized=True).coords[0] for share in (0.0, 0.25, 0.5, 0.75))
    return replace(polygon, outline=shapely.Polygon([a, b, d, c]))


def _two_parts(polygon: LabelledPolygon) -> LabelledPolygon:
    """The outline cut in two by a gap along its middle."""
    left, bottom, right, top = polygon.outline.bounds
    middle = (left + right) / 2
    gap = shapely.box(middle - 5, bottom - 1, middle + 5, top + 1)
    parts = [part for part in shapely.get_parts(polygon.outline.difference(gap)) if part.area > 0]
    return replace(polygon, outline=shapely.MultiPolygon(parts))


def _pushed(polygon: LabelledPolygon) -> LabelledPolygon:
    """The outline moved by half its width, so that half of it lies on another."""
    left, _, right, _ = polygon.outline.bounds
    return replace(
        polygon, outline=shapely.transform(polygon.outline, lambda xy: xy + np.array([(right - left) / 2, 0.0]))
    )
