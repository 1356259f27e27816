"""Classifying one chunk (floor 2: files and networks, no Spark): what is read of it, then features and networks by blocks."""

import functools
import platform
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, Grid
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.features import FeatureKernel
from sitspark.maps import products
from sitspark.maps.areas import counts_of
from sitspark.maps.drawing import ChunkMap, Drawing
from sitspark.maps.products import Product
from sitspark.maps.record import ChunkRecord, commit
from sitspark.models.arithmetic import FP32, Arithmetic
from sitspark.models.card import CARD
from sitspark.models.inference import BLOCK, Classifier
from sitspark.scenes.cube import CubeStrips
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading, Stack
from sitspark.scenes.region import Region


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A model, the folder that takes the chunks of its map, and the numbers that it classifies in; `code`: see `Model.load`."""

    model: Path
    chunks: Path
    code: str | None = None
    arithmetic: Arithmetic = FP32


@dataclass(frozen=True, slots=True)
class ReadChunk:
    """All that a chunk is classified by, and what reading it took.

    `custom` are the features of the user's own functions, float32 (features, rows, columns); `ground` is bool (rows,
    columns): where there is imagery, within the region.
    """

    chunk: Chunk
    stack: Stack
    custom: npt.NDArray[np.float32]
    ground: npt.NDArray[np.bool_]
    spent: "_Clock"


def read_chunk(chunk: Chunk, scenes: Mapping[str, Sequence[Scene]], reading: Reading, recipe: Recipe) -> ReadChunk:
    """Read a chunk; raises SitsparkError as `Reading.stack` and `Recipe.custom_of` do."""
    clock = _Clock()
    parts = reading.around(scenes, chunk.window, tile=chunk.tile)
    clock.lap("read")
    custom = recipe.custom_of(parts, chunk.window, reading.grid)
    clock.lap("custom features")
    stack, ground = parts[0].within(chunk.window), reading.ground(scenes, chunk.window)
    clock.lap("read")
    return ReadChunk(chunk, stack, custom, ground, clock)


def features_of(stack: Stack, custom: npt.NDArray[np.float32], space: FeatureSpace) -> npt.NDArray[np.float32]:
    """The features of the pixels of a small window that are seen at all, float32 (pixels, features)."""
    features = np.zeros((stack.shape[0] * stack.shape[1], len(space)), np.float32)
    for place, block in _blocks(stack, custom, space):
        features[place] = block[: place.stop - place.start]
    return features[stack.is_seen.ravel()]


def _blocks(
    stack: Stack, custom: npt.NDArray[np.float32], space: FeatureSpace
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Which pixels, and their features as the first of a block, float32 (`BLOCK`, features), always in the same memory."""
    total = stack.shape[0] * stack.shape[1]
    strips, kernel = [CubeStrips(cube, BLOCK) for cube in stack.cubes], FeatureKernel.of(space)
    static, own = stack.static.reshape(-1, total), custom.reshape(-1, total)
    features = np.zeros((BLOCK, len(space)), np.float32)
    for first in range(0, total, BLOCK):
        place = slice(first, min(first + BLOCK, total))
        series = [strip.strip(place.start, place.stop) for strip in strips]
        kernel.features(series, static[:, place].T, own[:, place].T, features[: place.stop - first])
        yield place, features


def classify_stack(
    stack: Stack,
    custom: npt.NDArray[np.float32],
    space: FeatureSpace,
    classifiers: Sequence[Classifier],
    *,
    probability: Product | None = None,
    kept: npt.NDArray[np.float32] | None = None,
) -> list[ChunkMap]:
    """Apply several models to one window; features are computed once a block, and kept where there is an array for them.

    `custom` are the features of the user's own functions, float32 (features, rows, columns). `probability` is the product for
    which that of every class is wanted; `kept` takes all features, float32 (features, pixels). A pixel without any clear date
    of one of the sensors is not classified: class and confidence 0.
    """
    drawings = [Drawing.of(classifier, stack.shape[0] * stack.shape[1], probability) for classifier in classifiers]
    for place, features in _blocks(stack, custom, space):
        if kept is not None:
            kept[:, place] = features[: place.stop - place.start].T
        for drawing in drawings:
            drawing.take(place.start, place.stop, features)
    seen = stack.is_seen
    return [drawing.finished(seen) for drawing in drawings]


def write_chunk_maps(
    read: ReadChunk,
    space: FeatureSpace,
    grid: Grid,
    *,
    targets: Sequence[ModelTarget],
    wanted: Sequence[Product],
    regions: Mapping[str, Region],
    attempt: int,
) -> list[ChunkRecord]:
    """Classify a chunk with every model, write its files on `grid`, its own, and, last, the record of each map.

    `wanted` are the products of the maps; `regions`, in the CRS of the grid, those in which classes are counted.
    """
    clock = _Clock(read.spent.seconds, read.spent.cpu_seconds)
    chunk, stack = read.chunk, read.stack
    classifiers = [_classifier(target, (target.model / CARD).stat().st_mtime_ns) for target in targets]
    clock.lap("load")
    by_name = {product.name: product for product in wanted}
    kept = np.empty((len(space), chunk.window.pixels), np.float32) if "features" in by_name else None
    drawn = classify_stack(stack, read.custom, space, classifiers, probability=by_name.get("probability"), kept=kept)
    arrays: dict[str, npt.NDArray[np.generic] | None] = {"validity": _validity(stack, read.ground)}
    if kept is not None:
        kept[:, ~stack.is_seen.ravel()] = np.nan
        arrays["features"] = kept.reshape(-1, *stack.shape)
    areas = {name: region.pixels(grid).astype(bool) for name, region in regions.items()}
    clock.lap("classify")
    records = []
    for target, result in zip(targets, drawn, strict=True):
        arrays |= {
            "classification": result.classes.astype(by_name["classification"].dtype),
            "confidence": result.confidence,
            "probability": result.probability,
        }
        files = {
            name: products.write_chunk(target.chunks / f"{chunk.chunk_id}_{name}.tif", array, grid, by_name[name])
            for name, array in arrays.items()
            if array is not None
        }
        clock.lap("write")
        window = chunk.window
        record = ChunkRecord(
            chunk.chunk_id,
            chunk.tile,
            window.row,
            window.col,
            window.height,
            window.width,
            files,
            counts_of(result.classes),
            {name: counts for name, inside in areas.items() if (counts := counts_of(result.classes[inside]))},
            sum(len(cube.days) for cube in stack.cubes),
            target.arithmetic.precision,
            platform.node(),
            attempt,
            dict(clock.seconds),
            clock.cpu_seconds,
            _peak_mb(),
        )
        commit(record, target.chunks)
        records.append(record)
    return records


def _validity(stack: Stack, ground: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """The number of clear dates of each pixel, and nodata where none could be."""
    return np.where(ground, stack.clear_dates, np.uint16(products.VALIDITY.nodata))


@functools.lru_cache(maxsize=16)  # the models of one pass, seldom of two
def _classifier(target: ModelTarget, _modified: int) -> Classifier:
    """A model, read once a process."""
    return Classifier.load(target.model, code=target.code, arithmetic=target.arithmetic)


class _Clock:
    """Seconds by phase, and those of one core in the calling thread, on top of what is known."""

    def __init__(self, seconds: Mapping[str, float] = MappingProxyType({}), cpu_seconds: float = 0.0) -> None:
        self.seconds, self.cpu_seconds = dict(seconds), cpu_seconds
        self._mark, self._cpu_mark = time.perf_counter(), time.thread_time()

    def lap(self, phase: str) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        self.seconds[phase] = round(self.seconds.get(phase, 0.0) + now - self._mark, 4)
        self.cpu_seconds = round(self.cpu_seconds + cpu - self._cpu_mark, 4)
        self._mark, self._cpu_mark = now, cpu


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
