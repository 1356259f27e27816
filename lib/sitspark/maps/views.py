"""What is read of a chunk (floor 2): the series that it is classified by, and their features block by block."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, Window
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.features import FeatureKernel
from sitspark.maps.clock import Clock
from sitspark.maps.products import VALIDITY
from sitspark.maps.series import Series, series_of
from sitspark.models.inference import BLOCK
from sitspark.scenes.buffers import Allocate
from sitspark.scenes.cube import CubeStrips
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading, Stack


@dataclass(frozen=True, slots=True)
class View:
    """What a chunk is classified by: the series of a tile, or what its owner makes of all.

    `custom` are the features of the user's own functions, float32 (features, rows, columns); `weight` is what the view counts
    at each pixel, float32 (rows, columns), None: it is the only one.
    """

    tile: str
    stack: Stack
    custom: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32] | None = None

    def features(self, space: FeatureSpace) -> npt.NDArray[np.float32]:
        """The features of the pixels of a small window that are seen at all, float32 (pixels, features)."""
        height, width = self.stack.shape
        features = np.zeros((height * width, len(space)), np.float32)
        for place, block in self.blocks(space):
            features[place] = block[: place.stop - place.start]
        return features[self.stack.is_seen.ravel()]

    def blocks(
        self, space: FeatureSpace, memory: Iterable[npt.NDArray[np.float32]] | None = None
    ) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """Which pixels, and their features as the first of a block, float32 (`BLOCK`, features).

        The blocks come in the arrays of `memory`, one after the other; without any in one array for all.
        """
        total = self.stack.shape[0] * self.stack.shape[1]
        strips, kernel = [CubeStrips(cube, BLOCK) for cube in self.stack.cubes], FeatureKernel.of(space)
        static, own = self.stack.static.reshape(-1, total), self.custom.reshape(-1, total)
        if memory is None:
            memory = repeat(np.zeros((BLOCK, len(space)), np.float32))
        for first, features in zip(range(0, total, BLOCK), memory, strict=False):
            place = slice(first, min(first + BLOCK, total))
            series = [strip.strip(place.start, place.stop) for strip in strips]
            kernel.features(series, static[:, place].T, own[:, place].T, features[: place.stop - first])
            yield place, features


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """All that a chunk is classified by, first the view of its owner, and what reading it took.

    `ground` is bool (rows, columns): where there is imagery, within the region.
    """

    chunk: Chunk
    views: tuple[View, ...]
    ground: npt.NDArray[np.bool_]
    spent: Clock

    @property
    def is_seen(self) -> npt.NDArray[np.bool_]:
        """Whether a pixel can be classified by any view, bool (rows, columns)."""
        seen: npt.NDArray[np.bool_] = np.any([view.stack.is_seen for view in self.views], axis=0)
        return seen

    @property
    def validity(self) -> npt.NDArray[np.uint16]:
        """The number of clear dates of each pixel, of the view that has most, and nodata where none could be."""
        clear = np.max([view.stack.clear_dates for view in self.views], axis=0)
        return np.where(self.ground, clear, np.uint16(VALIDITY.nodata))


def read_chunk(
    chunk: Chunk,
    scenes: Mapping[str, Sequence[Scene]],
    reading: Reading,
    recipe: Recipe,
    *,
    blended: Mapping[str, Window] = MappingProxyType({}),
    empty: Allocate = np.empty,
) -> ReadChunk:
    """Read a chunk into memory of `empty`; raises SitsparkError as `Reading.stack` and `Recipe.custom_of` do.

    Where some of the tiles whose windows on the grid are `blended` see it, it has a view by the series of each.
    """
    clock = Clock()
    views = []
    for series in series_of(chunk, scenes, reading, blended):
        view = _view(series, chunk.window, recipe, clock, empty)
        if series.weight is not None:
            view = replace(view, weight=np.where(view.stack.is_seen, series.weight, np.float32(0)))
        views.append(view)
    ground = reading.ground(scenes, chunk.window)
    clock.lap("read")
    return ReadChunk(chunk, tuple(views), ground, clock)


def _view(series: Series, window: Window, recipe: Recipe, clock: Clock, empty: Allocate) -> View:
    parts = series.reading.around(series.scenes, window, tile=series.tile, empty=empty)
    clock.lap("read")
    custom = recipe.custom_of(parts, window, series.reading.grid)
    clock.lap("custom features")
    stack = parts[0].within(window)
    clock.lap("read")
    return View(series.tile, stack, custom)
