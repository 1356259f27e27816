"""The region of interest: its pixels, the part of a window that holds them, and what is no region."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.scenes.region import Region, read_region

GRID = Grid("EPSG:32631", 300_000, 4_900_000, 10, 60, 80)


def region_of(*corners: tuple[float, float]) -> Region:
    """A polygon by its corners in pixels (column, row) of GRID."""
    return Region(shapely.to_wkb(shapely.Polygon([(300_000 + 10 * x, 4_900_000 - 10 * y) for x, y in corners])), GRID.crs)


def polygon_file(path: Path, outline: shapely.Geometry, crs: str | None = "EPSG:4326") -> Path:
    pyogrio.raw.write(path, np.array([shapely.to_wkb(outline)], object), [], [], geometry_type=outline.geom_type, crs=crs)
    return path


corner = st.tuples(st.floats(-10, 90), st.floats(-10, 70))


@given(
    corners=st.lists(st.tuples(st.integers(-20, 60), st.integers(-20, 60)), min_size=3, max_size=6, unique=True),
    window=st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(1, 30)),
)
@example(corners=[(0, 0), (-1, -10), (33, 7), (13, -3)], window=(0, 0, 1, 1))  # made valid it is a triangle and a line
@settings(deadline=None)
def test_a_pixel_is_the_same_on_each_window_though_its_centre_lies_on_the_border(
    corners: list[tuple[int, int]], window: tuple[int, int, int, int]
) -> None:
    """Corners in half pixels: many edges run through centres."""
    grid = Grid("EPSG:32631", 300_000, 5_000_040, 10, 60, 60)
    shape = shapely.make_valid(shapely.Polygon([(grid.left + 5 * x, grid.top - 5 * y) for x, y in corners]))
    region = Region(shapely.to_wkb(shape), grid.crs)
    part = Window(*window)
    assert (region.pixels(grid.cropped(part)) == region.pixels(grid)[part.slices]).all()


@given(st.tuples(corner, corner, corner))
def test_pixels_are_those_whose_centres_lie_inside(corners: tuple[tuple[float, float], ...]) -> None:
    region = region_of(*corners)
    if region.outline.area < 1:
        return
    x, y = np.meshgrid(300_005 + 10.0 * np.arange(80), 4_899_995 - 10.0 * np.arange(60))
    inside = shapely.contains_xy(region.outline, x, y)
    # a centre on the outline itself may fall to either side
    sure = shapely.distance(shapely.points(x, y), region.outline.boundary) > 1e-6
    assert (region.pixels(GRID)[sure] == inside[sure]).all()


@given(st.tuples(corner, corner, corner), st.tuples(st.integers(0, 59), st.integers(0, 79)))
def test_the_part_of_a_window_holds_every_pixel_of_the_region(
    corners: tuple[tuple[float, float], ...], first: tuple[int, int]
) -> None:
    region, window = region_of(*corners), Window(*first, 60 - first[0], 80 - first[1])
    part = region.part_of(window, GRID)
    assert window.contains(part) or part.is_empty
    pixels = region.pixels(GRID)
    outside = pixels.copy()
    outside[part.slices] = 0
    assert not outside[window.slices].any()


def test_a_region_within_one_pixel_keeps_that_pixel() -> None:
    part = region_of((10.2, 20.2), (10.8, 20.2), (10.8, 20.8)).part_of(GRID.window, GRID)
    assert part == Window(20, 10, 1, 1)


def test_a_rectangle_is_in_degrees() -> None:
    region = read_region((1.0, 43.0, 2.0, 44.0))
    assert (region.crs, region.outline.bounds) == ("EPSG:4326", (1.0, 43.0, 2.0, 44.0))


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".shp"])
def test_polygons_of_a_file_are_one_region_in_any_crs(tmp_path: Path, suffix: str) -> None:
    box = shapely.box(1.0, 43.0, 1.1, 43.1)
    region = read_region(polygon_file(tmp_path / f"region{suffix}", box))
    there = region.to("EPSG:2154")
    x, y = pyproj.Transformer.from_crs(4326, 2154, always_xy=True).transform(1.05, 43.05)
    assert there.outline.contains(shapely.Point(x, y))
    assert there.to("EPSG:4326").outline.symmetric_difference(box).area < 1e-6


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ((2.0, 43.0, 1.0, 44.0), "is no rectangle in degrees"),
        ((300000.0, 4800000.0, 310000.0, 4810000.0), "is no rectangle in degrees"),
        (Path("/nowhere/region.gpkg"), "there is no file /nowhere/region.gpkg"),
    ],
)
def test_what_is_no_region_is_a_sentence(source: Path | tuple[float, float, float, float], words: str) -> None:
    with pytest.raises(SitsparkError, match=r"grid\.region: ") as caught:
        read_region(source)
    assert words in str(caught.value)


def test_a_file_without_crs_without_polygon_or_without_anything_readable(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"bare\.shp has no CRS"):
        read_region(polygon_file(tmp_path / "bare.shp", shapely.box(0, 0, 1, 1), crs=None))
    with pytest.raises(SitsparkError, match=r"points\.gpkg holds no polygon"):
        read_region(polygon_file(tmp_path / "points.gpkg", shapely.Point(1, 43)))
    (tmp_path / "text.geojson").write_text(json.dumps({"type": "nothing"}))
    with pytest.raises(SitsparkError, match=r"text\.geojson can't be read as a vector file"):
        read_region(tmp_path / "text.geojson")


def test_an_outline_that_runs_along_a_window_marks_no_pixel_of_it() -> None:
    """What a window and a polygon beside it have in common is a line."""
    region = region_of((-10, 0), (0, 0), (0, 8), (6, 8), (6, 12), (-10, 12))
    assert region.pixels(GRID).sum() == region.pixels(GRID)[8:12, :6].sum() == 24
    assert region.part_of(GRID.window, GRID) == Window(8, 0, 4, 6)


def test_a_hole_that_touches_the_edge_survives_another_crs() -> None:
    """Between two vertices the edge bends past the point where they touch."""
    outline = shapely.Polygon([(0, 48), (6, 48), (6, 49), (0, 49)], [[(2.13, 48), (2.3, 48.5), (2.0, 48.5)]])
    region = Region(shapely.to_wkb(outline), "EPSG:4326").to("EPSG:2154")
    x, y = pyproj.Transformer.from_crs(4326, 2154, always_xy=True).transform(2.13, 48.0)
    grid = Grid("EPSG:2154", x - 1000, y + 1000, 10, 200, 200)
    assert 0 < region.pixels(grid).mean() < 1 and not region.part_of(grid.window, grid).is_empty


def test_long_edges_follow_their_parallel() -> None:
    region = read_region((-5.0, 48.0, 8.0, 49.0)).to("EPSG:32631")
    x, y = pyproj.Transformer.from_crs(4326, 32631, always_xy=True).transform(np.linspace(-4.9, 7.9, 50), np.full(50, 48.0))
    assert shapely.distance(shapely.points(x, y), region.outline.boundary).max() < 1  # metre
