"""The pass over the imagery: descriptors of chunks in, records of written chunks out; pixels stay in the workers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark import TaskContext
from pyspark.sql import DataFrame

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, Window
from sitspark.maps.chunk import ModelTarget, write_chunk_maps
from sitspark.scenes.reading import Reading
from sitspark.scenes.table import scenes_of
from sitspark.worker import end_task

_RECORDS = "chunk_id string, map int, classified bigint"


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over the imagery with all that is drawn in it."""

    scenes_table: Path
    reading: Reading
    recipe: Recipe
    targets: tuple[ModelTarget, ...]


def classify(work: DataFrame, imagery: Pass, *, tasks: int) -> DataFrame:
    """Classify the chunks of `work` (rows of the chunk plan); gives chunk_id, position of the map, classified pixels."""

    def draw(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            for row in batch.itertuples():
                yield _drawn(row, imagery)
        end_task()

    columns = ("chunk_id", "tile", "row", "col", "height", "width", "tiles", "other_tiles")
    # neighbours one after the other: a worker finds the files of its tile open
    return work.select(*columns).repartitionByRange(tasks, "tile", "row", "col").mapInPandas(draw, _RECORDS)


def _drawn(row: Any, imagery: Pass) -> pd.DataFrame:
    """A row of the chunk plan, as pandas names its fields."""
    chunk = Chunk(row.tile, Window(row.row, row.col, row.height, row.width))
    leading = imagery.reading.leading
    scenes = scenes_of(imagery.scenes_table, leading, tiles=row.tiles, other_tiles=row.other_tiles)
    task = TaskContext.get()
    records = write_chunk_maps(
        chunk,
        scenes,
        imagery.reading,
        imagery.recipe,
        targets=imagery.targets,
        attempt=task.attemptNumber() if task else 0,
    )
    return pd.DataFrame([{"chunk_id": r.chunk_id, "map": i, "classified": r.classified} for i, r in enumerate(records)])


def descriptors_missing(plan: DataFrame, done: Sequence[str]) -> DataFrame:
    """The rows of the plan whose chunks are not written yet."""
    if not done:
        return plan
    return plan.join(
        plan.sparkSession.createDataFrame([(chunk,) for chunk in done], "chunk_id string"), "chunk_id", "left_anti"
    )
