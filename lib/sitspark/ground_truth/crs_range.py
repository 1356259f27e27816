"""Coordinates that can't be a place in their CRS, as degrees in a file that says metres."""

import math

import pyproj

_LARGEST = 1e9  # of any CRS: what lies beyond isn't on Earth in any unit of length


def beyond_range(crs: str, geometry: str = "geometry") -> str:
    """A SQL condition: a geometry (a column) has coordinates that aren't finite or can't be meant in a CRS.

    A projected CRS allows as much again as its area of use on every side, since many are used beyond it; but not its origin,
    as degrees of longitude and latitude would be taken for, where that lies outside.
    """
    left, bottom, right, top = allowed_bounds(crs)
    # NaN is larger than any number in Spark
    beyond = f"not {_within(geometry, left, bottom, right, top)}"
    return f"({beyond} or {_within(geometry, -180.0, -90.0, 180.0, 90.0)})" if looks_like_degrees(crs) else beyond


def _within(geometry: str, left: float, bottom: float, right: float, top: float) -> str:
    return (
        f"(ST_XMin({geometry}) >= {left!r}D and ST_YMin({geometry}) >= {bottom!r}D "
        f"and ST_XMax({geometry}) <= {right!r}D and ST_YMax({geometry}) <= {top!r}D)"
    )


def allowed_bounds(crs: str) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) that coordinates may have, x or longitude first."""
    found = pyproj.CRS.from_user_input(crs)
    if found.is_geographic:
        return -180.0, -90.0, 180.0, 90.0
    bounds = _bounds_of_use(found)
    if bounds is None:
        return -_LARGEST, -_LARGEST, _LARGEST, _LARGEST
    left, bottom, right, top = bounds
    width, height = right - left, top - bottom
    return left - width, bottom - height, right + width, top + height


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
