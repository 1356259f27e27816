"""Which shape chunks have: whole blocks of the files, and no more memory than a worker has."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import shapely

from sitspark.grid import ChunkShape, Grid, TileWindows, Window
from sitspark.scenes.chunk_shape import WORKER_BYTES, chunk_shape, worker_bytes
from sitspark.scenes.layouts import DELIVERED, Selection
from sitspark.scenes.product import Asset, Scene
from sitspark.scenes.reading import Reading
from sitspark.scenes.region import Region

SIDE = 10_980  # pixels of 10 m, as a tile of Sentinel-2
GRID = Grid("EPSG:32631", 300_000, 4_900_020, 10, SIDE, SIDE)
LAYOUT = DELIVERED["theia_l2a"]
WHOLE = TileWindows(GRID.window, GRID.window)
NO_BOUND = 10**15


def scenes(dates: int, block: tuple[int, int], *, crs: str = GRID.crs) -> list[Scene]:
    """Products of one tile, whose files have these blocks (those of 20 m at most as wide as they are themselves)."""

    def asset(name: str, size: int, dtype: str) -> Asset:
        pixels = SIDE * 10 // size
        height, width = min(block[0], pixels), min(block[1], pixels)
        transform = (float(size), 0.0, GRID.left, 0.0, -float(size), GRID.top)
        return Asset(name, name, pixels, pixels, transform, dtype, -10000, 1, 0, height, width)

    fine = {"B2", "B3", "B4", "B8"}
    assets = tuple(asset(band, 10 if band in fine else 20, "int16") for band in LAYOUT.bands)
    masks = tuple(asset(name, 10, "uint8") for name in LAYOUT.masks)
    start = datetime(2018, 1, 1, tzinfo=UTC)
    return [Scene(f"S{i}", "31TCJ", start + timedelta(days=5 * i), crs, masks + assets) for i in range(dates)]


def reading(grid: Grid = GRID) -> Reading:
    selection = Selection(LAYOUT, LAYOUT.bands, "FRE")
    return Reading((selection,), LAYOUT.sensor, "cubic", grid)


def shape_of(found: list[Scene], memory: int, *, grid: Grid = GRID) -> ChunkShape:
    return chunk_shape(reading(grid), {LAYOUT.sensor: found}, "31TCJ", {"31TCJ": WHOLE}, memory=memory)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ((512, 512), ChunkShape(512, 512)),
        ((256, 256), ChunkShape(512, 512)),
        ((192, 192), ChunkShape(384, 384)),
        ((1024, 1024), ChunkShape(1024, 1024)),
        ((1, SIDE), ChunkShape(24, SIDE)),
        ((20, SIDE), ChunkShape(20, SIDE)),
        ((128, SIDE), ChunkShape(128, SIDE)),
        ((SIDE, SIDE), ChunkShape(512, 512)),
        ((2048, SIDE), ChunkShape(512, 512)),
        ((4096, 4096), ChunkShape(512, 512)),
    ],
    ids=str,
)
def test_a_chunk_is_whole_blocks_or_strips_of_the_files(block: tuple[int, int], expected: ChunkShape) -> None:
    assert shape_of(scenes(2, block), NO_BOUND) == expected


def test_chunks_of_resampled_files_do_not_follow_their_blocks() -> None:
    """Strips lie askew on a grid of another CRS: a chunk as wide as the tile would meet hundreds of them."""
    turned = Grid("EPSG:2154", 500_000, 6_400_000, 10, SIDE, SIDE)
    assert shape_of(scenes(2, (1, SIDE)), NO_BOUND, grid=turned) == ChunkShape.square(512)


@pytest.mark.parametrize("block", [(512, 512), (1, SIDE), (64, SIDE), (1024, 1024)], ids=str)
@pytest.mark.parametrize("dates", [10, 70, 150])
def test_the_largest_shape_that_the_memory_holds_is_taken(block: tuple[int, int], dates: int) -> None:
    found = {LAYOUT.sensor: scenes(dates, block)}
    for memory in range(WORKER_BYTES, WORKER_BYTES + 8 * 10**9, 10**9):
        shape = chunk_shape(reading(), found, "31TCJ", {"31TCJ": WHOLE}, memory=memory)
        least = worker_bytes(reading(), found, ChunkShape(block[0], SIDE) if block[1] == SIDE else ChunkShape.square(64), WHOLE)
        bound = memory if least <= memory else 1.1 * least
        assert worker_bytes(reading(), found, shape, WHOLE) <= bound
        # 24, 12, 6, 3 and 1 strips are tried
        height = 3 if shape.height == 1 else 2 * shape.height
        larger = ChunkShape(height, shape.width if block[1] == SIDE else 2 * shape.width)
        if larger.height * larger.width <= max(512 * 512, block[0] * block[1]):
            assert worker_bytes(reading(), found, larger, WHOLE) > bound


def test_a_year_of_the_reference_job_fits_the_default_memory_with_whole_blocks() -> None:
    """Four tiles of the OSO experiment: about 140 acquisitions each, blocks of 512."""
    assert shape_of(scenes(140, (512, 512)), 6 * 10**9) == ChunkShape.square(512)


def test_chunks_of_strips_are_as_wide_as_the_widest_tile() -> None:
    wider = TileWindows(Window(0, 0, SIDE, SIDE + 700), Window(0, 0, SIDE, SIDE))
    found = {LAYOUT.sensor: scenes(2, (20, SIDE))}
    shape = chunk_shape(reading(), found, "31TCJ", {"31TCJ": WHOLE, "31TCK": wider}, memory=NO_BOUND)
    assert shape == ChunkShape(20, SIDE + 700)


def test_files_that_no_chunk_makes_small_have_chunks_of_the_usual_size() -> None:
    """One large strip is decoded whole, whatever is wanted of it."""
    found = scenes(140, (SIDE, SIDE))
    shape = shape_of(found, 6 * 10**9)
    assert shape.height == shape.width >= 256
    assert worker_bytes(reading(), {LAYOUT.sensor: found}, shape, WHOLE) > 6 * 10**9


def test_a_small_image_has_small_chunks() -> None:
    small = TileWindows(Window(0, 0, 300, 200), Window(0, 0, 300, 200))
    found = {LAYOUT.sensor: scenes(3, (512, 512))}
    assert worker_bytes(reading(), found, ChunkShape.square(512), small) < worker_bytes(
        reading(), found, ChunkShape.square(512), WHOLE
    )


def test_what_is_held_to_be_written_makes_chunks_smaller() -> None:
    found = {LAYOUT.sensor: scenes(73, (512, 512))}
    written = 2 * 4 * 481  # all features, and the file of them
    memory = worker_bytes(reading(), found, ChunkShape.square(512), WHOLE)
    side = chunk_shape(reading(), found, "31TCJ", {"31TCJ": WHOLE}, memory=memory, written=written).width
    assert side < 512
    assert worker_bytes(reading(), found, ChunkShape.square(side), WHOLE, written=written) <= memory


def test_ground_is_what_files_cover_within_the_region() -> None:
    """Of a window at the right edge of the files half its columns."""
    window = Window(0, SIDE - 40, 60, 80)
    found = {LAYOUT.sensor: scenes(2, (512, 512))}
    inside = reading().ground(found, window)
    assert inside[:, :40].all() and not inside[:, 40:].any()
    left, _, right, top = GRID.cropped(window).bounds
    region = Region(shapely.to_wkb(shapely.box(left, top - 100, right, top)), GRID.crs)
    assert replace(reading(), region=region).ground(found, window).sum() == 10 * 40
    turned = scenes(2, (512, 512), crs="EPSG:32630")
    assert not reading().ground({LAYOUT.sensor: turned}, window).any()
    assert not reading().ground({}, window).any()
