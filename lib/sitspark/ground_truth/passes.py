"""The pass over all features: groups in, files of pieces and what is to be compared out; geometries stay in the workers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from sitspark.atomic import attempt_name, replace_with
from sitspark.ground_truth.blocks import (
    PLACES_SQL,
    as_bytes,
    block_of,
    from_bytes,
    into_squares,
    packed,
    read_blocks,
    write_blocks,
)
from sitspark.ground_truth.overlaps import PAIRS, Ruler, shared_ground, sharing_too_much
from sitspark.ground_truth.shapes import Geometries
from sitspark.ground_truth.staged import FEATURES, Staged
from sitspark.spark import tasks_at_a_time
from sitspark.worker import end_task

SHAPES = pa.schema([
    ("number", pa.int64()), ("label", pa.int32()), ("part", pa.int32()), ("parts", pa.int32()), ("feature", pa.int64()),
    ("shape", pa.int64()), ("area", pa.float64()),
])  # fmt: skip
_FOUND = pa.schema([("block", pa.int32()), ("content", pa.binary())])
_FOUND_SQL = "block int, content binary"
_PIECES = 25_000  # that are compared at a time: 0.1 GB
_ROUNDS = 4  # of tasks on all cores: enough that they end together, and few, since each costs as much as 10 000 polygons


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a judge finds of a group of features.

    `pieces`: number int64, label int32, area_m2 float64, wkb of what may be kept, and what else the judge says of it;
    `geometries` are those of these rows, `shapes` (SHAPES) what may be the same as another one: the keys of a piece
    (`shape`) and of its whole feature, whose area (m2) goes with them. `told`: number, and what is wrong with features or
    remarked of them.
    """

    pieces: pa.Table
    geometries: Geometries
    shapes: pa.Table
    told: pa.Table


class Judge(Protocol):
    """Finds what can be said of features alone."""

    def judge(self, features: pa.Table) -> Judged:
        """Judge FEATURES."""


def pieces_of(folder: Path) -> Path:
    """The folder of pieces, a file for each group."""
    return folder / "pieces"


def told_of(folder: Path) -> Path:
    """The folder of what is told of single features, a file for each group."""
    return folder / "told"


def name_of(group: int) -> str:
    """The file of a group: names sort as groups do."""
    return f"group-{group:08}.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What features have in common: PAIRS that share more ground than is tolerated; and SHAPES that several pieces have."""

    pairs: pa.Table
    alike: pa.Table


def judge_all(spark: SparkSession, staged: Staged, judge: Judge, folder: Path, *, ruler: Ruler) -> Compared:
    """Judge all features, write what is found of each group to `folder`, and compare features with each other.

    A driver holds nothing but what is in question: pairs, and shapes that come more than once.
    """
    groups = tuple(staged.groups)
    blocks = max(1, -(-staged.features // _PIECES))
    most = _ROUNDS * tasks_at_a_time(spark)
    for place in (pieces_of(folder), told_of(folder), folder / "blocks"):
        place.mkdir(parents=True)

    def path_of(group: int) -> Path:
        return folder / "blocks" / f"{group:08}.arrow"

    def judged(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for position in batch.column(0).to_pylist():
                found = judge.judge(groups[position].read(*FEATURES.names))
                _write(found.pieces, pieces_of(folder) / name_of(position))
                _write(found.told, told_of(folder) / name_of(position))
                polygons, squares = into_squares(found.pieces, found.geometries, ruler.side)
                shapes = block_of(found.shapes["shape"].to_numpy()[:, None], blocks)
                # blocks of shapes are numbered on
                both = chain(packed(polygons, block_of(squares, blocks)), packed(found.shapes, blocks + shapes))
                part = attempt_name(path_of(position))
                places = write_blocks(part, both, position)
                part.replace(path_of(position))
                yield places
        end_task()

    def compared(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for block, table in read_blocks(batches, path_of):
            content = as_bytes(shared_ground(table, ruler) if block < blocks else _repeated(table))
            yield pa.RecordBatch.from_arrays([pa.array([block], pa.int32()), pa.array([content])], schema=_FOUND)
        end_task()

    cut = spark.range(0, len(groups), 1, min(len(groups), most)).mapInArrow(judged, PLACES_SQL)
    together = cut.repartition(min(2 * blocks, most), "block")
    rows = together.mapInArrow(compared, _FOUND_SQL).collect()
    found = [(row.block, from_bytes(row.content)) for row in rows]
    pairs = pa.concat_tables([PAIRS.empty_table(), *(table for block, table in found if block < blocks)])
    alike = pa.concat_tables([SHAPES.empty_table(), *(table for block, table in found if block >= blocks)])
    return Compared(sharing_too_much(pairs, ruler), alike.sort_by([("number", "ascending"), ("part", "ascending")]))


def _repeated(shapes: pa.Table) -> pa.Table:
    _, place, count = np.unique(shapes["shape"].to_numpy(), return_inverse=True, return_counts=True)
    return shapes.filter(pa.array(count[place] > 1))


def _write(table: pa.Table, path: Path) -> None:
    replace_with(path, lambda part: pq.write_table(table, part, use_dictionary=False))
