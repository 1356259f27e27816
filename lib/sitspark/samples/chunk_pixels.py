"""The labelled pixels of one chunk, counted and chosen (floor 2: Arrow tables, no Spark)."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from sitspark.grid import Grid, Window
from sitspark.kernels.sampling import hashes, periodic
from sitspark.samples.grounds import NOBODYS, Grounds
from sitspark.samples.labelled import labelled_pixels
from sitspark.samples.rules import Rule, Rules

_BIN_BITS = 8  # of a hash: a chunk counts 256 bins a class, and of the one in which the last is drawn all are ranked
_HASH_BITS = 63
_NONE = np.empty(0, np.int64)

CHOSEN = ("train", "validation")  # pieces of another split only take part in saying whose a pixel is


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What is counted and chosen together: pixels of one label, in one split, on the ground of one model."""

    label: int
    split: str
    ground: str = NOBODYS

    @property
    def stream(self) -> int:
        """A number of its own, for offsets that differ from those of the other groups."""
        return 1_000_003 * self.label + (self.split == "train") + 7919 * zlib.crc32(self.ground.encode())


@dataclass(frozen=True, slots=True)
class Quota:
    """So many pixels of a group are asked for, and so many there are."""

    asked: int
    available: int

    @property
    def wanted(self) -> int:
        """The number that is taken."""
        return min(self.asked, self.available)

    @property
    def is_all(self) -> bool:
        """Whether each is taken."""
        return self.asked >= self.available


@dataclass(frozen=True, slots=True)
class ChunkPixels:
    """Labelled pixels of a chunk, row after row; all arrays (n,).

    `row` and `col` lie on the output grid, `sample_id` is the position on it, row after row; `piece` is the position in
    `pieces`, which is sorted by polygon and piece; `ground` is that in `grounds`, the names of those that have a model, -1 on
    nobody's. `contested` counts the pixels of two labels, which aren't among them.
    """

    pieces: pa.Table
    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    sample_id: npt.NDArray[np.int64]
    piece: npt.NDArray[np.int64]
    ground: npt.NDArray[np.intp]
    grounds: tuple[str, ...]
    contested: int

    @staticmethod
    def of(pieces: pa.Table, grid: Grid, *, touched: bool, grounds: Grounds) -> "ChunkPixels":
        """Rasterise the pieces that touch one chunk: rows of `pieces_by_chunk`."""
        pieces = pieces.sort_by([("polygon_id", "ascending"), ("piece_id", "ascending")])
        window = Window(*(int(pieces[name][0].as_py()) for name in ("row", "col", "height", "width")))
        outlines = shapely.from_wkb(pieces["wkb"].to_numpy())
        found = labelled_pixels(list(outlines), pieces["label"].to_pylist(), grid, window, touched=touched)
        row, col = found.row + window.row, found.col + window.col
        ground = grounds.of((found.row, found.col), grid.cropped(window), tile=pieces["tile"][0].as_py())
        sample_id = row * grid.width + col
        return ChunkPixels(pieces, row, col, sample_id, found.piece, ground, grounds.names, found.contested)

    def _where(self, kept: npt.NDArray[np.bool_]) -> "ChunkPixels":
        by_pixel = ("row", "col", "sample_id", "piece", "ground")
        return replace(self, **{name: getattr(self, name)[kept] for name in by_pixel})

    def clear(self, enough: npt.NDArray[np.bool_]) -> "ChunkPixels":
        """Those that are True in `enough` (rows, columns of the chunk)."""
        row0, col0 = int(self.pieces["row"][0].as_py()), int(self.pieces["col"][0].as_py())
        return self._where(enough[self.row - row0, self.col - col0])

    def _of_piece(self, name: str) -> npt.NDArray[np.generic]:
        """A column of the pieces, for each pixel."""
        values: npt.NDArray[np.generic] = self.pieces[name].to_numpy(zero_copy_only=False)[self.piece]
        return values

    def below_bounds(self, seed: int) -> "ChunkPixels":
        """Without those whose hash lies beyond the bound of their polygon (column `most_hash`, null: none)."""
        bounds = self.pieces["most_hash"].fill_null(2**_HASH_BITS - 1).to_numpy()
        return self._where(hashes(self.sample_id, seed) <= bounds[self.piece])

    def smallest_hashes(self, most: int, seed: int) -> pa.Table:
        """polygon_id and hash of the `most` pixels of each polygon with the smallest hashes."""
        polygons, found = self._of_piece("polygon_id"), hashes(self.sample_id, seed)
        order = np.lexsort((found, polygons))
        polygons, found = polygons[order], found[order]
        _, first, counts = np.unique(polygons, return_index=True, return_counts=True)
        kept = np.arange(len(polygons)) - np.repeat(first, counts) < most
        return pa.table({"polygon_id": polygons[kept].astype(np.int64), "hash": found[kept]})

    def _groups(self) -> list[tuple[Group, npt.NDArray[np.intp]]]:
        """The pixels of each group, in their order."""
        labels, splits = self.pieces["label"].to_numpy(), self.pieces["split"].to_pylist()
        pairs = [(int(label), split) for label, split in zip(labels, splits, strict=True)]
        names = sorted({pair for pair in pairs if pair[1] in CHOSEN})
        of_pixel = np.array([names.index(pair) if pair in names else -1 for pair in pairs])[self.piece]
        grounds = [(number, self.grounds[number] if number >= 0 else NOBODYS) for number in np.unique(self.ground)]
        return [
            (Group(label, split, ground), np.flatnonzero((of_pixel == number) & (self.ground == place)))
            for place, ground in grounds
            for number, (label, split) in enumerate(names)
        ]

    def counts(self, rules: Rules, seed: int) -> pa.Table:
        """Pixels by group and `bin`: their row (periodic), or the first bits of their hash (random)."""
        tables = []
        for group, members in self._groups():
            places = self._bins(members, rules.on(group.ground), seed)
            found, counted = np.unique(places, return_counts=True)
            tables.append(_of_group(group, {"bin": found.astype(np.int64), "pixels": counted.astype(np.int64)}))
        return pa.concat_tables([_of_group(Group(0, ""), {"bin": _NONE, "pixels": _NONE}), *tables])

    def _bins(self, members: npt.NDArray[np.intp], rule: Rule, seed: int) -> npt.NDArray[np.int64]:
        return self.row[members] if rule.sampler == "periodic" else _bin_of(hashes(self.sample_id[members], seed))

    def hashes_in(self, bins: Mapping[Group, int], seed: int) -> pa.Table:
        """The group and hash of the pixels in one bin of each group."""
        tables = [_of_group(Group(0, ""), {"hash": _NONE})]
        for group, members in self._groups():
            if group in bins:
                found = hashes(self.sample_id[members], seed)
                tables.append(_of_group(group, {"hash": found[_bin_of(found) == bins[group]]}))
        return pa.concat_tables(tables)

    def chosen(
        self, quotas: Mapping[Group, Quota], rules: Rules, *, starts: pa.Table, last: Mapping[Group, int], seed: int
    ) -> "ChunkPixels":
        """The pixels that the samplers take; all of a group that is taken whole.

        periodic: as OTB in the order (tile, row, column); `starts` says for a group and bin (the row) with `start` how many of
        the group come before that row of the chunk. random: those whose hashes are at most the `last` of their group.
        """
        before = {(Group(row["label"], row["split"], row["ground"]), row["bin"]): row["start"] for row in starts.to_pylist()}
        kept = np.zeros(len(self.row), np.bool_)
        for group, members in self._groups():
            if not len(members):
                continue
            quota, rule = quotas[group], rules.on(group.ground)
            if quota.is_all:
                kept[members] = True
            elif rule.sampler == "random":
                kept[members] = hashes(self.sample_id[members], seed) <= last.get(group, -1)
            else:
                rows, first, counts = np.unique(self.row[members], return_index=True, return_counts=True)
                start = np.array([before[group, row] for row in rows.tolist()])
                ranks = np.arange(len(members)) + np.repeat(start - first, counts)
                own = seed + group.stream
                kept[members] = periodic(ranks, quota.wanted, quota.available, jitter=rule.jitter, seed=own)
        return self._where(kept)

    def table(self) -> pa.Table:
        """One row a pixel: sample_id, keys of its polygon, chunk_id, row, col."""
        of_pixel = self.pieces.select(["polygon_id", "label", "tile", "fold", "split", "monitored", "chunk_id"]).take(
            self.piece
        )
        table = of_pixel.add_column(0, "sample_id", pa.array(self.sample_id))
        for name, values in (("row", self.row), ("col", self.col)):
            table = table.append_column(name, pa.array(values.astype(np.int32)))
        return table


def _bin_of(found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return found >> (_HASH_BITS - _BIN_BITS)


def _of_group(group: Group, columns: Mapping[str, npt.NDArray[np.int64]]) -> pa.Table:
    """Columns of one group, behind those that name it."""
    count = len(next(iter(columns.values())))
    named = {"label": (group.label, pa.int32()), "split": (group.split, pa.string()), "ground": (group.ground, pa.string())}
    return pa.table({name: pa.array([value] * count, kind) for name, (value, kind) in named.items()} | dict(columns))
