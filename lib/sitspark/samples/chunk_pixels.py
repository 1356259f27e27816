"""The labelled pixels of one chunk, counted and chosen (floor 2: Arrow tables, no Spark)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from sitspark.grid import Grid, Window
from sitspark.kernels.sampling import hashes, periodic
from sitspark.samples.labelled import labelled_pixels

_BIN_BITS = 8  # of a hash: a chunk counts 256 bins a class, and of the one in which the last is drawn all are ranked
_HASH_BITS = 63
_NO_HASH = pa.table({"label": pa.array([], pa.int32()), "split": pa.array([], pa.string()), "hash": pa.array([], pa.int64())})

Group = tuple[int, str]  # label and split: what is counted and chosen together
CHOSEN = ("train", "validation")  # pieces of another split only take part in saying whose a pixel is


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
    `pieces`, which is sorted by polygon and piece. `contested` counts the pixels of two labels, which aren't among them.
    """

    pieces: pa.Table
    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    sample_id: npt.NDArray[np.int64]
    piece: npt.NDArray[np.int64]
    contested: int

    @staticmethod
    def of(pieces: pa.Table, grid: Grid, *, touched: bool) -> "ChunkPixels":
        """Rasterise the pieces that touch one chunk: rows of `pieces_by_chunk`."""
        pieces = pieces.sort_by([("polygon_id", "ascending"), ("piece_id", "ascending")])
        window = Window(*(int(pieces[name][0].as_py()) for name in ("row", "col", "height", "width")))
        outlines = shapely.from_wkb(pieces["wkb"].to_numpy())
        found = labelled_pixels(list(outlines), pieces["label"].to_pylist(), grid, window, touched=touched)
        row, col = found.row + window.row, found.col + window.col
        return ChunkPixels(pieces, row, col, row * grid.width + col, found.piece, found.contested)

    def _where(self, kept: npt.NDArray[np.bool_]) -> "ChunkPixels":
        return ChunkPixels(self.pieces, self.row[kept], self.col[kept], self.sample_id[kept], self.piece[kept], self.contested)

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
        groups = [(int(label), split) for label, split in zip(labels, splits, strict=True)]
        names = sorted({group for group in groups if group[1] in CHOSEN})
        of_piece = np.array([names.index(group) if group in names else -1 for group in groups])
        of_pixel = of_piece[self.piece]
        return [(name, np.flatnonzero(of_pixel == number)) for number, name in enumerate(names)]

    def counts(self, sampler: str, seed: int) -> pa.Table:
        """Pixels by label, split and `bin`: their row (periodic), or the first bits of their hash (random)."""
        label: list[int] = []
        split: list[str] = []
        bins: list[npt.NDArray[np.int64]] = []
        pixels: list[npt.NDArray[np.int64]] = []
        places = self.row if sampler == "periodic" else _bin_of(hashes(self.sample_id, seed))
        for (code, name), members in self._groups():
            found, counted = np.unique(places[members], return_counts=True)
            label += [code] * len(found)
            split += [name] * len(found)
            bins.append(found)
            pixels.append(counted)
        return pa.table(
            {
                "label": pa.array(label, pa.int32()),
                "split": pa.array(split, pa.string()),
                "bin": np.concatenate([*bins, np.empty(0, np.int64)]).astype(np.int64),
                "pixels": np.concatenate([*pixels, np.empty(0, np.int64)]).astype(np.int64),
            }
        )

    def periodic(self, quotas: Mapping[Group, Quota], starts: pa.Table, *, jitter: int, seed: int) -> "ChunkPixels":
        """The pixels that OTB's periodic sampler takes in the order (tile, row, column).

        `starts`: label, split, bin (the row) and `start`, how many pixels of the group come before that row of the chunk.
        """
        keys = zip(*(starts[name].to_pylist() for name in ("label", "split", "bin", "start")), strict=True)
        before = {(label, split, row): start for label, split, row, start in keys}
        kept = np.zeros(len(self.row), np.bool_)
        for (label, split), members in self._groups():
            quota = quotas[label, split] if len(members) else Quota(0, 0)
            if quota.is_all:
                kept[members] = True
                continue
            rows, first, counts = np.unique(self.row[members], return_index=True, return_counts=True)
            start = np.array([before[label, split, row] for row in rows.tolist()])
            ranks = np.arange(len(members)) + np.repeat(start - first, counts)
            # a group has offsets of its own
            own = seed + 1_000_003 * label + (split == "train")
            kept[members] = periodic(ranks, quota.wanted, quota.available, jitter=jitter, seed=own)
        return self._where(kept)

    def hashes_in(self, bins: Mapping[Group, int], seed: int) -> pa.Table:
        """label, split and hash of the pixels in one bin of each group."""
        found = hashes(self.sample_id, seed)
        places = _bin_of(found)
        tables = []
        for (label, split), members in self._groups():
            own = found[members][places[members] == bins.get((label, split), -1)]
            columns = pa.array([label] * len(own), pa.int32()), pa.array([split] * len(own), pa.string()), pa.array(own)
            tables.append(pa.table(columns, names=["label", "split", "hash"]))
        return pa.concat_tables(tables) if tables else _NO_HASH

    def random(self, quotas: Mapping[Group, Quota], last: Mapping[Group, int], *, seed: int) -> "ChunkPixels":
        """The pixels whose hashes are at most the `last` of their group; all of a group that is taken whole."""
        found = hashes(self.sample_id, seed)
        kept = np.zeros(len(self.row), np.bool_)
        for group, members in self._groups():
            if len(members):
                kept[members] = True if quotas[group].is_all else found[members] <= last.get(group, -1)
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
