"""Whether a WKB holds a geometry that can be worked with, found before a JVM stops at it."""

import numpy as np
import pyarrow as pa
import shapely

UNREADABLE = "unreadable geometry"
EMPTY = "empty geometry"
_STRAIGHT = 7  # the last type without curves: GeometryCollection


def problems_of(wkb: pa.Array) -> pa.Array:
    """What is wrong with each WKB as a whole: UNREADABLE (cut short, curves), EMPTY, or null, as for a WKB that is null."""
    values = wkb.to_numpy(zero_copy_only=False)
    try:
        geometries = shapely.from_wkb(values, on_invalid="ignore")
    except NotImplementedError:  # one curve spoils the whole array
        straight = np.array([value if value is None or _is_straight(value) else b"" for value in values], object)
        geometries = shapely.from_wkb(straight, on_invalid="ignore")
    present = ~np.asarray(wkb.is_null())
    unreadable = present & shapely.is_missing(geometries)
    empty = present & shapely.is_empty(geometries)
    problems = np.full(len(values), None, object)
    problems[empty], problems[unreadable] = EMPTY, UNREADABLE
    return pa.array(problems, pa.string())


def _is_straight(wkb: bytes) -> bool:
    """Whether a geometry is of one of the types without curves (ISO and extended WKB)."""
    code = int.from_bytes(wkb[1:5], "little" if wkb[:1] == b"\x01" else "big")
    return (code & 0xFFFF) % 1000 <= _STRAIGHT
