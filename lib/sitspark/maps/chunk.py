"""Classifying one chunk (floor 2: files and networks, no Spark): read, then features and networks block by block."""

import functools
import platform
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.features import FeatureKernel
from sitspark.maps import products
from sitspark.maps.areas import counts_of
from sitspark.maps.drawing import ChunkMap, Drawing
from sitspark.maps.products import Product
from sitspark.maps.record import ChunkRecord, commit
from sitspark.models.card import CARD
from sitspark.models.inference import BLOCK, Classifier
from sitspark.scenes.cube import CubeStrips
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading, Stack
from sitspark.scenes.region import Region


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A model, and the folder that takes the chunks of its map; `code`: see `Model.load`."""

    model: Path
    chunks: Path
    code: str | None = None


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
    height, width = stack.shape
    total = height * width
    strips, kernel = [CubeStrips(cube, BLOCK) for cube in stack.cubes], FeatureKernel.of(space)
    static, own = stack.static.reshape(-1, total), custom.reshape(-1, total)
    features = np.zeros((BLOCK, len(space)), np.float32)
    drawings = [Drawing.of(classifier, total, probability) for classifier in classifiers]
    for first in range(0, total, BLOCK):
        stop = min(first + BLOCK, total)
        count = stop - first
        series = [strip.strip(first, stop) for strip in strips]
        kernel.features(series, static[:, first:stop].T, own[:, first:stop].T, features[:count])
        if kept is not None:
            kept[:, first:stop] = features[:count].T
        for drawing in drawings:
            drawing.take(first, stop, features)
    seen = stack.is_seen
    return [drawing.finished(seen) for drawing in drawings]


def write_chunk_maps(
    chunk: Chunk,
    scenes: Mapping[str, Sequence[Scene]],
    reading: Reading,
    recipe: Recipe,
    *,
    targets: Sequence[ModelTarget],
    wanted: Sequence[Product],
    regions: Mapping[str, Region],
    attempt: int,
) -> list[ChunkRecord]:
    """Read a chunk, classify it with every model, write its files and, last, the record of each map.

    `wanted` are the products of the maps; `regions`, in the CRS of the grid, those in which classes are counted.
    """
    clock = _Clock()
    grid = reading.grid.cropped(chunk.window)
    parts = reading.around(scenes, chunk.window, tile=chunk.tile)
    clock.lap("read")
    custom = recipe.custom_of(parts, chunk.window, reading.grid)
    clock.lap("custom features")
    stack = parts[0].within(chunk.window)
    del parts  # what is read around a chunk takes as much memory
    classifiers = [_classifier(target.model, target.code, (target.model / CARD).stat().st_mtime_ns) for target in targets]
    clock.lap("load")
    by_name = {product.name: product for product in wanted}
    kept = np.empty((len(recipe.space), chunk.window.pixels), np.float32) if "features" in by_name else None
    drawn = classify_stack(stack, custom, recipe.space, classifiers, probability=by_name.get("probability"), kept=kept)
    arrays: dict[str, npt.NDArray[np.generic] | None] = {"validity": _validity(stack, reading.ground(scenes, chunk.window))}
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
            platform.node(),
            attempt,
            dict(clock.seconds),
            _peak_mb(),
        )
        commit(record, target.chunks)
        records.append(record)
    return records


def _validity(stack: Stack, ground: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """The number of clear dates of each pixel, and nodata where none could be."""
    return np.where(ground, stack.clear_dates, np.uint16(products.VALIDITY.nodata))


@functools.lru_cache(maxsize=16)  # the models of one pass, seldom of two
def _classifier(folder: Path, code: str | None, _modified: int) -> Classifier:
    """A model, read once a process."""
    return Classifier.load(folder, code=code)


class _Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._mark = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = round(self.seconds.get(phase, 0.0) + now - self._mark, 4)
        self._mark = now


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
