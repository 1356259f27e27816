"""Coordinates that can't be a place in their CRS, as degrees in a file that says metres."""

import functools
import math

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from sitspark.ground_truth.shapes import Geometries

_LARGEST = 1e9  # of any CRS: what lies beyond isn't on Earth in any unit of length
_DEGREES = (-180.0, -90.0, 180.0, 90.0)


def beyond_range(geometries: Geometries, broken: npt.NDArray[np.bool_], crs: str) -> npt.NDArray[np.bool_]:
    """Which geometries have coordinates that aren't finite or can't be meant in a CRS; False for None.

    `broken` says which are invalid, as those with a coordinate that is no number are.

    A projected CRS allows as much again as its area of use on every side, since many are used beyond it; but not its origin,
    as degrees of longitude and latitude would be taken for, where that lies outside.
    """
    bounds = shapely.bounds(geometries)
    beyond = ~_within(bounds, allowed_bounds(crs))
    if looks_like_degrees(crs):
        beyond |= _within(bounds, _DEGREES)
    # bounds pass over NaN
    doubtful = np.flatnonzero(~beyond & broken)
    coordinates, index = shapely.get_coordinates(geometries[doubtful], return_index=True)
    beyond[doubtful[index[~np.isfinite(coordinates).all(1)]]] = True
    beyond &= ~shapely.is_missing(geometries)
    return beyond


def _within(bounds: npt.NDArray[np.float64], allowed: tuple[float, float, float, float]) -> npt.NDArray[np.bool_]:
    left, bottom, right, top = allowed
    found: npt.NDArray[np.bool_] = (
        (bounds[:, 0] >= left) & (bounds[:, 1] >= bottom) & (bounds[:, 2] <= right) & (bounds[:, 3] <= top)
    )
    return found


@functools.lru_cache(maxsize=16)
def allowed_bounds(crs: str) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) that coordinates may have, x or longitude first."""
    found = pyproj.CRS.from_user_input(crs)
    if found.is_geographic:
        return _DEGREES
    bounds = _bounds_of_use(found)
    if bounds is None:
        return -_LARGEST, -_LARGEST, _LARGEST, _LARGEST
    left, bottom, right, top = bounds
    width, height = right - left, top - bottom
    return left - width, bottom - height, right + width, top + height


@functools.lru_cache(maxsize=16)
def looks_like_degrees(crs: str) -> bool:
    """Whether coordinates of degrees would lie outside the area of use of a projected CRS."""
    found = pyproj.CRS.from_user_input(crs)
    bounds = None if found.is_geographic else _bounds_of_use(found)
    return bounds is not None and not (bounds[0] <= 180 and bounds[2] >= -180 and bounds[1] <= 90 and bounds[3] >= -90)


def _bounds_of_use(crs: pyproj.CRS) -> tuple[float, float, float, float] | None:
    area = crs.area_of_use
    if area is None or area.west > area.east:
        return None
    transformer = pyproj.Transformer.from_crs(crs.geodetic_crs or 4326, crs, always_xy=True)
    left, bottom, right, top = transformer.transform_bounds(area.west, area.south, area.east, area.north)
    return (left, bottom, right, top) if all(map(math.isfinite, (left, bottom, right, top))) else None
