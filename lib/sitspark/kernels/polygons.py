"""From polygons to pixels: each scanline through the centres of a row is filled between the edges that it crosses."""

import math

import numba
import numpy as np
import numpy.typing as npt

CONTESTED = -1  # of a pixel that polygons of two labels claim
_NOBODY = 0


@numba.njit(nogil=True, cache=True)
def paint(
    vertices: npt.NDArray[np.float64],
    rings: npt.NDArray[np.int64],
    polygons: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    row0: int,
    col0: int,
    owner: npt.NDArray[np.int32],
) -> None:
    """Give each pixel of `owner` (rows, columns; zeros before) its polygon: 1 + its position, the first of its label.

    A pixel is a polygon's when its centre lies inside, by the even-odd rule; of a centre on an edge, the one to the right
    or below has it, so that neighbours of one edge share no pixel. CONTESTED where labels differ. `vertices` (n, 2) are
    (column, row) in pixels of a grid on which the first pixel of `owner` is (row0, col0): arithmetic is that of the grid, so
    that each window has the same pixels; ring r has those from rings[r] to rings[r + 1], polygon p the rings from
    polygons[p] to polygons[p + 1], as shapely's ragged arrays.
    """
    height, width = owner.shape
    crossed = np.zeros(height + 1, np.int64)
    for polygon in range(len(polygons) - 1):
        first, stop = rings[polygons[polygon]], rings[polygons[polygon + 1]]
        if first == stop:
            continue
        low, high = vertices[first, 1], vertices[first, 1]
        for vertex in range(first, stop):
            low, high = min(low, vertices[vertex, 1]), max(high, vertices[vertex, 1])
        top, bottom = _first_centre(low, row0, height), _first_centre(high, row0, height)
        if top >= bottom:
            continue
        crossed[top : bottom + 1] = 0
        places = _crossed_places(vertices, rings, polygons[polygon], polygons[polygon + 1], row0, top, bottom, crossed)
        begin = 0
        for row in range(top, bottom):
            end = crossed[row]
            across = places[begin:end]
            across.sort()
            for pair in range(0, end - begin - 1, 2):
                left, right = _first_centre(across[pair], col0, width), _first_centre(across[pair + 1], col0, width)
                for col in range(left, right):
                    _claim(owner, row, col, polygon, labels)
            begin = end


@numba.njit(nogil=True, cache=True)
def hold_a_centre(
    vertices: npt.NDArray[np.float64], rings: npt.NDArray[np.int64], polygons: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether each polygon would be given a pixel by `paint`, of a grid without end; arguments are those of `paint`."""
    found = np.zeros(len(polygons) - 1, np.bool_)
    for polygon in range(len(polygons) - 1):
        first, stop = rings[polygons[polygon]], rings[polygons[polygon + 1]]
        if first == stop:
            continue
        low, high = vertices[first:stop, 1].min(), vertices[first:stop, 1].max()
        row0 = math.ceil(low - 0.5)
        height = math.ceil(high - 0.5) - row0
        crossed = np.zeros(height + 1, np.int64)
        places = _crossed_places(vertices, rings, polygons[polygon], polygons[polygon + 1], row0, 0, height, crossed)
        begin = 0
        for row in range(height):
            end = crossed[row]
            across = places[begin:end]
            across.sort()
            for pair in range(0, end - begin - 1, 2):
                found[polygon] |= math.ceil(across[pair] - 0.5) < math.ceil(across[pair + 1] - 0.5)
            if found[polygon]:
                break
            begin = end
    return found


@numba.njit(nogil=True, cache=True)
def _crossed_places(vertices, rings, first_ring, stop_ring, row0, top, bottom, crossed):  # type: ignore[no-untyped-def]
    """The columns at which edges cross each scanline, row after row; `crossed` (zeros) gets where those of each row end."""
    _crossings(vertices, rings, first_ring, stop_ring, row0, top, bottom, crossed)
    # where the crossings of each row begin
    total = 0
    for row in range(top, bottom + 1):
        total, crossed[row] = total + crossed[row], total
    places = np.empty(total, np.float64)
    # placing moves each beginning to the next one's
    _place_crossings(vertices, rings, first_ring, stop_ring, row0, top, bottom, crossed, places)
    return places


@numba.njit(nogil=True, cache=True, inline="always")
def _first_centre(place: float, origin: int, size: int) -> int:
    """The first pixel of a line, counted from an origin, whose centre doesn't lie before a place; within 0 and size."""
    return int(min(max(math.ceil(place - 0.5) - origin, 0), size))


@numba.njit(nogil=True, cache=True)
def _crossings(vertices, rings, first_ring, stop_ring, row0, top, bottom, crossed):  # type: ignore[no-untyped-def]
    """Count the edges that each scanline from top to bottom crosses."""
    for ring in range(first_ring, stop_ring):
        for vertex in range(rings[ring], rings[ring + 1] - 1):
            y0, y1 = vertices[vertex, 1], vertices[vertex + 1, 1]
            for row in range(max(_first_centre(min(y0, y1), row0, bottom), top), _first_centre(max(y0, y1), row0, bottom)):
                crossed[row] += 1


@numba.njit(nogil=True, cache=True)
def _place_crossings(vertices, rings, first_ring, stop_ring, row0, top, bottom, next_place, places):  # type: ignore[no-untyped-def]
    """Write the column at which each edge crosses each scanline to its row's next place."""
    for ring in range(first_ring, stop_ring):
        for vertex in range(rings[ring], rings[ring + 1] - 1):
            # always from the upper end, so that polygons on both sides of an edge find the same place
            x0, y0, x1, y1 = vertices[vertex, 0], vertices[vertex, 1], vertices[vertex + 1, 0], vertices[vertex + 1, 1]
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            for row in range(max(_first_centre(y0, row0, bottom), top), _first_centre(y1, row0, bottom)):
                places[next_place[row]] = x0 + (row0 + row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                next_place[row] += 1


@numba.njit(nogil=True, cache=True, inline="always")
def _claim(owner, row, col, polygon, labels):  # type: ignore[no-untyped-def]
    held = owner[row, col]
    if held == _NOBODY:
        owner[row, col] = polygon + 1
    elif held != CONTESTED and labels[held - 1] != labels[polygon]:
        owner[row, col] = CONTESTED


@numba.njit(nogil=True, cache=True)
def claim_all(
    burnt: npt.NDArray[np.uint8],
    row0: int,
    col0: int,
    polygon: int,
    labels: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int32],
) -> None:
    """Claim the pixels that are 1 in `burnt`, whose first pixel lies at (row0, col0) of `owner`, for one polygon."""
    for row in range(burnt.shape[0]):
        for col in range(burnt.shape[1]):
            if burnt[row, col]:
                _claim(owner, row0 + row, col0 + col, polygon, labels)
