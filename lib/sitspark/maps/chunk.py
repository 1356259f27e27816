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
from sitspark.maps.record import ChunkRecord, commit
from sitspark.models.card import CARD
from sitspark.models.inference import BLOCK, Classifier
from sitspark.scenes.cube import CubeStrips
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading, Stack


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A model, and the folder that takes the chunks of its map; `code`: see `Model.load`."""

    model: Path
    chunks: Path
    code: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkMap:
    """What one model says of one chunk: class codes, confidence in per cent (0-100); 0 where there is no clear date."""

    classes: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]


def classify_stack(
    stack: Stack, custom: npt.NDArray[np.float32], space: FeatureSpace, classifiers: Sequence[Classifier]
) -> list[ChunkMap]:
    """Apply several models to one window; features are computed once a block and never kept.

    `custom` are the features of the user's own functions, float32 (features, rows, columns). A pixel without any clear date of
    one of the sensors is not classified: class and confidence 0.
    """
    height, width = stack.shape
    total = height * width
    strips, kernel = [CubeStrips(cube, BLOCK) for cube in stack.cubes], FeatureKernel.of(space)
    static, own = stack.static.reshape(-1, total), custom.reshape(-1, total)
    features = np.zeros((BLOCK, len(space)), np.float32)
    classes = [np.zeros(total, np.uint16) for _ in classifiers]
    confidence = [np.zeros(total, np.uint8) for _ in classifiers]
    for first in range(0, total, BLOCK):
        stop = min(first + BLOCK, total)
        count = stop - first
        series = [strip.strip(first, stop) for strip in strips]
        kernel.features(series, static[:, first:stop].T, own[:, first:stop].T, features[:count])
        for i, classifier in enumerate(classifiers):
            position, probability = classifier.classify(features)
            classes[i][first:stop] = classifier.codes[position[:count]]
            confidence[i][first:stop] = np.rint(probability[:count] * 100)
    unseen = ~stack.is_seen.ravel()
    for drawn, sure in zip(classes, confidence, strict=True):
        drawn[unseen] = 0
        sure[unseen] = 0
    return [
        ChunkMap(drawn.reshape(height, width), sure.reshape(height, width))
        for drawn, sure in zip(classes, confidence, strict=True)
    ]


def write_chunk_maps(
    chunk: Chunk,
    scenes: Mapping[str, Sequence[Scene]],
    reading: Reading,
    recipe: Recipe,
    *,
    targets: Sequence[ModelTarget],
    attempt: int,
) -> list[ChunkRecord]:
    """Read a chunk, classify it with every model, write its files and, last, the record of each map."""
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
    drawn = classify_stack(stack, custom, recipe.space, classifiers)
    clock.lap("classify")
    records = []
    for target, classifier, result in zip(targets, classifiers, drawn, strict=True):
        classification = products.classification(classifier.codes)
        arrays = (
            (classification, result.classes.astype(classification.dtype)),
            (products.CONFIDENCE, result.confidence),
            (products.VALIDITY, stack.clear_dates.astype(products.VALIDITY.dtype)),
        )
        files = {
            product.name: products.write_chunk(target.chunks / f"{chunk.chunk_id}_{product.name}.tif", array, grid, product)
            for product, array in arrays
        }
        clock.lap("write")
        window = chunk.window
        record = ChunkRecord(
            chunk.chunk_id,
            window.row,
            window.col,
            window.height,
            window.width,
            files,
            int(np.count_nonzero(result.classes)),
            sum(len(cube.days) for cube in stack.cubes),
            platform.node(),
            attempt,
            dict(clock.seconds),
            _peak_mb(),
        )
        commit(record, target.chunks)
        records.append(record)
    return records


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
