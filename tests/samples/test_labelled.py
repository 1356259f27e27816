"""Polygons to pixels: the centre decides, contested pixels belong to none, and cuts between chunks don't show."""

import numpy as np
import pytest
import shapely
import shapely.ops
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.grid import Grid, Window
from sitspark.samples.labelled import labelled_pixels

GRID = Grid("EPSG:32631", 300_000, 4_900_000, 10, 20, 30)


def box(left: float, top: float, right: float, bottom: float) -> shapely.Polygon:
    """A rectangle in pixels from the upper-left corner of the grid: x to the right, y downwards."""
    return shapely.box(GRID.left + 10 * left, GRID.top - 10 * bottom, GRID.left + 10 * right, GRID.top - 10 * top)


def found(outlines: list[shapely.Geometry], labels: list[int], window: Window = GRID.window) -> dict[tuple[int, int], int]:
    """(row, column) -> position of the piece."""
    pixels = labelled_pixels(outlines, labels, GRID, window)
    assert pixels.row.dtype == pixels.col.dtype == pixels.piece.dtype == np.int64
    return {(r, c): p for r, c, p in zip(pixels.row.tolist(), pixels.col.tolist(), pixels.piece.tolist(), strict=True)}


@pytest.mark.parametrize(
    ("rectangle", "pixels"),
    [
        ((2, 1, 4, 2), {(1, 2), (1, 3)}),
        ((2.4, 1.4, 3.6, 1.6), {(1, 2), (1, 3)}),  # just around two centres
        ((2.6, 1.4, 3.4, 1.6), set()),  # between two centres, in two pixels
        ((2.4, 1.6, 3.6, 2.4), set()),
        ((5.45, 7.45, 5.55, 7.55), {(7, 5)}),  # smaller than a pixel, around its centre
        ((5.1, 7.1, 5.4, 7.4), set()),  # smaller than a pixel, beside its centre
        ((-5, -5, 1, 1), {(0, 0)}),  # across the corner of the grid
        ((29.4, 19.4, 99, 99), {(19, 29)}),
        ((40, 40, 50, 50), set()),
    ],
)
def test_a_pixel_is_labelled_when_its_centre_lies_inside(rectangle: tuple, pixels: set) -> None:
    assert set(found([box(*rectangle)], [7])) == pixels


def test_a_hole_is_not_labelled_and_parts_are() -> None:
    ring = box(0, 0, 5, 5).difference(box(1, 1, 4, 4))
    both = shapely.union_all([ring, box(10, 10, 11, 11)])
    assert set(found([both], [1])) == {(r, c) for r in range(5) for c in range(5) if {r, c} & {0, 4}} | {(10, 10)}


@pytest.mark.parametrize(
    ("rectangle", "pixels"),
    [
        ((2.6, 1.4, 3.4, 1.6), {(1, 2), (1, 3)}),
        ((5.1, 7.1, 5.4, 7.4), {(7, 5)}),
        ((-5, -5, 0.2, 0.2), {(0, 0)}),
        ((40, 40, 50, 50), set()),
    ],
)
def test_with_touched_any_part_of_a_pixel_is_enough(rectangle: tuple, pixels: set) -> None:
    produced = labelled_pixels([box(*rectangle)], [7], GRID, GRID.window, touched=True)
    assert set(zip(produced.row.tolist(), produced.col.tolist(), strict=True)) == pixels


def test_contested_pixels_are_counted() -> None:
    outlines = [box(0, 0, 4, 2), box(3, 0, 6, 2), box(5, 1, 8, 2)]
    assert labelled_pixels(outlines, [5, 9, 5], GRID, GRID.window).contested == 3


def test_neighbours_share_no_pixel_even_where_their_edge_runs_through_centres() -> None:
    """A slanted edge, a vertical and a horizontal one, all through centres of pixels."""
    for edge in ([(0, 0), (10, 10)], [(2.5, 0), (2.5, 10)], [(0, 4.5), (10, 4.5)], [(0, 1.5), (10, 6.5)]):
        line = shapely.LineString([(GRID.left + 10 * x, GRID.top - 10 * y) for x, y in edge])
        halves = shapely.get_parts(shapely.ops.split(box(0, 0, 10, 10), line))
        produced = labelled_pixels(list(halves), [1, 2], GRID, GRID.window)
        assert produced.contested == 0 and len(produced.row) == 100


def test_a_pixel_that_two_labels_claim_belongs_to_none() -> None:
    outlines = [box(0, 0, 4, 2), box(3, 0, 6, 2), box(5, 1, 8, 2)]
    assert found(outlines, [5, 9, 5]) == {
        **{(r, c): 0 for r in range(2) for c in range(3)},
        **{(r, 4): 1 for r in range(2)},
        (0, 5): 1,
        (1, 6): 2,
        (1, 7): 2,
    }


def test_three_labels_on_one_pixel() -> None:
    assert found([box(0, 0, 1, 1)] * 3, [1, 2, 3]) == {}


def test_of_two_pieces_of_one_label_the_first_has_the_pixel() -> None:
    outlines = [box(0, 0, 2, 1), box(1, 0, 3, 1)]
    assert found(outlines, [4, 4]) == {(0, 0): 0, (0, 1): 0, (0, 2): 1}
    assert found(outlines[::-1], [4, 4]) == {(0, 0): 1, (0, 1): 0, (0, 2): 0}


def test_without_pieces_there_is_no_pixel() -> None:
    assert found([], []) == {}


@st.composite
def polygons(draw: st.DrawFn) -> list[shapely.Geometry]:
    """Triangles and boxes with corners anywhere, also outside the grid and on centres and edges of pixels."""
    number = st.integers(-40, 340) | st.floats(-40, 340)
    shapes = []
    for _ in range(draw(st.integers(1, 6))):
        corners = draw(st.lists(st.tuples(number, number), min_size=3, max_size=5))
        hull = shapely.MultiPoint([(GRID.left + x, GRID.top - y) for x, y in corners]).convex_hull
        if hull.geom_type == "Polygon" and hull.area > 1e-3:
            shapes.append(hull)
    return shapes


@given(polygons(), st.lists(st.integers(1, 3), min_size=6, max_size=6), st.integers(1, 19), st.integers(1, 29))
@settings(max_examples=80, deadline=None)
def test_cuts_between_chunks_do_not_show(outlines: list, labels: list[int], row: int, col: int) -> None:
    labels = labels[: len(outlines)]
    whole = found(outlines, labels)
    parts = {}
    for top, height in ((0, row), (row, GRID.height - row)):
        for left, width in ((0, col), (col, GRID.width - col)):
            chunk = Window(top, left, height, width)
            parts |= {(top + r, left + c): piece for (r, c), piece in found(outlines, labels, chunk).items()}
    assert parts == whole


def test_a_centre_on_a_slanted_edge_is_the_same_pixel_in_every_window() -> None:
    """Corners in whole metres put centres of pixels on edges, where rounding decides."""
    grid = Grid("EPSG:32631", 300_000, 4_900_020, 10, 300, 300)
    rng = np.random.default_rng(0)
    corners = [np.array([[1491, 2409], [1482, 2448], [1489, 2443]])]
    corners += [rng.integers(0, 3000, (1, 2)) + rng.integers(-90, 90, (3, 2)) for _ in range(3000)]
    outlines = [shapely.Polygon(np.column_stack([grid.left + c[:, 0], grid.top - c[:, 1]])) for c in corners]
    labels = [1] * len(outlines)
    whole = labelled_pixels(outlines, labels, grid, grid.window)
    places = set(zip(whole.row.tolist(), whole.col.tolist(), whole.piece.tolist(), strict=True))
    parts = set()
    for row in range(0, 300, 50):
        for col in range(0, 300, 75):
            part = labelled_pixels(outlines, labels, grid, Window(row, col, 50, 75))
            parts |= set(zip((row + part.row).tolist(), (col + part.col).tolist(), part.piece.tolist(), strict=True))
    assert parts == places


@given(polygons(), st.lists(st.integers(1, 3), min_size=6, max_size=6))
@settings(max_examples=80, deadline=None)
def test_equals_asking_every_centre(outlines: list, labels: list[int]) -> None:
    """Centres within a thousandth of a pixel of an outline may go either way."""
    labels = labels[: len(outlines)]
    produced = found(outlines, labels)
    x, y = np.meshgrid(GRID.left + 10 * (np.arange(30) + 0.5), GRID.top - 10 * (np.arange(20) + 0.5))
    inside = np.array([shapely.contains_xy(outline, x, y) for outline in outlines]).reshape(len(outlines), 20, 30)
    near = [shapely.distance(outline.exterior, shapely.points(x, y)) < 0.01 for outline in outlines]
    for r, c in np.argwhere(~np.any(near, axis=0)) if outlines else []:
        claims = [i for i in range(len(outlines)) if inside[i, r, c]]
        wanted = claims[0] if claims and len({labels[i] for i in claims}) == 1 else None
        assert produced.get((int(r), int(c))) == wanted
