"""Where pixels lie in another CRS: as exactly as if each was asked for, and the same from any window."""

import numpy as np
import pytest
from pyproj import Transformer

from sitspark.grid import Grid, Window
from sitspark.scenes import positions
from sitspark.scenes.positions import centres_in

LAMBERT = Grid("EPSG:2154", 499_900.0, 6_350_700.5, 10, 300, 517)


def exact(grid: Grid, crs: str) -> tuple[np.ndarray, np.ndarray]:
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    x, y = grid.left + grid.resolution * cols, grid.top - grid.resolution * rows
    found: tuple[np.ndarray, np.ndarray] = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
    return found


@pytest.mark.parametrize(
    ("grid", "crs", "least"),
    [
        (LAMBERT, "EPSG:32631", 1e-6),
        (Grid("EPSG:32631", 399_960, 5_500_020, 60, 1830, 1830), "EPSG:3035", 1e-6),  # a whole tile
        (Grid("EPSG:4326", 1.4, 43.7, 0.0001, 200, 300), "EPSG:32631", 1e-6),
        (Grid("EPSG:32631", 300_000, 4_900_020, 10, 1, 1), "EPSG:2154", 1e-6),
    ],
    ids=["a chunk", "a tile", "degrees", "a pixel"],
)
def test_places_are_off_by_less_than_a_thousandth_of_a_millimetre(grid: Grid, crs: str, least: float) -> None:
    found, (x, y) = centres_in(crs, grid), exact(grid, crs)
    assert np.abs(found.x - x).max() < least and np.abs(found.y - y).max() < least


@pytest.mark.parametrize(
    ("grid", "crs"),
    [
        (LAMBERT, "EPSG:32631"),
        (Grid("EPSG:4326", 1.4, 43.7, 0.0001, 300, 517), "EPSG:32631"),
        (Grid("EPSG:2154", 499_903.3, 6_350_700.1, 10.1, 300, 517), "EPSG:32631"),
        (Grid("EPSG:32631", 499_900, 1500, 10, 300, 517), "EPSG:4326"),  # across the equator
        (Grid("EPSG:32733", 499_900, 6_350_700, 1 / 3, 300, 517), "EPSG:4326"),
    ],
    ids=["metres", "degrees", "decimals", "equator", "thirds"],
)
def test_a_centre_is_the_same_on_any_window(grid: Grid, crs: str) -> None:
    whole = centres_in(crs, grid)
    for window in (Window(0, 0, 1, 1), Window(7, 31, 40, 200), Window(299, 516, 1, 1), Window(100, 100, 64, 64)):
        part = centres_in(crs, grid.cropped(window))
        assert (part.x == whole.x[window.slices]).all() and (part.y == whole.y[window.slices]).all()


@pytest.mark.parametrize("side", [300, 639, 1024])
def test_where_longitudes_jump_each_place_is_exact(side: int) -> None:
    """UTM zones 60 and 1 meet at 180 degrees; the jump is anywhere in the window."""
    for left in range(650_000 - 10 * side, 680_000, 2_570):
        grid = Grid("EPSG:32760", left, 8_000_000, 10, 64, side)
        found, (x, y) = centres_in("EPSG:4326", grid), exact(grid, "EPSG:4326")
        assert np.abs(found.x - x).max() < 1e-10 and np.abs(found.y - y).max() < 1e-10


def test_where_the_way_between_two_crs_is_not_smooth_each_place_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a datum shift by a grid of corrections."""

    class WithKinks:
        @staticmethod
        def transform(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return x + 0.01 * np.abs(np.mod(x, 700) - 350), y

    monkeypatch.setattr(positions, "transformer_of", lambda _source, _target: WithKinks)
    centres_in.cache_clear()
    grid = Grid("EPSG:2154", 499_900.0, 6_350_700.0, 10, 80, 90)
    found = centres_in("EPSG:32631", grid)
    centres_in.cache_clear()
    x = 499_905 + 10.0 * np.arange(90)
    assert (found.x == x + 0.01 * np.abs(np.mod(x, 700) - 350)).all()


@pytest.mark.filterwarnings("error")
def test_beyond_the_reach_of_a_crs_places_are_not_finite() -> None:
    grid = Grid("EPSG:4326", -170.0, 89.9, 0.5, 4, 4)
    assert not np.isfinite(centres_in("EPSG:3857", grid.cropped(Window(-2, 0, 2, 2))).y).any()
