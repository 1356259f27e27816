"""Geometries of labelled features as arrays: decoding, repair, single polygons, keys (no Spark, no file)."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from sitspark.kernels.shapes import digests

Geometries = npt.NDArray[np.object_]  # shapely geometries, or None

NULL = "null geometry"
EMPTY = "empty geometry"
UNREADABLE = "unreadable geometry"
_STRAIGHT = 7  # the last type of WKB without curves: GeometryCollection
_POLYGON, _MULTI_POINT = 3, 4  # types of shapely; collections begin with the latter
_PLAIN = (1, 3)  # types of WKB of single points and polygons, without a third dimension
_COLLECTIONS = (4, 5, 6, 7)
_HEAD = 9  # bytes of WKB: order, type, number of parts
_DIGITS = {True: 6, False: 2}  # of places in degrees and in metres: decimetres and centimetres


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Geometries in two dimensions (n), a collection of one as that one; None where `problem` (n) says why.

    `problem` is NULL, EMPTY, UNREADABLE or None; `wkb` the geometries as little-endian WKB, null where there is none.
    """

    geometries: Geometries
    problem: npt.NDArray[np.object_]
    wkb: pa.Array


def decoded(wkb: pa.Array) -> Decoded:
    """Read WKB; what is cut short or holds curves is unreadable."""
    # many files know no single polygons; the WKB of the one follows the head of the collection
    little, kind, parts = _heads(wkb)
    alone = little & (parts == 1) & np.isin(kind, _COLLECTIONS)
    several = wkb.filter(pa.array(alone)).to_pylist()
    wkb = _with(wkb, alone, pa.array([value[_HEAD:] for value in several], pa.binary()))
    little, kind, _ = _heads(wkb)
    plain = little & np.isin(kind, _PLAIN)
    values = wkb.to_numpy(zero_copy_only=False)
    try:
        geometries = shapely.from_wkb(values, on_invalid="ignore")
    except NotImplementedError:  # one curve spoils the whole array
        straight = np.array([value if value is None or _is_straight(value) else b"" for value in values], object)
        geometries = shapely.from_wkb(straight, on_invalid="ignore")
    geometries = np.asarray(geometries, object)
    problem = np.full(len(geometries), None, object)
    problem[shapely.is_missing(geometries)] = UNREADABLE
    problem[np.asarray(wkb.is_null())] = NULL
    problem[shapely.is_empty(geometries)] = EMPTY
    geometries[shapely.is_empty(geometries)] = None
    # the same of collections in other forms of WKB
    alone = (shapely.get_type_id(geometries) >= _MULTI_POINT) & (shapely.get_num_geometries(geometries) == 1)
    geometries[alone] = shapely.get_geometry(geometries[alone], 0)
    tall = shapely.has_z(geometries)
    geometries[tall] = shapely.force_2d(geometries[tall])
    there = ~shapely.is_missing(geometries)
    sound = pc.if_else(pa.array(there), wkb, None)
    return Decoded(geometries, problem, replaced(sound, there & (~plain | alone), geometries))


def _heads(wkb: pa.Array) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Which WKBs are little-endian, their types, and the numbers that follow, of parts or rings."""
    _, offsets, content = wkb.buffers()
    first = np.frombuffer(offsets, np.int32)[wkb.offset : wkb.offset + len(wkb) + 1]
    data = np.frombuffer(content or b"", np.uint8)
    long = np.diff(first) >= _HEAD
    heads = np.zeros((len(wkb), _HEAD), np.uint8)
    heads[long] = data[first[:-1][long, None] + np.arange(_HEAD)]
    numbers = np.ascontiguousarray(heads[:, 1:]).view("<u4")
    return heads[:, 0] == 1, numbers[:, 0], numbers[:, 1]


def replaced(wkb: pa.Array, chosen: npt.NDArray[np.bool_], geometries: Geometries) -> pa.Array:
    """WKBs of which those that are chosen are written anew, from the geometries in their places."""
    return _with(wkb, chosen, pa.array(shapely.to_wkb(geometries[chosen], byte_order=1), pa.binary()))


def _with(wkb: pa.Array, chosen: npt.NDArray[np.bool_], anew: pa.Array) -> pa.Array:
    """An array of which the chosen values are those of another one, in their order."""
    if not chosen.any():
        return wkb
    places = np.arange(len(wkb))
    places[chosen] = len(wkb) + np.arange(len(anew))
    return pa.concat_arrays([wkb, anew]).take(pa.array(places))


def _is_straight(wkb: bytes) -> bool:
    """Whether a geometry is of one of the types without curves (ISO and extended WKB)."""
    code = int.from_bytes(wkb[1:5], "little" if wkb[:1] == b"\x01" else "big")
    return (code & 0xFFFF) % 1000 <= _STRAIGHT


def only(geometries: Geometries, chosen: npt.NDArray[np.bool_]) -> Geometries:
    """The chosen geometries, None in the place of the others."""
    found = geometries.copy()
    found[~chosen] = None
    return found


def repaired(geometries: Geometries, broken: npt.NDArray[np.bool_]) -> Geometries:
    """Geometries of which those that are `broken` (invalid) are made valid, as OGR's MakeValid does."""
    fixed = geometries.copy()
    fixed[broken] = shapely.make_valid(geometries[broken])
    return fixed


def broken_of(geometries: Geometries) -> npt.NDArray[np.bool_]:
    """Which geometries are invalid; None isn't."""
    found: npt.NDArray[np.bool_] = ~(shapely.is_valid(geometries) | shapely.is_missing(geometries))
    return found


def faults_of(geometries: Geometries, *, degrees: bool) -> list[str]:
    """Why geometries are invalid, and where, with as many digits as a place on the ground has."""
    digits = _DIGITS[degrees]

    def short(reason: str) -> str:
        return re.sub(r"-?\d+(\.\d+)?(e[+-]?\d+)?", lambda number: f"{float(number[0]):.{digits}f}", reason)

    return [short(reason.replace("[", " at ").replace("]", "")) for reason in shapely.is_valid_reason(geometries)]


def simple_parts(geometries: Geometries) -> tuple[npt.NDArray[np.intp], Geometries]:
    """The points, lines and polygons of geometries, and the position of the one that each is of; in order, None left out."""
    owner = np.flatnonzero(~shapely.is_missing(geometries))
    parts = geometries[owner]
    while (several := shapely.get_type_id(parts) >= _MULTI_POINT).any():
        # only what has parts: to take the one of a single polygon copies it
        pieces, index = shapely.get_parts(parts[several], return_index=True)
        owner = np.concatenate([owner[~several], owner[several][index]])
        parts = np.concatenate([parts[~several], pieces])
        order = np.argsort(owner, kind="stable")
        owner, parts = owner[order], parts[order]
    return owner, parts


def single_polygons(geometries: Geometries) -> tuple[npt.NDArray[np.intp], Geometries]:
    """The polygons with an area of valid geometries, and the position of the geometry that each is of."""
    owner, parts = simple_parts(geometries)
    areal = (shapely.get_type_id(parts) == _POLYGON) & (shapely.area(parts) > 0)
    return owner[areal], parts[areal]


def ranks(owner: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The place of each of several in a row of the same owner, from 0."""
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]]) if len(owner) else np.zeros(0, np.intp)
    return np.arange(len(owner)) - np.repeat(first, np.diff(np.r_[first, len(owner)]))


def keys_of(wkb: pa.Array) -> pa.Array:
    """A number (int64) that shapes share with those of the same vertices, in whatever order (`kernels.shapes.digests`)."""
    _, offsets, content = wkb.buffers()
    first = np.frombuffer(offsets, np.int32)[wkb.offset : wkb.offset + len(wkb) + 1]
    return pa.array(digests(np.frombuffer(content or b"", np.uint8), first).view(np.int64))


def into_cells(geometries: Geometries, side: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64], Geometries]:
    """The parts of polygons in each cell of a grid of squares that begins at 0, 0 of their CRS.

    Gives the position of the polygon that each part is of, its cell (n, 2: column, row), and the part, a polygon.
    """
    owner, parts = np.arange(len(geometries)), geometries
    cells = np.zeros((len(parts), 2), np.int64)
    for axis in (0, 1):
        low, high = (ends[:, axis] for ends in cells_of(parts, side))
        # halves of halves: a polygon of many vertices isn't cut anew for every cell; cells are counted, not computed from
        # the halves, whose edges may be rounded to either side of a border
        while (long := high > low).any():
            first, last = low[long], high[long]
            middle = (first + last) // 2 + 1
            boxes = shapely.bounds(parts[long])
            cut = [shapely.intersection(parts[long], half) for half in _halves(boxes, middle * side, axis)]
            index, halves = single_polygons(np.concatenate(cut))
            owner = np.concatenate([owner[~long], np.tile(owner[long], 2)[index]])
            cells = np.concatenate([cells[~long], np.tile(cells[long], (2, 1))[index]])
            low = np.concatenate([low[~long], np.concatenate([first, middle])[index]])
            high = np.concatenate([high[~long], np.concatenate([middle - 1, last])[index]])
            parts = np.concatenate([parts[~long], halves])
        cells[:, axis] = low
    return owner, cells, parts


def cells_of(polygons: Geometries, side: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first and the last cell (n, 2: column, row) that polygons lie in; one that ends on a border isn't in the next."""
    bounds = shapely.bounds(polygons)
    low = np.floor(bounds[:, :2] / side).astype(np.int64)
    return low, np.maximum(np.ceil(bounds[:, 2:] / side).astype(np.int64) - 1, low)


def _halves(bounds: npt.NDArray[np.float64], middle: npt.NDArray[Any], axis: int) -> list[Any]:
    before, after = bounds.copy(), bounds.copy()
    before[:, axis + 2] = after[:, axis] = middle
    return [shapely.box(*before.T), shapely.box(*after.T)]
