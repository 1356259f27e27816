"""Choosing labelled pixels: chunks count theirs, then each takes those that are chosen; only these travel."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from sitspark.grid import Grid
from sitspark.marks import Marks
from sitspark.samples.chunk_pixels import CHOSEN, ChunkPixels, Group, Quota
from sitspark.samples.clear import read_clear
from sitspark.samples.grounds import NOBODYS, Grounds
from sitspark.samples.rules import Rule, Rules
from sitspark.samples.strategy import Strategy
from sitspark.settings import SamplesSettings
from sitspark.worker import end_task

_KEYS = "sample_id bigint, polygon_id bigint, label int, tile string, fold string, split string, monitored boolean"
_PIXELS = f"{_KEYS}, chunk_id string, row int, col int"
_COUNTS = (
    "chunk_id string, tile string, col int, contested bigint, label int, split string, ground string, bin bigint, pixels bigint"
)
Pixels = Callable[[pa.Table], ChunkPixels]  # how a worker comes from the pieces of a chunk to its pixels
_GROUP = ("label", "split", "ground")  # the columns that name a group
_STARTS = ("chunk_id", *_GROUP, "bin", "start")
_NO_STARTS = pa.table({name: pa.array([], pa.int64()) for name in ("label", "split", "ground", "bin", "start")})
_ONE_GROUND = Grounds()
_NOTHING = Rule(Strategy("byclass", by_class={}))


@dataclass(frozen=True, slots=True)
class Choice:
    """`pixels`: one row a chosen pixel, with its chunk. `quotas`: what was asked of each group: of every class and
    split, on the ground of every model.

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
    rules: Rules,
    codes: Iterable[int],
    seed: int,
    marks: Marks,
    clear: Path | None = None,
    grounds: Grounds = _ONE_GROUND,
) -> Choice:
    """Choose pixels of `pieces_by_chunk`, group by group: label, split and the ground of a model, over all its tiles.

    How many and which say OTB's strategies and samplers in `rules`.

    periodic: of N pixels in the order (tile, row, column) the k-th taken is that at floor(k N / n), with jitter some more.
    random: the n smallest hashes of seed and position. Both take exactly n, whatever the chunks and partitions.
    With `clear`, a folder of `write_clear`, only pixels with enough clear dates count.
    Each chunk is marked twice: when it has counted, and when it has chosen.
    """
    if NOBODYS not in grounds.names:
        # no model learns from what lies on nobody's ground
        rules = replace(rules, own={**rules.own, NOBODYS: _NOTHING})
    every = _every_pixel(settings, grid, grounds, clear)
    bounded, pixels = _bounded(pieces, every, settings.per_polygon, seed), every
    if settings.per_polygon is not None:
        pixels = _below_bounds(every, seed)
    counts = _counted(bounded, pixels, rules, seed=seed, marks=marks).cache()
    available = counts.groupBy(*_GROUP).agg(F.sum("pixels").alias("pixels")).where("label is not null").collect()
    nothing = {Group(code, split, ground): 0 for code in codes for split in CHOSEN for ground in grounds.names}
    quotas = quotas_of(nothing | {_group_of(row): row.pixels for row in available}, rules)
    contested = counts.groupBy("chunk_id").agg(F.max("contested").alias("pixels")).agg(F.sum("pixels")).collect()[0][0]
    if not any(quota.available for quota in quotas.values()):
        return Choice(pieces.sparkSession.createDataFrame([], _PIXELS), quotas, contested or 0, (bounded, counts))
    chosen = _chosen(_Work(bounded, counts, quotas, rules, pixels, seed, marks))
    return Choice(chosen, quotas, contested or 0, (bounded, counts))


def quotas_of(available: Mapping[Group, int], rules: Rules) -> dict[Group, Quota]:
    """What is wanted of each group: the strategy is applied to each split and ground by itself."""
    found = {}
    for split, ground in sorted({(group.split, group.ground) for group in available}):
        own = {group.label: count for group, count in available.items() if (group.split, group.ground) == (split, ground)}
        for label, asked in rules.on(ground).strategy.asked(own).items():
            found[Group(label, split, ground)] = Quota(asked, own[label])
    return found


def _group_of(row: Row) -> Group:
    return Group(row.label, row.split, row.ground)


def _every_pixel(settings: SamplesSettings, grid: Grid, grounds: Grounds, clear: Path | None) -> Pixels:
    touched = settings.touched

    def pixels(chunk: pa.Table) -> ChunkPixels:
        found = ChunkPixels.of(chunk, grid, touched=touched, grounds=grounds)
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


def _counted(pieces: DataFrame, pixels: Pixels, rules: Rules, *, seed: int, marks: Marks) -> DataFrame:
    """The pixels of each chunk by group and bin; a chunk without one has a row without label."""

    def count(chunk: pa.Table) -> pa.Table:
        found = pixels(chunk)
        counted = found.counts(rules, seed)
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
    """What is chosen by: pieces by chunk and what they counted, quotas and rules, and how a worker comes to the pixels."""

    pieces: DataFrame
    counts: DataFrame
    quotas: Mapping[Group, Quota]
    rules: Rules
    pixels: Pixels
    seed: int
    marks: Marks

    def partly(self, sampler: str) -> dict[Group, Quota]:
        """The groups of a sampler of which not all pixels are taken."""
        return {
            group: quota
            for group, quota in self.quotas.items()
            if not quota.is_all and self.rules.on(group.ground).sampler == sampler
        }

    def frame(self, amounts: Mapping[Group, int], name: str) -> DataFrame:
        """A row a group with its number, in the column `name`."""
        rows = [(group.label, group.split, group.ground, amount) for group, amount in amounts.items()]
        return self.pieces.sparkSession.createDataFrame(rows, f"label int, split string, ground string, {name} bigint")


def _chosen(work: _Work) -> DataFrame:
    pixels, quotas, rules, seed, marks = work.pixels, work.quotas, work.rules, work.seed, work.marks
    last = _last_hashes(work)

    def pick(chunk: pa.Table, starts: pa.Table) -> pa.Table:
        marks.add(f"{chunk['chunk_id'][0].as_py()}-chosen")
        found = pixels(chunk).chosen(quotas, rules, starts=starts, last=last, seed=seed).table()
        end_task()
        return found

    def pick_without(chunk: pa.Table) -> pa.Table:
        return pick(chunk, _NO_STARTS)

    by_chunk, partly = work.pieces.groupBy("chunk_id"), work.partly("periodic")
    if not partly:
        return by_chunk.applyInArrow(pick_without, _PIXELS)
    return by_chunk.cogroup(_starts(work, partly).groupBy("chunk_id")).applyInArrow(pick, _PIXELS)


def _starts(work: _Work, groups: Mapping[Group, Quota]) -> DataFrame:
    """How many pixels of each of these groups come before a row of a chunk, for the periodic sampler."""
    partly = work.frame({group: quota.wanted for group, quota in groups.items()}, "wanted")
    # chunks side by side share rows: within one the order is that of their columns
    order = Window.partitionBy(*_GROUP).orderBy("tile", "bin", "col")
    before = F.sum("pixels").over(order.rowsBetween(Window.unboundedPreceding, -1))
    counts = work.counts.join(F.broadcast(partly), [*_GROUP], "left_semi")
    return counts.withColumn("start", F.coalesce(before, F.lit(0)).cast("bigint")).select(*_STARTS)


def _last_hashes(work: _Work) -> dict[Group, int]:
    """The largest hash that the random sampler takes of each group: of the bin in which its number is reached, the last's."""
    pixels, seed = work.pixels, work.seed
    partly = {group: quota.wanted for group, quota in work.partly("random").items()}
    if not partly:
        return {}
    by_bin = work.counts.groupBy(*_GROUP, "bin").agg(F.sum("pixels").alias("pixels"))
    found = (
        by_bin.join(F.broadcast(work.frame(partly, "wanted")), [*_GROUP])
        .withColumn("through", F.sum("pixels").over(Window.partitionBy(*_GROUP).orderBy("bin")))
        .where("through >= wanted and through - pixels < wanted")
        .select(*_GROUP, "bin", F.expr("wanted - through + pixels").alias("rest"))
        .collect()
    )
    bins = {_group_of(row): row.bin for row in found}

    def candidates(chunk: pa.Table) -> pa.Table:
        found = pixels(chunk).hashes_in(bins, seed)
        end_task()
        return found

    ranked = (
        work.pieces.groupBy("chunk_id")
        .applyInArrow(candidates, "label int, split string, ground string, hash bigint")
        .withColumn("rank", F.row_number().over(Window.partitionBy(*_GROUP).orderBy("hash")))
    )
    limits = work.frame({_group_of(row): row.rest for row in found}, "rest")
    reached = ranked.join(F.broadcast(limits), [*_GROUP]).where("rank = rest").collect()
    return {_group_of(row): row.hash for row in reached}
