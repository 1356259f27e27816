"""Outlines in other CRSs."""

import functools
from typing import Any

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

_PIECES = 20  # into which the longer side of an outline's bounds is cut


@functools.lru_cache(maxsize=16)  # to find the way between two CRSs takes longer than an outline takes on it
def transformer_of(source: str, target: str) -> pyproj.Transformer:
    """The way from one CRS to another, x or longitude first."""
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def reprojected(outline: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """An outline in another CRS (x, y or lon, lat), its edges cut so that they follow the straight lines of the source."""
    if source == target:
        return outline
    left, bottom, right, top = outline.bounds
    longest = max(right - left, top - bottom)
    # a point has no edges
    cut = shapely.segmentize(outline, longest / _PIECES) if longest > 0 else outline
    found: BaseGeometry = moved(cut, source, target)
    return found


def moved(geometries: Any, source: str, target: str) -> Any:
    """A geometry, or an array of them, vertex by vertex in another CRS (x, y or lon, lat)."""
    if source == target:
        return geometries
    transformer = transformer_of(source, target)
    return shapely.transform(geometries, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def share_covered(ground: BaseGeometry, other: BaseGeometry) -> float:
    """The share (0-1) of a ground on which another outline lies; 1 for a ground of no area."""
    return float(ground.intersection(other).area / ground.area) if ground.area else 1.0


def to_geographic(outline: BaseGeometry, crs: str) -> BaseGeometry:
    """An outline in EPSG:4326 (lon, lat); one across the antimeridian is cut there, as RFC 7946 (3.1.9) has it."""
    found = reprojected(outline, crs, "EPSG:4326")
    left, _, right, _ = found.bounds
    if right - left <= 180:
        return found
    east = shapely.transform(found, lambda xy: np.column_stack((np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1])))
    halves = [shapely.intersection(east, shapely.box(start, -90, start + 180, 90)) for start in (0, 180)]
    return shapely.union_all([halves[0], shapely.transform(halves[1], lambda xy: xy - [360, 0])])
