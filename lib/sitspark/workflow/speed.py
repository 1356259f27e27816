"""How fast this machine maps the products of a run: small windows of them, read, classified and written."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import ChunkShape, Window
from sitspark.maps.chunk import classify_stack
from sitspark.maps.products import Product, write_chunk
from sitspark.models.inference import Classifier, one_thread
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading, Stack

_WARM_UP = ChunkShape.square(32)  # of the first one
_ENOUGH = 10.0  # seconds, after which no further window is begun

# the pixels of each raster of a map (bands x rows x columns, or rows x columns of one), by its name
Rasters = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Spent:
    """What some pixels took: seconds of one core, and of the clock."""

    pixels: int
    cpu: float
    wall: float

    def times(self, factor: float) -> "Spent":
        """What so many times as many pixels take."""
        return Spent(round(self.pixels * factor), self.cpu * factor, self.wall * factor)


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def spent(self, pixels: int) -> Spent:
        """What so many pixels took so far."""
        return Spent(pixels, time.process_time() - self._cpu, time.perf_counter() - self._wall)


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


@dataclass(frozen=True, slots=True)
class Trial:
    """Windows of a map drawn by way of trial: how fast that went, and what came of the one in the middle."""

    speed: Speed
    rasters: Rasters


def trial(
    reading: Reading,
    scenes: Mapping[str, Sequence[Scene]],
    tile: str,
    extent: Window,
    *,
    shape: ChunkShape,
    recipe: Recipe,
    classifier: Classifier,
    products: Sequence[Product],
    scratch: Path,
) -> Trial:
    """Read, classify and write chunks of a shape in the middle of a tile and of its quarters, with all dates, on one thread.

    `products` are written into the folder `scratch`.
    """
    spent: list[Spent] = []
    middle: Rasters = {}
    with one_thread():
        for window in (_middle(extent, _WARM_UP), *_windows(extent, shape)):
            # one at least, however long the first one took
            if sum(one.wall for one in spent[1:]) > _ENOUGH:
                break
            watch = Stopwatch()
            parts = reading.around(scenes, window, tile=tile)
            custom = recipe.custom_of(parts, window, reading.grid)
            rasters = _rasters(parts[0].within(window), custom, recipe, classifier, products)
            for product in products:
                write_chunk(scratch / f"{product.name}.tif", rasters[product.name], reading.grid.cropped(window), product)
            spent.append(watch.spent(window.pixels))
            if len(spent) == 2:
                middle = rasters
    return Trial(Speed.of(spent[0], spent[1:]), middle)


def _rasters(
    stack: Stack, custom: npt.NDArray[np.float32], recipe: Recipe, classifier: Classifier, products: Sequence[Product]
) -> Rasters:
    """All rasters of a window."""
    by_name = {product.name: product for product in products}
    kept = np.empty((len(recipe.space), stack.shape[0] * stack.shape[1]), np.float32) if "features" in by_name else None
    (found,) = classify_stack(stack, custom, recipe.space, [classifier], probability=by_name.get("probability"), kept=kept)
    rasters: dict[str, npt.NDArray[np.generic]] = {
        "classification": found.classes.astype(by_name["classification"].dtype),
        "confidence": found.confidence,
        "validity": stack.clear_dates.astype(np.uint16),
    }
    if found.probability is not None:
        rasters["probability"] = found.probability
    if kept is not None:
        rasters["features"] = kept.reshape(-1, *stack.shape)
    return rasters


def _windows(extent: Window, shape: ChunkShape) -> Iterator[Window]:
    yield _middle(extent, shape)
    height, width = extent.height // 2, extent.width // 2
    for row in (extent.row, extent.row + height):
        for col in (extent.col, extent.col + width):
            yield _middle(Window(row, col, height, width), shape)


def _middle(extent: Window, shape: ChunkShape) -> Window:
    height, width = min(shape.height, extent.height), min(shape.width, extent.width)
    return Window(extent.row + (extent.height - height) // 2, extent.col + (extent.width - width) // 2, height, width)
