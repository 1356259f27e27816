"""Choosing labelled pixels: chunks count theirs, then each takes those that are chosen; only these travel."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sitspark.grid import Grid
from sitspark.marks import Marks
from sitspark.samples.chunk_pixels import CHOSEN, ChunkPixels, Group, Quota
from sitspark.samples.clear import read_clear
from sitspark.samples.strategy import Strategy
from sitspark.settings import SamplesSettings
from sitspark.worker import end_task

_KEYS = "sample_id bigint, polygon_id bigint, label int, tile string, fold string, split string, monitored boolean"
_PIXELS = f"{_KEYS}, chunk_id string, row int, col int"
_COUNTS = "chunk_id string, tile string, col int, contested bigint, label int, split string, bin bigint, pixels bigint"
Pixels = Callable[[pa.Table], ChunkPixels]  # how a worker comes from the pieces of a chunk to its pixels
_STARTS = ("chunk_id", "label", "split", "bin", "start")


@dataclass(frozen=True, slots=True)
class Choice:
    """`pixels`: one row a chosen pixel, with its chunk. `quotas`: what was asked of each label and split, of every class.

    `contested` counts the pixels that polygons of two labels claim, which are none's.
    """

    pixels: DataFrame
    quotas: Mapping[Group, Quota]
    contested: int
    cached: tuple[DataFrame, ...] = ()

    def release(self) -> None:
        """Drop what was kept in memory, once the pixels are read."""
        for frame in self.cached:
            frame.unpersist()


def choose(
    pieces: DataFrame,
    grid: Grid,
    settings: SamplesSettings,
    *,
    strategy: Strategy,
    codes: Iterable[int],
    seed: int,
    marks: Marks,
    clear: Path | None = None,
) -> Choice:
    """Choose pixels of `pieces_by_chunk`, label by label and split by split, after OTB's samplers and strategies.

    periodic: of N pixels in the order (tile, row, column) the k-th taken is that at floor(k N / n), with jitter some more.
    random: the n smallest hashes of seed and position. Both take exactly n, whatever the chunks and partitions.
    With `clear`, a folder of `write_clear`, only pixels with enough clear dates count.
    Each chunk is marked twice: when it has counted, and when it has chosen.
    """
    every = _every_pixel(settings, grid, clear)
    bounded, pixels = _bounded(pieces, every, settings.per_polygon, seed), every
    if settings.per_polygon is not None:
        pixels = _below_bounds(every, seed)
    counts = _counted(bounded, pixels, settings.sampler, seed=seed, marks=marks).cache()
    available = counts.groupBy("label", "split").agg(F.sum("pixels").alias("pixels")).where("label is not null").collect()
    nothing = {(code, split): 0 for code in codes for split in CHOSEN}
    quotas = quotas_of(nothing | {(row.label, row.split): row.pixels for row in available}, strategy)
    contested = counts.groupBy("chunk_id").agg(F.max("contested").alias("pixels")).agg(F.sum("pixels")).collect()[0][0]
    if not any(quota.available for quota in quotas.values()):
        return Choice(pieces.sparkSession.createDataFrame([], _PIXELS), quotas, contested or 0, (bounded, counts))
    work = _Work(bounded, counts, quotas, pixels, seed, marks)
    chosen = _periodic(work, settings.jitter) if settings.sampler == "periodic" else _random(work)
    return Choice(chosen, quotas, contested or 0, (bounded, counts))


def quotas_of(available: Mapping[Group, int], strategy: Strategy) -> dict[Group, Quota]:
    """What is wanted of each group: the strategy is applied to each split by itself."""
    found = {}
    for split in sorted({split for _, split in available}):
        own = {label: count for (label, of_split), count in available.items() if of_split == split}
        for label, asked in strategy.asked(own).items():
            found[label, split] = Quota(asked, own[label])
    return found


def _every_pixel(settings: SamplesSettings, grid: Grid, clear: Path | None) -> Pixels:
    touched = settings.touched

    def pixels(chunk: pa.Table) -> ChunkPixels:
        found = ChunkPixels.of(chunk, grid, touched=touched)
        return found if clear is None else found.clear(read_clear(clear, chunk["chunk_id"][0].as_py()))

    return pixels


def _below_bounds(every: Pixels, seed: int) -> Pixels:
    def pixels(chunk: pa.Table) -> ChunkPixels:
        return every(chunk).below_bounds(seed)

    return pixels


def _bounded(pieces: DataFrame, every: Pixels, most: int | None, seed: int) -> DataFrame:
    """The pieces with the largest hash that a pixel of their polygon may have (`most_hash`, null: any)."""
    if most is None:
        return pieces.withColumn("most_hash", F.lit(None).cast("bigint"))

    def smallest(chunk: pa.Table) -> pa.Table:
        found = every(chunk).smallest_hashes(most, seed)
        end_task()
        return found

    within = Window.partitionBy("polygon_id").orderBy("hash")
    bounds = (
        pieces.groupBy("chunk_id")
        .applyInArrow(smallest, "polygon_id bigint, hash bigint")
        .withColumn("rank", F.row_number().over(within))
        .where(F.col("rank") == most)
        .select("polygon_id", F.col("hash").alias("most_hash"))
    )
    return pieces.join(bounds, "polygon_id", "left").cache()


def _counted(pieces: DataFrame, pixels: Pixels, sampler: str, *, seed: int, marks: Marks) -> DataFrame:
    """The pixels of each chunk by label, split and bin; a chunk without one has a row without label."""

    def count(chunk: pa.Table) -> pa.Table:
        found = pixels(chunk)
        counted = found.counts(sampler, seed)
        if not counted.num_rows:
            counted = pa.Table.from_pylist([dict.fromkeys(counted.column_names)], counted.schema)
        of_chunk = {name: chunk[name][0].as_py() for name in ("chunk_id", "tile", "col")} | {"contested": found.contested}
        marks.add(f"{of_chunk['chunk_id']}-counted")
        types = (pa.string(), pa.string(), pa.int32(), pa.int64())
        columns = [pa.array([value] * counted.num_rows, kind) for value, kind in zip(of_chunk.values(), types, strict=True)]
        end_task()
        return pa.table([*columns, *counted.columns], names=[*of_chunk, *counted.column_names])

    return pieces.groupBy("chunk_id").applyInArrow(count, _COUNTS)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a sampler goes by: pieces by chunk and what they counted, the quotas, and how a worker comes to the pixels."""

    pieces: DataFrame
    counts: DataFrame
    quotas: Mapping[Group, Quota]
    pixels: Pixels
    seed: int
    marks: Marks

    @property
    def partly(self) -> dict[Group, Quota]:
        """The groups of which not all pixels are taken."""
        return {group: quota for group, quota in self.quotas.items() if not quota.is_all}


def _periodic(work: _Work, jitter: int) -> DataFrame:
    pixels, quotas, seed, marks = work.pixels, work.quotas, work.seed, work.marks
    # chunks side by side share rows: within one the order is that of their columns
    order = Window.partitionBy("label", "split").orderBy("tile", "bin", "col")
    before = F.sum("pixels").over(order.rowsBetween(Window.unboundedPreceding, -1))
    partly = [f"(label = {label} and split = '{split}')" for label, split in work.partly]
    starts = (
        work.counts.where(" or ".join(partly) or "false")
        .withColumn("start", F.coalesce(before, F.lit(0)).cast("bigint"))
        .select(*_STARTS)
    )

    def pick(chunk: pa.Table, starts: pa.Table) -> pa.Table:
        marks.add(f"{chunk['chunk_id'][0].as_py()}-chosen")
        found = pixels(chunk).periodic(quotas, starts, jitter=jitter, seed=seed).table()
        end_task()
        return found

    return work.pieces.groupBy("chunk_id").cogroup(starts.groupBy("chunk_id")).applyInArrow(pick, _PIXELS)


def _random(work: _Work) -> DataFrame:
    pixels, quotas, seed, marks = work.pixels, work.quotas, work.seed, work.marks
    last_hashes = _last_hashes(work) if work.partly else {}

    def pick(chunk: pa.Table) -> pa.Table:
        marks.add(f"{chunk['chunk_id'][0].as_py()}-chosen")
        found = pixels(chunk).random(quotas, last_hashes, seed=seed).table()
        end_task()
        return found

    return work.pieces.groupBy("chunk_id").applyInArrow(pick, _PIXELS)


def _last_hashes(work: _Work) -> dict[Group, int]:
    """The largest hash that is taken of each group: of the bin in which its number is reached, that of the last pixel."""
    pieces, pixels, seed = work.pieces, work.pixels, work.seed
    rows = [(label, split, quota.wanted) for (label, split), quota in work.partly.items()]
    wanted = pieces.sparkSession.createDataFrame(rows, "label int, split string, wanted bigint")
    by_bin = work.counts.groupBy("label", "split", "bin").agg(F.sum("pixels").alias("pixels"))
    last = (
        by_bin.join(F.broadcast(wanted), ["label", "split"])
        .withColumn("through", F.sum("pixels").over(Window.partitionBy("label", "split").orderBy("bin")))
        .where("through >= wanted and through - pixels < wanted")
        .select("label", "split", "bin", F.expr("wanted - through + pixels").alias("rest"))
        .collect()
    )
    bins = {(row.label, row.split): row.bin for row in last}

    def candidates(chunk: pa.Table) -> pa.Table:
        found = pixels(chunk).hashes_in(bins, seed)
        end_task()
        return found

    ranked = (
        pieces.groupBy("chunk_id")
        .applyInArrow(candidates, "label int, split string, hash bigint")
        .withColumn("rank", F.row_number().over(Window.partitionBy("label", "split").orderBy("hash")))
    )
    rest = [(row.label, row.split, row.rest) for row in last]
    limits = pieces.sparkSession.createDataFrame(rest, "label int, split string, rest bigint")
    reached = ranked.join(F.broadcast(limits), ["label", "split"]).where("rank = rest").collect()
    return {(row.label, row.split): row.hash for row in reached}
