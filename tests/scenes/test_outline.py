"""Outlines in degrees."""

import pytest
import shapely

from sitspark.scenes.outline import to_geographic

SIDE = 109_800


def test_a_tile_lies_where_its_corners_lie() -> None:
    tile = to_geographic(shapely.box(300_000, 4_790_220, 300_000 + SIDE, 4_790_220 + SIDE), "EPSG:32631")
    left, bottom, right, top = tile.bounds
    assert (left, right) == pytest.approx((0.5, 1.9), abs=0.1) and (bottom, top) == pytest.approx((43.2, 44.3), abs=0.1)


@pytest.mark.parametrize(("crs", "x"), [("EPSG:32701", 99_960), ("EPSG:32760", 799_980)])
def test_a_tile_across_the_antimeridian_is_cut_there(crs: str, x: float) -> None:
    """Its parts lie at either end of the map, and their chunks meet it."""
    tile = shapely.box(x, 8_000_020 - SIDE, x + SIDE, 8_000_020)
    cut = to_geographic(tile, crs)
    assert sorted(edge for part in cut.geoms for edge in (part.bounds[0], part.bounds[2]))[::3] == [-180, 180]
    assert shapely.area(cut) < 2  # square degrees
    for row in range(4):
        for col in range(4):
            left, top = x + col * SIDE / 4, 8_000_020 - row * SIDE / 4
            chunk = to_geographic(shapely.box(left, top - SIDE / 4, left + SIDE / 4, top), crs)
            assert shapely.intersection(chunk, cut).area == pytest.approx(chunk.area, rel=1e-3)


def test_a_point_and_a_box_of_no_size_lie_somewhere_too() -> None:
    for outline in (shapely.Point(500_000, 4_900_000), shapely.box(500_000, 4_900_000, 500_000, 4_900_000)):
        assert to_geographic(outline, "EPSG:32631").bounds == pytest.approx((3, 44.25, 3, 44.25), abs=0.01)
