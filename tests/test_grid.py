"""Pixel grids and chunks: every pixel of the imagery belongs to exactly one chunk, owned after iota2's rule."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sitspark.grid import Chunk, ChunkShape, Grid, Territory, TileWindows, Window, chunks_in, territories

WINDOWS = st.builds(Window, st.integers(-20, 60), st.integers(-20, 60), st.integers(1, 40), st.integers(1, 40))


def chunks_of(tiles: dict[str, TileWindows], shape: ChunkShape, *, margin: int = 0) -> Iterator[Chunk]:
    """The chunks of all territories."""
    for territory in territories(tiles, margin):
        yield from chunks_in(territory, tiles[territory.tile], shape)


@st.composite
def tile_windows(draw: st.DrawFn) -> TileWindows:
    """A window and any part of it, none included."""
    reach = draw(WINDOWS)
    row, col = draw(st.integers(0, reach.height)), draw(st.integers(0, reach.width))
    height, width = draw(st.integers(0, reach.height - row)), draw(st.integers(0, reach.width - col))
    return TileWindows(reach, Window(reach.row + row, reach.col + col, height, width))


def whole(extents: dict[str, Window]) -> dict[str, TileWindows]:
    """Tiles whose products cover all that they touch."""
    return {tile: TileWindows(window, window) for tile, window in extents.items()}


TILES = st.dictionaries(
    st.sampled_from("ABCDEF"), st.one_of(WINDOWS.map(lambda w: TileWindows(w, w)), tile_windows()), min_size=1
)
RESOLUTIONS = st.sampled_from([10.0, 20.0, 30.0, 0.1, 3000.0, 1 / 3])
GRIDS = st.builds(
    Grid,
    st.just("EPSG:32631"),
    st.floats(-1e6, 1e6),
    st.floats(0, 9e6),
    RESOLUTIONS,
    st.integers(1, 200),
    st.integers(1, 200),
)


def painted(windows: list[Window]) -> np.ndarray:
    """How often each pixel of rows and columns from -20 is covered."""
    counts = np.zeros((120, 120), int)
    for window in windows:
        counts[window.shifted(20, 20).slices] += 1
    return counts


@given(TILES, st.integers(0, 15))
@example(whole({"A": Window(0, 0, 10, 10), "B": Window(0, 0, 10, 10)}), 4)
@example(whole({"A": Window(0, 0, 30, 30), "B": Window(10, 10, 5, 5)}), 15)
@settings(deadline=None)
def test_territories_cover_the_union_of_tiles_exactly_once(tiles: dict[str, TileWindows], margin: int) -> None:
    ground = territories(tiles, margin)
    reached = painted([windows.reach for windows in tiles.values()]) > 0
    assert (painted([territory.window for territory in ground]) == reached).all()
    assert all(tiles[t.tile].reach.contains(t.window) and not t.window.is_empty for t in ground)


LARGE = st.dictionaries(
    st.sampled_from("ABCDEF"),
    st.builds(Window, st.integers(-500, 900), st.integers(-500, 900), st.integers(100, 900), st.integers(100, 900)),
    min_size=1,
)


@given(LARGE, st.integers(0, 60))
@settings(deadline=None)
def test_edges_of_large_tiles_that_nearly_meet_are_one_and_no_ground_is_lost(extents: dict[str, Window], margin: int) -> None:
    ground = [territory.window for territory in territories(whole(extents), margin)]
    counts = np.zeros((2500, 2500), int)
    for window in ground:
        counts[window.shifted(600, 600).slices] += 1
    assert counts.max() == 1
    for extent in extents.values():
        assert counts[extent.shifted(600, 600).slices].all()
    least = min(min(w.height, w.width) for w in extents.values()) // 100
    assert min(min(window.height, window.width) for window in ground) >= least


@given(TILES, st.integers(0, 15), st.integers(1, 50))
@example(whole({"A": Window(0, 0, 40, 40), "B": Window(0, 33, 40, 40)}), 3, 16)
@settings(deadline=None)
def test_chunks_cover_the_union_of_tiles_exactly_once(tiles: dict[str, TileWindows], margin: int, size: int) -> None:
    chunks = list(chunks_of(tiles, ChunkShape.square(size), margin=margin))
    assert (painted([c.window for c in chunks]) == (painted([w.reach for w in tiles.values()]) > 0)).all()
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks)
    owned = territories(tiles, margin)
    for chunk in chunks:
        assert any(t.window.contains(chunk.window) and t.tile == chunk.tile for t in owned)


@given(TILES, st.integers(1, 50))
@settings(deadline=None)
def test_a_chunk_is_shared_unless_the_products_of_its_owner_cover_it_wholly(tiles: dict[str, TileWindows], size: int) -> None:
    for chunk in chunks_of(tiles, ChunkShape.square(size)):
        seen = painted([tiles[chunk.tile].core]) > 0
        assert chunk.shared == (not seen[chunk.window.shifted(20, 20).slices].all())


@given(TILES, st.integers(0, 15), st.integers(1, 50))
@example(whole({"A": Window(0, 0, 40, 40), "B": Window(0, 20, 40, 40)}), 0, 24)  # a cut 4 pixels after the start
@settings(deadline=None)
def test_chunk_sizes_stay_within_bounds(tiles: dict[str, TileWindows], margin: int, size: int) -> None:
    """At most 1.5 times the size asked for; less than a quarter only where the territory itself is narrower."""
    owned = territories(tiles, margin)
    for chunk in chunks_of(tiles, ChunkShape.square(size), margin=margin):
        ground = next(t.window for t in owned if t.tile == chunk.tile and t.window.contains(chunk.window))
        for length, available in ((chunk.window.height, ground.height), (chunk.window.width, ground.width)):
            assert length <= max(1.5 * size, 1)
            assert length >= size / 4 or length == available


def test_chunks_follow_the_blocks_of_the_files() -> None:
    """Cuts lie at multiples of the size from the tile's own corner, not from that of the ground that it owns."""
    extents = {"A": Window(0, 0, 1000, 1000), "B": Window(0, 900, 1000, 1000)}
    chunks = [chunk.window for chunk in chunks_of(whole(extents), ChunkShape.square(256), margin=50) if chunk.tile == "B"]
    assert sorted({(window.col, window.width) for window in chunks}) == [(950, 206), (1156, 256), (1412, 256), (1668, 232)]
    assert sorted({(window.row, window.height) for window in chunks}) == [(0, 256), (256, 256), (512, 256), (768, 232)]


@pytest.mark.parametrize(("rest", "widths"), [(63, [256, 319]), (64, [256, 256, 64])])
def test_a_short_rest_joins_its_neighbour(rest: int, widths: list[int]) -> None:
    chunks = chunks_of(whole({"A": Window(0, 0, 256, 256 * 2 + rest)}), ChunkShape.square(256))
    assert [chunk.window.width for chunk in chunks] == widths


def test_ownership_of_four_tiles_after_iota2() -> None:
    """Four Sentinel-2 tiles: left over right and upper over lower, except the last 600 m; the corner in the middle.

    iota2: in a left/right overlap the left tile wins except its last 600 m, up/down the upper one; of diagonal
    neighbours the upper-left tile keeps the overlap, the lower-left one that with the upper right except its right 600 m.
    """
    side, step, margin = 10980, 10000, 60
    extents = {
        "31TCK": Window(0, 0, side, side),
        "31TDK": Window(0, step, side, side),
        "31TCJ": Window(step, 0, side, side),
        "31TDJ": Window(step, step, side, side),
    }
    ground = territories(whole(extents), margin)
    edge = side - margin

    def owner(row: int, col: int) -> str:
        return next(t.tile for t in ground if t.window.contains(Window(row, col, 1, 1)))

    expected = {
        (0, 0): "31TCK",
        (0, edge - 1): "31TCK",
        (0, edge): "31TDK",
        (0, 2 * step): "31TDK",
        (edge - 1, 0): "31TCK",
        (edge, 0): "31TCJ",
        (edge - 1, 2 * step): "31TDK",
        (edge, 2 * step): "31TDJ",
        (2 * step, edge - 1): "31TCJ",
        (2 * step, edge): "31TDJ",
        # where all four meet
        (edge - 1, edge - 1): "31TCK",
        (edge - 1, edge): "31TDK",
        (edge, edge - 1): "31TCJ",
        (edge, edge): "31TDJ",
        (side - 1, side - 1): "31TDJ",
    }
    assert {at: owner(*at) for at in expected} == expected
    assert len(ground) == 4
    # a tile at the outer edge gives nothing away there
    assert owner(step + side - 1, step + side - 1) == "31TDJ"
    assert owner(0, step + side - 1) == "31TDK"


def test_the_last_pixels_of_a_tile_without_neighbour_stay_its_own() -> None:
    alone, beside = Window(0, 0, 100, 100), Window(0, 100, 100, 100)
    assert territories(whole({"A": alone}), 60) == [Territory("A", alone)]
    # neighbours that only touch share no ground that could be given
    assert territories(whole({"A": alone, "B": beside}), 60) == [Territory("A", alone), Territory("B", beside)]


def test_ownership_does_not_depend_on_the_order_of_tiles() -> None:
    extents = {"C": Window(0, 30, 40, 40), "A": Window(0, 0, 40, 40), "B": Window(30, 0, 40, 40)}
    assert territories(whole(extents), 3) == territories(whole(dict(sorted(extents.items()))), 3)


def test_chunk_ids_name_tile_and_place() -> None:
    assert Chunk("31TCJ", Window(512, 10240, 256, 256)).chunk_id == "31TCJ_r000512_c010240"


@given(WINDOWS, WINDOWS)
@settings(deadline=None)
def test_intersection_is_what_both_hold(a: Window, b: Window) -> None:
    common = a.intersection(b)
    assert common.pixels == (painted([a, b]) == 2).sum()
    assert common.is_empty == (common.pixels == 0)
    assert common == b.intersection(a)
    assert a.contains(b) == (not (painted([b]) > painted([a])).any())


@given(GRIDS, WINDOWS)
@settings(deadline=None)
def test_window_of_a_crop_is_its_window(grid: Grid, window: Window) -> None:
    cropped = grid.cropped(window)
    assert grid.window_of(cropped.bounds) == window
    assert grid.offset_of(cropped) == (window.row, window.col)
    assert cropped.window == Window(0, 0, window.height, window.width)


@given(GRIDS, WINDOWS, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@settings(deadline=None)
def test_window_of_covers_pixels_that_are_only_touched(grid: Grid, window: Window, dx: float, dy: float) -> None:
    left, bottom, right, top = grid.cropped(window).bounds
    step = grid.resolution
    grown = (left - dx * step, bottom - dy * step, right + dx * step, top + dy * step)
    assert grid.window_of(grown) == Window(window.row - 1, window.col - 1, window.height + 2, window.width + 2)


@given(GRIDS, WINDOWS, st.sampled_from([0.5, 0.25, 1 / 3, 0.02, 0.9]), st.booleans())
@settings(deadline=None)
def test_offset_of_refuses_a_grid_shifted_by_part_of_a_pixel(grid: Grid, window: Window, part: float, down: bool) -> None:
    c = grid.cropped(window)
    shift = part * grid.resolution
    other = Grid(c.crs, c.left + shift * (not down), c.top - shift * down, c.resolution, c.height, c.width)
    assert grid.offset_of(other) is None


def test_transform_and_bounds_by_hand() -> None:
    grid = Grid("EPSG:32631", 300_000, 4_900_020, 10, 20, 30)
    assert grid.bounds == (300_000, 4_899_820, 300_300, 4_900_020)
    assert tuple(grid.transform)[:6] == (10, 0, 300_000, 0, -10, 4_900_020)
    assert grid.cropped(Window(2, 3, 4, 5)).bounds == (300_030, 4_899_960, 300_080, 4_900_000)


BOXES = st.lists(
    st.tuples(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 300), st.integers(1, 300)).map(
        lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
    ),
    min_size=1,
    max_size=4,
)


@given(BOXES, st.sampled_from([1, 7, 10, 60]))
@settings(deadline=None)
def test_covering_holds_all_boxes_tightly_on_the_pixels_of_the_first(
    boxes: list[tuple[float, float, float, float]], resolution: float
) -> None:
    grid = Grid.covering("EPSG:32631", resolution, boxes)
    left, bottom, right, top = grid.bounds
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    assert left <= min(lefts) < left + resolution
    assert top >= max(tops) > top - resolution
    assert right >= max(rights) > right - resolution
    assert bottom <= min(bottoms) < bottom + resolution
    assert grid.offset_of(Grid("EPSG:32631", boxes[0][0], boxes[0][3], resolution, 1, 1)) is not None


@pytest.mark.parametrize("empty", [Window(50, 50, 0, 10), Window(0, 0, 0, 0), Window(3, 3, 5, -1)])
def test_empty_windows_hold_nothing(empty: Window) -> None:
    assert empty.is_empty
    assert empty.pixels == 0
