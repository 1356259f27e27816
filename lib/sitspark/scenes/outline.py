"""Outlines in other CRSs."""

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

_PIECES = 20  # into which the longer side of an outline's bounds is cut


def reprojected(outline: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """An outline in another CRS (x, y or lon, lat), its edges cut so that they follow the straight lines of the source."""
    if source == target:
        return outline
    left, bottom, right, top = outline.bounds
    dense = shapely.segmentize(outline, max(right - left, top - bottom) / _PIECES)
    transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)
    return shapely.transform(dense, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def to_geographic(outline: BaseGeometry, crs: str) -> BaseGeometry:
    """An outline in EPSG:4326 (lon, lat)."""
    return reprojected(outline, crs, "EPSG:4326")
