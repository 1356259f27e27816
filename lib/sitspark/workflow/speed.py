"""How fast this machine maps the products of a run: small windows of them, read and classified."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, ChunkShape, Window
from sitspark.maps.chunk import classify_views
from sitspark.maps.drawing import Drawing, Speaker
from sitspark.maps.products import Product
from sitspark.maps.views import read_chunk
from sitspark.models.inference import Classifier
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading

_WARM_UP = ChunkShape.square(32)  # of the first one
_ENOUGH = 10.0  # seconds, after which no further window is begun


@dataclass(frozen=True, slots=True)
class Spent:
    """What a window took: seconds of one core, and of the clock."""

    pixels: int
    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Pixels a second of one core and of one worker's clock; `error` is how far windows are from the former, as a share.

    `start` are the seconds that a worker takes for its first window more than for others.
    """

    per_core_second: float
    per_second: float
    error: float
    start: float

    def core_seconds(self, pixels: int, *, starts: int) -> float:
        """What a map takes of one core; `starts` is how often a worker starts, or comes to a tile whose files it opens."""
        return pixels / self.per_core_second + starts * self.start

    @staticmethod
    def of(first: Spent, windows: Sequence[Spent]) -> "Speed":
        """The speed over all windows but the first one, which pays for compiling and for opening files."""
        pixels = sum(window.pixels for window in windows)
        core = pixels / sum(window.cpu for window in windows)
        apart = max(abs(window.pixels / window.cpu / core - 1) for window in windows)
        start = max(first.cpu - first.pixels / core, 0.0)
        return Speed(core, pixels / sum(window.wall for window in windows), apart, start)


def measured_speed(
    reading: Reading,
    scenes: Mapping[str, Sequence[Scene]],
    tile: str,
    extent: Window,
    *,
    shape: ChunkShape,
    recipe: Recipe,
    classifiers: Sequence[Classifier],
    wanted: Sequence[Product] = (),
) -> Speed:
    """Read and classify chunks of a shape in the middle of a tile and of its quarters, with all their dates, on one thread.

    `classifiers` draw one map together; `wanted` are its products.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        spent: list[Spent] = []
        for window in (_middle(extent, _WARM_UP), *_windows(extent, shape)):
            # one at least, however long the first one took
            if sum(one.wall for one in spent[1:]) > _ENOUGH:
                break
            cpu, wall = time.process_time(), time.perf_counter()
            read = read_chunk(Chunk(tile, window), scenes, reading, recipe)
            drawing = Drawing.of([Speaker(one) for one in classifiers], "mean", window.pixels, wanted)
            classify_views(read.views, recipe.space, [drawing])
            drawing.finished(read.is_seen)
            spent.append(Spent(window.pixels, time.process_time() - cpu, time.perf_counter() - wall))
    finally:
        torch.set_num_threads(threads)
    return Speed.of(spent[0], spent[1:])


def _windows(extent: Window, shape: ChunkShape) -> Iterator[Window]:
    yield _middle(extent, shape)
    height, width = extent.height // 2, extent.width // 2
    for row in (extent.row, extent.row + height):
        for col in (extent.col, extent.col + width):
            yield _middle(Window(row, col, height, width), shape)


def _middle(extent: Window, shape: ChunkShape) -> Window:
    height, width = min(shape.height, extent.height), min(shape.width, extent.width)
    return Window(extent.row + (extent.height - height) // 2, extent.col + (extent.width - width) // 2, height, width)
