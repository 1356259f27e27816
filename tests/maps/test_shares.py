"""What models and tiles weigh near borders: by hand, and whatever window they are asked of."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from sitspark.grid import Grid, Window
from sitspark.maps.shares import region_weights, tile_weights
from sitspark.scenes.region import Region
from sitspark.settings import BoundarySettings

GRID = Grid("EPSG:2154", 500_000, 6_200_000, 10, 60, 80)


def region(*bounds: float) -> Region:
    """A rectangle, in pixels from the corner of the grid: left, bottom, right, top."""
    left, bottom, right, top = bounds
    box = shapely.box(GRID.left + 10 * left, GRID.top - 10 * bottom, GRID.left + 10 * right, GRID.top - 10 * top)
    return Region(shapely.to_wkb(box), GRID.crs)


WEST, EAST = region(-500, 500, 40, -500), region(40, 500, 500, -500)


@pytest.mark.parametrize("row", [0, 3, 30, 59])
def test_where_two_tiles_overlap_their_shares_change_linearly(row: int) -> None:
    """Also near their upper and lower edges."""
    left, right = Window(0, 0, 60, 50), Window(0, 30, 60, 50)
    line = Window(row, 0, 1, 80)
    a, b = tile_weights(left, line)[0], tile_weights(right, line)[0]
    share = a[30:50] / (a[30:50] + b[30:50])
    np.testing.assert_allclose(share, 1 - (np.arange(20) + 0.5) / 20, rtol=1e-6)
    assert not a[50:].any() and not b[:30].any() and a[:50].all() and b[30:].all()


def test_without_a_boundary_each_pixel_is_its_regions() -> None:
    west = region_weights(WEST, GRID, None)
    assert west is not None and (west[:, :40] == 1).all() and not west[:, 40:].any()
    assert region_weights(region(100, 10, 120, 0), GRID, None) is None


def test_weights_fall_from_the_interior_to_the_exterior_distance() -> None:
    found = region_weights(WEST, GRID, BoundarySettings(interior=50, exterior=100, epsilon=0))
    assert found is not None
    metres = 400 - (np.arange(80) * 10 + 5)  # inside of the border at column 40
    np.testing.assert_allclose(found[30], np.clip((metres + 100) / 150, 0, 1), atol=1e-6)


def test_a_weight_on_the_way_is_never_below_epsilon() -> None:
    found = region_weights(WEST, GRID, BoundarySettings(interior=50, exterior=100, epsilon=0.2))
    assert found is not None
    row = found[30]
    assert row[49] == pytest.approx(0.2) and row[48] == pytest.approx(0.2) and row[50] == 0 and row[0] == 1


def test_two_regions_with_equal_buffers_share_what_lies_between_them() -> None:
    how = BoundarySettings(interior=100, exterior=100, epsilon=0)
    west, east = region_weights(WEST, GRID, how), region_weights(EAST, GRID, how)
    assert west is not None and east is not None
    np.testing.assert_allclose(west + east, 1, atol=1e-6)


@given(st.integers(0, 50), st.integers(0, 70), st.integers(1, 20), st.integers(1, 20), st.integers(0, 150), st.integers(1, 150))
def test_a_weight_does_not_hang_on_the_window(row: int, col: int, height: int, width: int, inside: int, outside: int) -> None:
    how, of = BoundarySettings(interior=inside, exterior=outside), region(20, 45, 55, 10)
    whole = region_weights(of, GRID, how)
    window = Window(row, col, height, width).intersection(GRID.window)
    part = region_weights(of, GRID.cropped(window), how)
    assert whole is not None
    expected = whole[window.slices]
    assert (expected == (0 if part is None else part)).all()
