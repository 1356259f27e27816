"""Keys of shapes and meetings of boxes, against slow ways to say the same."""

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.ground_truth.shapes import keys_of
from sitspark.kernels.shapes import meeting_boxes

corner = st.integers(-2, 3).map(float)
box = st.builds(lambda x, y, w, h: shapely.box(x, y, x + w, y + h), corner, corner, st.just(1.0), st.sampled_from([1.0, 2.0]))
holed = box.map(lambda outer: outer.difference(outer.buffer(-0.25)))
triangle = st.lists(st.tuples(corner, corner), min_size=3, max_size=4, unique=True).map(shapely.Polygon)
point = st.builds(shapely.Point, corner, corner)
polygon = st.one_of(box, holed, triangle)
shape = st.one_of(
    polygon,
    point,
    st.builds(lambda a: shapely.LineString([(a, 9), (a + 1, 9)]), corner),
    st.lists(polygon, min_size=1, max_size=3).map(shapely.MultiPolygon),
    st.lists(point, min_size=1, max_size=3).map(shapely.MultiPoint),
    st.tuples(polygon, st.lists(point, min_size=1, max_size=2).map(shapely.MultiPoint)).map(shapely.GeometryCollection),
)


def key(geometry: shapely.Geometry | None) -> int:
    wkb = None if geometry is None else shapely.to_wkb(geometry, byte_order=1)
    return keys_of(pa.array([b"before", wkb], pa.binary()))[1].as_py()


def outline(geometry: shapely.Geometry) -> bytes:
    """The parts of a shape, each in a form that hangs on no vertex, ring or order."""
    parts = [geometry]
    while any(part.geom_type.startswith(("Multi", "Geometry")) for part in parts):
        parts = [part for several in parts for part in shapely.get_parts(several)]
    return b"".join(sorted(shapely.to_wkb(shapely.normalize(part)) for part in parts))


@settings(deadline=None)  # kernels are compiled at the first call
@given(one=shape, other=shape)
def test_shapes_have_one_key_where_their_outlines_are_the_same(one: shapely.Geometry, other: shapely.Geometry) -> None:
    assert (key(one) == key(other)) == (outline(one) == outline(other))


@settings(deadline=None)  # kernels are compiled at the first call
@given(polygon=polygon, turn=st.integers(0, 5), back=st.booleans())
def test_neither_the_first_vertex_nor_the_direction_count(polygon: shapely.Polygon, turn: int, back: bool) -> None:
    ring = list(polygon.exterior.coords)[:-1]
    turned = ring[turn % len(ring) :] + ring[: turn % len(ring)]
    again = shapely.Polygon(turned[::-1] if back else turned, [r.coords[::-1] for r in polygon.interiors])
    assert key(again) == key(polygon)


def test_a_vertex_that_is_written_twice_is_one() -> None:
    once, twice = [(0, 0), (1, 0), (1, 1)], [(0, 0), (1, 0), (1, 0), (1, 1), (1, 1)]
    assert key(shapely.Polygon(once)) == key(shapely.Polygon(twice))


def test_the_sign_of_zero_and_bytes_behind_a_geometry_do_not_count() -> None:
    assert key(shapely.Point(-0.0, 1)) == key(shapely.Point(0.0, 1)) != key(shapely.Point(1, 0.0))
    wkb = shapely.to_wkb(shapely.box(0, 0, 1, 1), byte_order=1)
    more = shapely.to_wkb(shapely.Point(1, 2), byte_order=1)
    one, two = keys_of(pa.array([wkb, wkb + more], pa.binary())).to_pylist()
    assert one == two != 0
    assert key(None) == 0


@settings(deadline=None)
@given(shape=shape, cut=st.integers(1, 60), noise=st.binary(max_size=30))
def test_bytes_that_are_no_geometry_end_nowhere_else(shape: shapely.Geometry, cut: int, noise: bytes) -> None:
    """Nothing is read beyond the end of a WKB, whatever numbers it claims: what follows it changes no key."""
    broken = shapely.to_wkb(shape, byte_order=1)[:-cut] + noise
    first = keys_of(pa.array([broken, b"\x00" * 64], pa.binary()))[0]
    assert first == keys_of(pa.array([broken, b"\xff" * 64], pa.binary()))[0]


def test_a_part_of_an_array_has_the_keys_of_that_part() -> None:
    wkb = pa.array([shapely.to_wkb(shapely.Point(i, 0), byte_order=1) for i in range(5)], pa.binary())
    assert keys_of(wkb.slice(2, 2)).to_pylist() == keys_of(wkb).to_pylist()[2:4]


sides = st.tuples(corner, corner, st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([0.0, 1.0, 3.0]))


@settings(deadline=None)  # kernels are compiled at the first call
@given(rows=st.lists(st.tuples(sides, st.integers(1, 2)), max_size=12))
def test_boxes_meet_where_they_share_an_area_and_labels_differ(rows: list) -> None:
    boxes = np.array([(x, y, x + w, y + h) for (x, y, w, h), _ in rows], float).reshape(-1, 4)
    labels = np.array([label for _, label in rows], np.int32)
    slow = {
        (i, j)
        for i in range(len(rows))
        for j in range(i)
        if labels[i] != labels[j]
        and min(boxes[i, 2], boxes[j, 2]) > max(boxes[i, 0], boxes[j, 0])
        and min(boxes[i, 3], boxes[j, 3]) > max(boxes[i, 1], boxes[j, 1])
    }
    found = [(max(pair), min(pair)) for pair in meeting_boxes(boxes, labels, 1000).tolist()]
    assert len(found) == len(set(found)) and set(found) == slow


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_meets_alone(count: int) -> None:
    assert meeting_boxes(np.zeros((count, 4)), np.zeros(count, np.int32), 9).shape == (0, 2)


def test_of_too_many_pairs_one_more_is_given_than_asked_for() -> None:
    boxes, labels = np.tile([0.0, 0.0, 1.0, 1.0], (30, 1)), np.arange(30, dtype=np.int32)
    assert len(meeting_boxes(boxes, labels, 435)) == 435 and len(meeting_boxes(boxes, labels, 50)) == 51
