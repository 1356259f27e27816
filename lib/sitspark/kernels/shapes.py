"""Geometries as numbers: digests of WKB, and bounding boxes that share ground."""

import numba
import numpy as np
import numpy.typing as npt

_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7  # types of WKB; those between are collections too
_SIGN = np.uint64(1 << 63)
# odd numbers without pattern; the others are those of splitmix64 (Steele, Lea and Flood 2014)
_ACROSS, _DOWN = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@numba.njit(nogil=True, cache=True)
def digests(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
    """A digest of each shape, whatever vertex its rings begin with, whichever way they turn, and in which order they come.

    The WKB of shape i (of any type without curves; little-endian, two dimensions) is data[offsets[i]:offsets[i + 1]]; nothing
    gives 0. It is the sum of hashes of all edges, each of which is that of its two ends, so that of a collection it is the
    sum of those of its parts. Of ten million different shapes any two have the same one with a chance of 3 in a million.
    """
    found = np.zeros(len(offsets) - 1, np.uint64)
    for shape in range(len(found)):
        at, stop = np.int64(offsets[shape]), np.int64(offsets[shape + 1])
        total = np.uint64(0)
        left = 1  # geometries to come: those of a collection follow each other, each with a head of its own
        while left > 0 and at + 9 <= stop:
            left -= 1
            kind, count = _uint32(data, at + 1), _uint32(data, at + 5)
            if kind == _POINT and at + 21 <= stop:
                total += _mixed(_vertex(data, at + 5))
                at += 21
            elif kind == _LINE:
                total += _edges(data, at + 9, count, stop)
                at += 9 + 16 * count
            elif kind == _POLYGON:
                at += 9
                for _ in range(count):
                    vertices = _uint32(data, at) if at + 4 <= stop else 0
                    total += _edges(data, at + 4, vertices, stop)
                    at += 4 + 16 * vertices
            elif _POLYGON < kind <= _COLLECTION:
                left += count
                at += 9
        found[shape] = total
    return found


@numba.njit(nogil=True, cache=True, inline="always")
def _edges(data, at, vertices, stop):  # type: ignore[no-untyped-def]
    """The sum of the hashes of the edges between vertices that follow each other, as far as there are bytes."""
    total, before = np.uint64(0), np.uint64(0)
    for vertex in range(min(vertices, (stop - at) // 16)):
        here = _vertex(data, at + 16 * vertex)
        if vertex > 0 and here != before:  # a vertex that is written twice is one
            total += _mixed(before + here)
        before = here
    return total


@numba.njit(nogil=True, cache=True, inline="always")
def _uint32(data, at):  # type: ignore[no-untyped-def]
    return np.int64(data[at]) | np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) << 16 | np.int64(data[at + 3]) << 24


@numba.njit(nogil=True, cache=True, inline="always")
def _uint64(data, at):  # type: ignore[no-untyped-def]
    found = np.uint64(0)
    for byte in range(8):
        found |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
    # 0 and -0 are one place
    return np.uint64(0) if found == _SIGN else found


@numba.njit(nogil=True, cache=True, inline="always")
def _vertex(data, at):  # type: ignore[no-untyped-def]
    return _mixed(_mixed(_uint64(data, at) + _ACROSS) ^ (_uint64(data, at + 8) * _DOWN))


@numba.njit(nogil=True, cache=True, inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


@numba.njit(nogil=True, cache=True)
def meeting_boxes(boxes: npt.NDArray[np.float64], labels: npt.NDArray[np.int32], most: int) -> npt.NDArray[np.int64]:
    """Pairs (n, 2: positions) of boxes (left, bottom, right, top) of different labels that share an area.

    Of more than `most` pairs `most` + 1 are given.
    """
    order = np.argsort(boxes[:, 0])
    count = _meet(boxes, labels, order, most, np.empty((0, 2), np.int64))
    pairs = np.empty((count, 2), np.int64)
    _meet(boxes, labels, order, most, pairs)
    return pairs


@numba.njit(nogil=True, cache=True)
def _meet(boxes, labels, order, most, pairs):  # type: ignore[no-untyped-def]
    """Count the pairs, up to one more than `most`, and write as many as there is room for."""
    count = 0
    for place in range(len(order)):
        first = order[place]
        for later in range(place + 1, len(order)):
            second = order[later]
            if boxes[second, 0] >= boxes[first, 2]:
                break
            if labels[first] == labels[second] or boxes[second, 2] <= boxes[second, 0]:
                continue
            if min(boxes[first, 3], boxes[second, 3]) > max(boxes[first, 1], boxes[second, 1]):
                if count < len(pairs):
                    pairs[count, 0], pairs[count, 1] = first, second
                count += 1
                if count > most:
                    return count
    return count
