"""Pixels with enough clear dates, found by the masks before any pixel is chosen, so that classes still get their numbers."""

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame

from sitspark.atomic import replace_with
from sitspark.grid import Window
from sitspark.marks import Marks
from sitspark.scenes.reading import Reading
from sitspark.scenes.table import scenes_of
from sitspark.worker import end_task


def write_clear(
    work: DataFrame, scenes_table: Path, reading: Reading, folder: Path, *, least: int, tasks: int, marks: Marks
) -> None:
    """Write for each chunk of `work` (rows of the chunk plan) which of its pixels have at least so many usable acquisitions.

    Masks alone are read: a pixel that only its bands call nodata counts as usable here. Each chunk is marked when it is read.
    """
    folder.mkdir(parents=True)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                scenes = scenes_of(scenes_table, reading.leading, tiles=row["tiles"], other_tiles=row["other_tiles"])
                window = Window(row["row"], row["col"], row["height"], row["width"])
                enough = reading.clear_dates(scenes, window, tile=row["tile"]) >= least
                replace_with(_file(folder, row["chunk_id"]), functools.partial(_save, enough))
                marks.add(f"{row['chunk_id']}-clear")
            yield batch.select(["chunk_id"])
        end_task()

    columns = ("chunk_id", "tile", "row", "col", "height", "width", "tiles", "other_tiles")
    work.select(*columns).repartitionByRange(tasks, "chunk_id").mapInArrow(read, "chunk_id string").count()


def read_clear(folder: Path, chunk_id: str) -> npt.NDArray[np.bool_]:
    """Which pixels of a chunk have enough usable acquisitions (rows, columns)."""
    found: npt.NDArray[np.bool_] = np.load(_file(folder, chunk_id))
    return found


def _save(enough: npt.NDArray[np.bool_], part: Path) -> None:
    with part.open("wb") as file:  # by its name numpy would add a suffix
        np.save(file, enough)


def _file(folder: Path, chunk_id: str) -> Path:
    return folder / f"{chunk_id}.npy"
