"""The shape of chunks: whole blocks of the files, as many as the memory of a worker holds."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sitspark.grid import ChunkShape, TileWindows, Window
from sitspark.scenes.product import Asset, Scene
from sitspark.scenes.reading import Reading

WORKER_BYTES = 1_100_000_000  # of a worker beside what it reads: numba, torch, GDAL, the network; seen in benchmarks
# pixels; larger chunks gain nothing (four times as many: 7 % slower), smaller ones share more blocks with their neighbours
_SIDE = 512
_LITTLE_MORE = 1.1
_LEAST = 64  # pixels; below that margins of interpolation and the start of a task outweigh the work


def chunk_shape(
    reading: Reading,
    scenes: Mapping[str, Sequence[Scene]],
    tile: str,
    tiles: Mapping[str, TileWindows],
    *,
    memory: int,
    written: int = 0,
) -> ChunkShape:
    """The largest usual shape with which a worker stays below `memory` bytes in a tile.

    Where none does, as with files that are one large strip, the largest that takes little more than the smallest. `scenes`
    are those read in the tile, of each sensor by its name; `tiles` the windows of all tiles on the output grid; `written` are
    the bytes of a pixel that are held to be written.
    """
    block = _block(reading, [scene for scene in scenes[reading.leading] if scene.tile == tile])
    widest = max(windows.reach.width for windows in tiles.values())
    shapes = list(_shapes(block, widest, strip=tiles[tile].reach.width))
    needed = {shape: worker_bytes(reading, scenes, shape, tiles[tile], written=written) for shape in shapes}
    least = min(needed.values())
    bound = memory if least <= memory else round(_LITTLE_MORE * least)
    return next(shape for shape in shapes if needed[shape] <= bound)


def worker_bytes(
    reading: Reading, scenes: Mapping[str, Sequence[Scene]], shape: ChunkShape, windows: TileWindows, *, written: int = 0
) -> int:
    """The memory of a worker that reads chunks of a shape in the middle of a tile: the largest of four neighbours.

    How many blocks of 20 m bands a chunk touches depends on where it lies. `written`: see `chunk_shape`.
    """
    return WORKER_BYTES + max(
        reading.bytes_of(scenes, window) + written * window.pixels for window in _neighbours(shape, windows.reach)
    )


def _neighbours(shape: ChunkShape, reach: Window) -> Iterator[Window]:
    height, width = min(shape.height, reach.height), min(shape.width, reach.width)
    rows, cols = max(reach.height // height, 1), max(reach.width // width, 1)
    for step in range(4):
        row, col = min(rows // 2 + step, rows - 1), min(cols // 2 + step, cols - 1)
        yield Window(reach.row + row * height, reach.col + col * width, height, width)


def _block(reading: Reading, scenes: Sequence[Scene]) -> ChunkShape | None:
    """The most frequent blocks of the bands that are copied to the grid as they are; None where all are resampled."""
    bands = next(sensor.bands for sensor in reading.sensors if sensor.layout.sensor == reading.leading)
    copied: list[Asset] = [
        scene.asset(band) for scene in scenes for band in bands if reading.is_copied(scene, scene.asset(band))
    ]
    found = Counter(ChunkShape(asset.block_height, asset.block_width) for asset in copied).most_common(1)
    return found[0][0] if found else None


def _shapes(block: ChunkShape | None, widest: int, *, strip: int) -> Iterator[ChunkShape]:
    """Shapes to try, the largest first: of files in strips as wide as the widest tile, of others square.

    `strip`: the width of the tile that the block is of. Strips higher than a usual chunk is are no strips.
    """
    if block is not None and block.width >= strip and block.height < _SIDE:
        strips = max(round(_SIDE * _SIDE / widest / block.height), 1)
        while strips:
            yield ChunkShape(strips * block.height, widest)
            strips //= 2
        return
    unit = max(block.height, block.width) if block is not None else _SIDE
    # blocks that don't divide each other, or are larger than an image, aren't followed
    side = max(_SIDE // unit * unit, unit) if unit <= 2 * _SIDE else _SIDE
    while side >= _LEAST:
        yield ChunkShape.square(side)
        side //= 2
