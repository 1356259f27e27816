"""The pass over the imagery: descriptors of chunks in, records of written chunks out; pixels stay in the workers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark import TaskContext
from pyspark.sql import DataFrame

from sitspark.ahead import ahead
from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, Window
from sitspark.maps.chunk import MapTarget, write_chunk_maps
from sitspark.maps.gpus import gpus_of_task
from sitspark.maps.products import Product
from sitspark.maps.views import ReadChunk, read_chunk
from sitspark.models.applicability import AreaOfApplicability
from sitspark.models.gpu import take_gpu
from sitspark.scenes.buffers import Buffers
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading
from sitspark.scenes.region import Region
from sitspark.scenes.table import scenes_of
from sitspark.worker import end_task

COLUMNS = ("chunk_id", "tile", "row", "col", "height", "width", "tiles", "other_tiles")  # of the chunk plan
_RECORDS = "chunk_id string, map int, classified bigint"
_CHUNKS_A_TASK, _TASKS_A_CORE, _TASKS = 8, 4, 2000
_AHEAD = 1  # chunks that are read while the one before is classified


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over the imagery with all that is drawn in it, and the regions in which classes are counted.

    `blended` are the windows of tiles that draw together what they both see; `area` is needed for the product dissimilarity.
    """

    scenes_table: Path
    reading: Reading
    recipe: Recipe
    targets: tuple[MapTarget, ...]
    products: tuple[Product, ...]
    regions: Mapping[str, Region]
    blended: Mapping[str, Window] = field(default_factory=dict)
    area: AreaOfApplicability | None = None

    @staticmethod
    def chunk_of(row: Any) -> Chunk:
        """The chunk of a row of the chunk plan, as pandas names its fields."""
        return Chunk(row.tile, Window(row.row, row.col, row.height, row.width))

    def scenes_of(self, row: Any) -> dict[str, list[Scene]]:
        """The scenes that are read in a chunk, of each sensor by its name; `row` is one of the chunk plan."""
        return scenes_of(self.scenes_table, self.reading.leading, tiles=row.tiles, other_tiles=row.other_tiles)


def classify(work: DataFrame, imagery: Pass, *, tasks: int) -> DataFrame:
    """Classify the chunks of `work` (rows of the chunk plan); gives chunk_id, position of the map, classified pixels."""

    def draw(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        if any(target.device == "cuda" for target in imagery.targets):
            take_gpu(gpus_of_task())
        # of all batches before a thread of its own reads pixels: Spark's stream belongs to this one
        rows = [row for batch in batches for row in batch.itertuples()]
        for read in ahead(chunks_read(rows, imagery), _AHEAD):
            yield _drawn(read, imagery)
        end_task()

    # neighbours one after the other: a worker finds the files of its tile open
    return work.select(*COLUMNS).repartitionByRange(tasks, "tile", "row", "col").mapInPandas(draw, _RECORDS)


def tasks_of(chunks: int, cores: int) -> int:
    """In how many tasks to classify so many chunks: several each, as one is read while the one before is classified."""
    # several tasks a core, so that none waits long for the last one; a driver keeps the state of every task
    return min(max(-(-chunks // _CHUNKS_A_TASK), min(chunks, _TASKS_A_CORE * cores)), _TASKS)


def chunks_read(rows: Iterable[Any], imagery: Pass) -> Iterator[ReadChunk]:
    """The chunks of rows of the chunk plan; each is written over when the next but one is read."""
    memory = cycle([Buffers() for _ in range(_AHEAD + 1)])
    for row, buffers in zip(rows, memory, strict=False):
        chunk, scenes = imagery.chunk_of(row), imagery.scenes_of(row)
        buffers.restart()
        yield read_chunk(chunk, scenes, imagery.reading, imagery.recipe, blended=imagery.blended, empty=buffers.empty)


def _drawn(read: ReadChunk, imagery: Pass) -> pd.DataFrame:
    task = TaskContext.get()
    records = write_chunk_maps(
        read,
        imagery.recipe.space,
        imagery.reading.grid.cropped(read.chunk.window),
        targets=imagery.targets,
        wanted=imagery.products,
        regions=imagery.regions,
        attempt=task.attemptNumber() if task else 0,
        area=imagery.area,
    )
    return pd.DataFrame([{"chunk_id": r.chunk_id, "map": i, "classified": r.classified} for i, r in enumerate(records)])


def descriptors_missing(plan: DataFrame, done: Sequence[str]) -> DataFrame:
    """The rows of the plan whose chunks are not written yet."""
    if not done:
        return plan
    return plan.join(
        plan.sparkSession.createDataFrame([(chunk,) for chunk in done], "chunk_id string"), "chunk_id", "left_anti"
    )
