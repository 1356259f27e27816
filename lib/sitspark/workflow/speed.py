"""How fast this machine maps the products of a run: small windows of them, read, classified and written."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, Window
from sitspark.maps.chunk import rasters_of
from sitspark.maps.drawing import Drawing, Rasters, Speaker
from sitspark.maps.portions import portions
from sitspark.maps.products import Product, write_chunk
from sitspark.maps.views import read_chunk
from sitspark.models.applicability import AreaOfApplicability
from sitspark.models.inference import Classifier, one_thread
from sitspark.scenes.buffers import Buffers
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading

_SMALL = 32  # pixels; the side of what is drawn twice before
_ENOUGH = 10.0  # seconds, after which no further window is begun


@dataclass(frozen=True, slots=True)
class Spent:
    """What some pixels took: seconds of one core, and of the clock."""

    pixels: int
    cpu: float
    wall: float


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
        """What a map takes of one core; `starts` is how often a worker comes to a tile, whose files it opens."""
        return pixels / self.per_core_second + starts * self.start

    @staticmethod
    def of(first: Spent, again: Spent, windows: Sequence[Spent]) -> "Speed":
        """The speed over all windows; `first`, drawn `again`, tells what compiling and opening files took the first time."""
        pixels = sum(window.pixels for window in windows)
        core = pixels / sum(window.cpu for window in windows)
        apart = max(abs(window.pixels / window.cpu / core - 1) for window in windows)
        return Speed(core, pixels / sum(window.wall for window in windows), apart, max(first.cpu - again.cpu, 0.0))


def seconds_a_pixel(classifier: Classifier, features: npt.NDArray[np.float32]) -> float:
    """The seconds of the clock that each pixel of a full batch takes to be classified, at the faster of two times.

    `features`, float32 (n, features), are repeated to fill it: how long trees take hangs on what they are given.
    """
    batch = np.resize(features, (classifier.batch, features.shape[1]))
    spent = []
    for _ in range(3):
        started = time.perf_counter()
        classifier.classify(batch)
        spent.append(time.perf_counter() - started)
    return min(spent[1:]) / classifier.batch


@dataclass(frozen=True, slots=True)
class Trial:
    """Windows of a map drawn by way of trial: how fast that went, and what came of the first one.

    `features`, float32 (n, features), are those of some of its pixels.
    """

    speed: Speed
    features: npt.NDArray[np.float32]
    rasters: Rasters


def trial(
    reading: Reading,
    scenes: Mapping[str, Sequence[Scene]],
    tile: str,
    windows: Sequence[Window],
    *,
    recipe: Recipe,
    classifiers: Sequence[Classifier],
    products: Sequence[Product],
    area: AreaOfApplicability | None,
    scratch: Path,
) -> Trial:
    """Read, classify and write windows of a tile with all dates, on one thread, the first one and more while there is time.

    `classifiers` draw one map together, whose `products` are written into the folder `scratch`;
    `area` is for the dissimilarity among them.
    """
    small = Window(windows[0].row, windows[0].col, min(windows[0].height, _SMALL), min(windows[0].width, _SMALL))
    spent: list[Spent] = []
    first: Rasters = {}
    buffers = Buffers()  # as the run reads chunk after chunk
    with one_thread():
        for window in (small, small, *windows):
            # one at least, however long the small one takes
            if sum(one.wall for one in spent[2:]) > _ENOUGH:
                break
            watch = Stopwatch()
            buffers.restart()
            read = read_chunk(Chunk(tile, window), scenes, reading, recipe, empty=buffers.empty)
            drawing = Drawing.of([Speaker(one) for one in classifiers], "mean", window.pixels, products)
            (rasters,) = rasters_of(read, recipe.space, [drawing], products, area)
            for product in products:
                write_chunk(scratch / f"{product.name}.tif", rasters[product.name], reading.grid.cropped(window), product)
            spent.append(watch.spent(window.pixels))
            if len(spent) == 3:
                first, (_, (features, *_)) = rasters, next(portions(read, recipe.space))
                kept = features.copy()
    return Trial(Speed.of(spent[0], spent[1], spent[2:]), kept, first)
