"""The output grid and who owns which ground of it, for tiles whose products reprojection turns."""

from datetime import date

import numpy as np
import pytest
import rasterio.warp
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.grid import ChunkShape, TileWindows, Window
from sitspark.scenes.chunk_plan import Bounds, TileExtent, cover
from sitspark.settings import GridSettings

# two real neighbours of Sentinel-2's grid on either side of the border between UTM zones
WEST = (699_960.0, 4_690_240.0, 809_760.0, 4_800_040.0)
EAST = (300_000.0, 4_690_200.0, 409_800.0, 4_800_000.0)


PERIODS = {"sentinel2": (date(2020, 1, 1), date(2020, 12, 31))}


def extent(tile: str, crs: str, bounds: Bounds, *, common: Bounds | None = None) -> TileExtent:
    return TileExtent(tile, crs, bounds, common or bounds, 10)


TWO_ZONES = [extent("30TYP", "EPSG:32630", WEST), extent("31TCH", "EPSG:32631", EAST)]


def sees(tile: TileExtent, crs: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Whether points of another CRS lie in the products of a tile."""
    left, bottom, right, top = tile.bounds
    own_x, own_y = (np.array(values) for values in rasterio.warp.transform(crs, tile.crs, x, y))
    return (own_x > left) & (own_x < right) & (own_y > bottom) & (own_y < top)


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_an_owner_sees_all_of_a_chunk_that_is_not_shared(data: st.DataObject) -> None:
    """Otherwise the map had holes where a neighbour has data: tiles of two zones turn by degrees in a national CRS."""
    crs = data.draw(st.sampled_from(["EPSG:2154", "EPSG:3035", "EPSG:32631"]))
    covered = cover(TWO_ZONES, PERIODS, GridSettings(crs=crs, resolution=100, overlap_margin=600))
    by_name = {tile.tile: tile for tile in TWO_ZONES}
    chunks = list(covered.chunks(ChunkShape.square(128), None))
    assert {chunk.tile for chunk in chunks if not chunk.shared} == set(by_name)
    for chunk in chunks:
        if chunk.shared:
            continue
        window = chunk.window
        rows = data.draw(st.integers(window.row, window.stop_row - 1)), window.row, window.stop_row - 1
        cols = data.draw(st.integers(window.col, window.stop_col - 1)), window.col, window.stop_col - 1
        x = np.array([covered.grid.left + (col + 0.5) * 100 for _ in rows for col in cols])
        y = np.array([covered.grid.top - (row + 0.5) * 100 for row in rows for _ in cols])
        assert sees(by_name[chunk.tile], crs, x, y).all()


def test_four_tiles_of_one_zone_keep_their_ownership_in_a_national_crs() -> None:
    """Reprojection moves tiles of one column apart by some pixels: the upper one owns the overlap all the same."""
    corners = {"31TCK": (300_000, 5_000_040), "31TDK": (399_960, 5_000_040), "31TCJ": (300_000, 4_900_020)}
    corners["31TDJ"] = (399_960, 4_900_020)
    tiles = [extent(tile, "EPSG:32631", (left, top - 109_800, left + 109_800, top)) for tile, (left, top) in corners.items()]
    covered = cover(tiles, PERIODS, GridSettings(crs="EPSG:2154"))
    assert len({windows.reach.col for windows in covered.tiles.values()}) == 4
    assert [territory.tile for territory in covered.territories] == ["31TCK", "31TDK", "31TCJ", "31TDJ"]
    upper, lower = (next(t.window for t in covered.territories if t.tile == tile) for tile in ("31TCK", "31TCJ"))
    # 60 pixels less than its own ground, but for what it is turned
    assert abs(upper.stop_row - (covered.tiles["31TCK"].reach.stop_row - 60)) <= 30
    assert lower.row == upper.stop_row
    chunks = list(covered.chunks(ChunkShape.square(512), None))
    assert min(min(chunk.window.height, chunk.window.width) for chunk in chunks) >= 128


def test_tiles_that_are_not_reprojected_share_nothing() -> None:
    covered = cover([extent("31TCH", "EPSG:32631", EAST)], PERIODS, GridSettings())
    assert covered.tiles == {"31TCH": TileWindows(Window(0, 0, 10980, 10980), Window(0, 0, 10980, 10980))}
    assert not any(chunk.shared for chunk in covered.chunks(ChunkShape.square(512), None))


def test_what_not_every_product_of_a_tile_covers_is_outside_its_core() -> None:
    tile = extent("193032", "EPSG:32618", (0, 0, 1000, 1000), common=(100, 0, 1000, 900))
    assert cover([tile], PERIODS, GridSettings()).tiles["193032"] == TileWindows(Window(0, 0, 100, 100), Window(10, 10, 90, 90))


def test_a_tile_with_products_in_two_zones_is_one_tile() -> None:
    halves = [extent("T", "EPSG:32630", WEST), extent("T", "EPSG:32631", EAST)]
    windows = cover(halves, PERIODS, GridSettings(crs="EPSG:2154", resolution=100)).tiles["T"]
    assert windows.reach.contains(windows.core)
    assert windows.core.width < 300  # the zones' boxes meet in some 20 km


def test_products_in_degrees_need_a_crs_in_metres() -> None:
    with pytest.raises(SitsparkError, match=r"grid\.crs: EPSG:4326 is not a projected CRS"):
        cover([extent("T", "EPSG:4326", (0, 44, 1, 45))], PERIODS, GridSettings())


@pytest.mark.parametrize(("tiles", "resolution"), [(TWO_ZONES, 10), (TWO_ZONES[:1], 20), (TWO_ZONES[1:], 15)])
def test_in_another_crs_pixels_begin_at_multiples_of_their_size(tiles: list[TileExtent], resolution: float) -> None:
    """As gdalwarp -tap does it: maps of neighbouring areas share their pixels."""
    grid = cover(tiles, PERIODS, GridSettings(crs="EPSG:2154", resolution=resolution)).grid
    assert grid.left % resolution == grid.top % resolution == 0
    left, bottom, right, top = grid.bounds
    for tile in tiles:
        own = rasterio.warp.transform_bounds(tile.crs, "EPSG:2154", *tile.bounds)
        assert left <= own[0] and bottom <= own[1] and right >= own[2] and top >= own[3]
    west, south, east, north = rasterio.warp.transform_bounds(tiles[0].crs, "EPSG:2154", *tiles[0].bounds)
    if len(tiles) == 1:  # and no row or column more than is needed
        assert max(west - left, south - bottom, right - east, top - north) < resolution


def test_in_their_own_crs_pixels_stay_those_of_the_files() -> None:
    tile = extent("31TCH", "EPSG:32631", (300_003.0, 4_690_205.0, 409_803.0, 4_800_005.0))
    grid = cover([tile], PERIODS, GridSettings()).grid
    assert (grid.left, grid.top) == (300_003.0, 4_800_005.0)
