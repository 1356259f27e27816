"""Decoding, single polygons, squares: what is dirty is found, nothing is lost or doubled."""

import numpy as np
import pyarrow as pa
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.grid import Grid
from sitspark.ground_truth.crs_range import beyond_range
from sitspark.ground_truth.pixels import Pixels
from sitspark.ground_truth.shapes import (
    EMPTY,
    NULL,
    UNREADABLE,
    broken_of,
    decoded,
    faults_of,
    into_cells,
    keys_of,
    single_polygons,
)
from sitspark.samples.labelled import labelled_pixels

SQUARE = shapely.box(0, 0, 1, 1)
BOW_TIE = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
CURVE = bytes.fromhex("010A00000000000000")  # CURVEPOLYGON EMPTY

Wkb = bytes | None


def array(*geometries: shapely.Geometry | None) -> np.ndarray:
    return np.array(geometries, object)


@pytest.mark.parametrize(
    ("wkb", "problem"),
    [
        pytest.param(shapely.to_wkb(SQUARE), None, id="little-endian"),
        pytest.param(shapely.to_wkb(SQUARE, byte_order=0), None, id="big-endian"),
        pytest.param(shapely.to_wkb(shapely.force_3d(SQUARE), output_dimension=3), None, id="three dimensions"),
        pytest.param(shapely.to_wkb(shapely.set_srid(SQUARE, 4326), include_srid=True), None, id="with an SRID"),
        pytest.param(shapely.to_wkb(shapely.MultiPolygon([SQUARE])), None, id="a collection of one"),
        pytest.param(shapely.to_wkb(shapely.MultiPolygon([SQUARE]), byte_order=0), None, id="a big-endian collection of one"),
        pytest.param(shapely.to_wkb(shapely.GeometryCollection([SQUARE])), None, id="a mixed collection of one"),
        pytest.param(b"\x01\x06\0\0\0\x01\0\0\0" + shapely.to_wkb(SQUARE, byte_order=0), None, id="a big-endian part"),
        pytest.param(None, NULL, id="null"),
        pytest.param(shapely.to_wkb(shapely.Polygon()), EMPTY, id="empty"),
        pytest.param(shapely.to_wkb(SQUARE)[:30], UNREADABLE, id="cut short"),
        pytest.param(b"", UNREADABLE, id="no bytes"),
        pytest.param(CURVE, UNREADABLE, id="curves"),
    ],
)
def test_what_is_read_is_one_thing_however_it_is_written(wkb: Wkb, problem: str | None) -> None:
    found = decoded(pa.array([shapely.to_wkb(BOW_TIE), wkb, None, CURVE, b"\x01"], pa.binary()))
    assert found.problem.tolist() == [None, problem, NULL, UNREADABLE, UNREADABLE]
    if problem is None:
        assert found.geometries[1] == SQUARE
        assert found.wkb[1].as_py() == shapely.to_wkb(SQUARE, byte_order=1)
    else:
        assert found.geometries[1] is None and not found.wkb[1].is_valid


def test_several_parts_are_written_alike_whatever_order_their_bytes_have() -> None:
    parts = [SQUARE, shapely.box(5, 0, 6, 1)]
    mixed = b"\x01\x06\0\0\0\x02\0\0\0" + b"".join(shapely.to_wkb(part, byte_order=i) for i, part in enumerate(parts))
    found = decoded(pa.array([mixed, shapely.to_wkb(shapely.MultiPolygon(parts))], pa.binary()))
    assert found.wkb[0] == found.wkb[1] and keys_of(found.wkb)[0] == keys_of(found.wkb)[1] != 0


def test_polygons_with_an_area_are_found_in_any_collection() -> None:
    line = shapely.LineString([(0, 0), (1, 1)])
    nested = shapely.GeometryCollection([line, shapely.MultiPolygon([SQUARE, shapely.box(2, 0, 3, 1)])])
    flat = shapely.Polygon([(0, 0), (1, 1), (2, 2)])
    owner, parts = single_polygons(array(SQUARE, None, nested, line, flat, shapely.Point(0, 0), SQUARE))
    assert owner.tolist() == [0, 2, 2, 6]
    assert parts.tolist() == [SQUARE, SQUARE, shapely.box(2, 0, 3, 1), SQUARE]


sides = st.integers(-25, 25).map(lambda n: n / 10)
wide = st.builds(lambda x, y, w, h: shapely.box(x, y, x + w, y + h), sides, sides, st.sampled_from([0.2, 3.0]), st.just(0.7))


@settings(deadline=None)  # kernels are compiled at the first call
@given(polygons=st.lists(st.one_of(wide, st.builds(lambda b: b.buffer(0.5).difference(b), wide)), max_size=4))
def test_polygons_are_cut_into_squares_without_loss(polygons: list[shapely.Polygon]) -> None:
    owner, cells, parts = into_cells(array(*polygons), 1.0)
    for i, polygon in enumerate(polygons):
        mine = parts[owner == i]
        assert shapely.union_all(mine).symmetric_difference(polygon).area == pytest.approx(0, abs=1e-12)
        assert shapely.area(mine).sum() == pytest.approx(polygon.area)
    for (column, row), part in zip(cells, parts, strict=True):
        assert shapely.box(column, row, column + 1, row + 1).buffer(1e-12).contains(part)


@pytest.mark.parametrize("side", [10_240 / 111_320, 307.2, 0.1])
def test_borders_that_are_no_exact_numbers_end_the_cutting(side: float) -> None:
    """A cut at k * side may come out on either side of that border again: cells are counted, not computed anew."""
    rng = np.random.default_rng(0)
    for corner in [*rng.integers(-4000, 4000, (60, 2)) * side, np.array([2.0, 43.505])]:
        polygon = shapely.box(*(corner - 0.4 * side), *(corner + 1.3 * side))
        owner, cells, parts = into_cells(array(polygon), side)
        assert shapely.area(parts).sum() == pytest.approx(polygon.area) and (owner == 0).all()
        assert len({tuple(cell) for cell in cells.tolist()}) == len(parts) <= 9


def test_pixels_are_metres_whatever_the_unit_of_the_crs() -> None:
    feet = Pixels.near((0, 0, 0, 0), "EPSG:2263", 10)
    assert feet.resolution == pytest.approx(32.808, abs=1e-3)
    # in degrees areas are true far from the middle too: a degree of longitude and latitude at 48 N and the equator
    pixels = Pixels.near((-5.0, 0.0, 5.0, 50.0), "EPSG:4326", 10)
    for left, bottom in ((2.0, 48.0), (-60.0, 0.0)):
        square = shapely.segmentize(shapely.box(left, bottom, left + 0.01, bottom + 0.01), 0.0005)
        true = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(square)[0])
        assert shapely.area(pixels.on_grid(array(square), "EPSG:4326"))[0] == pytest.approx(true, rel=1e-5)


def test_a_polygon_that_ends_on_a_border_is_not_in_the_next_square() -> None:
    _, cells, parts = into_cells(array(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 2)), 1.0)
    assert sorted(map(tuple, cells.tolist())) == [(0, 0), (1, 0), (1, 1)] and len(parts) == 3


def test_a_fault_is_told_with_its_place_to_the_centimetre() -> None:
    far = shapely.transform(BOW_TIE, lambda xy: xy * 1 / 3 + [500_000, 4_900_000])
    assert faults_of(array(far), degrees=False) == ["Self-intersection at 500000.17 4900000.17"]
    assert faults_of(array(BOW_TIE), degrees=True) == ["Self-intersection at 0.500000 0.500000"]


@pytest.mark.parametrize(
    ("crs", "geometry", "beyond"),
    [
        ("EPSG:2154", shapely.Point(650_000, 6_600_000), False),
        ("EPSG:2154", shapely.Point(2.3, 48.8), True),
        ("EPSG:4326", shapely.Point(2.3, 48.8), False),
        ("EPSG:4326", shapely.Point(650_000, 6_600_000), True),
        ("EPSG:2154", shapely.Point(650_000, float("inf")), True),
        ("EPSG:2154", shapely.LineString([(650_000, 6_600_000), (float("nan"), 6_600_000)]), True),
        ("EPSG:2154", None, False),
    ],
)
def test_coordinates_that_can_not_be_meant(crs: str, geometry: shapely.Geometry | None, beyond: bool) -> None:
    geometries = array(geometry)
    assert beyond_range(geometries, broken_of(geometries), crs).tolist() == [beyond]


star = st.lists(st.tuples(sides, sides), min_size=3, max_size=6, unique=True).map(
    lambda corners: shapely.MultiPoint(corners).convex_hull
)


@settings(deadline=None)  # kernels are compiled at the first call
@given(polygons=st.lists(star.filter(lambda hull: hull.area > 0), min_size=1, max_size=5))
def test_a_centre_is_held_where_a_pixel_would_be_taken(polygons: list[shapely.Polygon]) -> None:
    grid = Grid("EPSG:32631", -5, 5, 1, 10, 10)
    held = Pixels("EPSG:32631", 1.0, grid.left, grid.top).hold_a_centre(array(*polygons))
    assert held.tolist() == [len(labelled_pixels([polygon], [1], grid, grid.window).row) > 0 for polygon in polygons]


@pytest.mark.parametrize(("width", "narrow"), [(9.9, True), (10.0, False), (12, False)])
def test_a_polygon_is_narrow_where_no_disc_of_a_pixel_fits(width: float, narrow: bool) -> None:
    assert Pixels("EPSG:32631", 10).narrower(array(shapely.box(0, 0, width, 200))).tolist() == [narrow]
