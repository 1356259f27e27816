"""Rows that are to meet in one process, in blocks of thousands that lie in files: Spark moves only where they are."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from sitspark.ground_truth.overlaps import BOX
from sitspark.ground_truth.shapes import Geometries, cells_of, into_cells

PLACES = pa.schema([("block", pa.int32()), ("group", pa.int32()), ("start", pa.int64()), ("size", pa.int64())])
PLACES_SQL = "block int, group int, start bigint, size bigint"
_MIXED = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)  # odd numbers that spread what is near over blocks


def into_squares(pieces: pa.Table, shapes: Geometries, side: float) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Polygons cut into the squares of a grid, as `shared_ground` takes them, and the square (n, 2) of each.

    `pieces`: number, label, area_m2, wkb; `shapes` their geometries. A grid makes that no polygon is sent twice: what two share
    is the sum over squares. Points share no ground, and are left out.
    """
    areal = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    polygons, shapes = pieces.select(["number", "label", "area_m2", "wkb"]).take(areal), shapes[areal]
    low, high = cells_of(shapes, side)
    across = (low != high).any(1)
    owner, cells, parts = into_cells(shapes[across], side)
    cut = polygons.filter(pa.array(across)).take(owner)
    cut = cut.set_column(3, "wkb", pa.array(shapely.to_wkb(parts), pa.binary()))
    table = pa.concat_tables([polygons.filter(pa.array(~across)), cut.cast(polygons.schema)])
    boxes = shapely.bounds(np.concatenate([shapes[~across], parts]))
    for name, values in zip(BOX, boxes.T, strict=True):
        table = table.append_column(name, pa.array(values))
    # all pieces of a feature are here
    _, feature, count = np.unique(polygons["number"].to_numpy(), return_inverse=True, return_counts=True)
    whole = np.bincount(feature, polygons["area_m2"].to_numpy())[feature]
    area = np.concatenate([whole[~across], whole[across][owner]])
    sole = np.concatenate([(count[feature] == 1)[~across], np.zeros(len(owner), bool)])
    table = table.drop_columns("area_m2").append_column("area", pa.array(area)).append_column("sole", pa.array(sole))
    return table, np.concatenate([low[~across], cells])


def block_of(places: npt.NDArray[np.int64], blocks: int) -> npt.NDArray[np.int32]:
    """One of so many blocks for places (n, 1 or 2 numbers); equal places are in one block."""
    mixed = (places.astype(np.uint64) * _MIXED[: places.shape[1]]).sum(1, dtype=np.uint64)
    return np.asarray((mixed >> np.uint64(32)) % np.uint64(blocks), np.int32)


def packed(table: pa.Table, block: npt.NDArray[np.int32]) -> Iterator[tuple[int, pa.Table]]:
    """The rows of a table by their block."""
    order = np.argsort(block, kind="stable")
    table, block = table.take(order).combine_chunks(), block[order]
    ends = [*np.flatnonzero(np.diff(block)) + 1, len(block)] if len(block) else []
    for start, stop in zip([0, *ends], ends, strict=False):
        yield int(block[start]), table.slice(start, stop - start)


def as_bytes(table: pa.Table) -> bytes:
    """A table as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(content: bytes) -> pa.Table:
    """The table of an Arrow stream."""
    return pa.ipc.open_stream(content).read_all()


def write_blocks(path: Path, blocks: Iterable[tuple[int, pa.Table]], group: int) -> pa.RecordBatch:
    """Write the tables of a group one behind the other; gives PLACES of them."""
    rows = []
    with path.open("wb") as file:
        for block, table in blocks:
            content = as_bytes(table)
            rows.append({"block": block, "group": group, "start": file.tell(), "size": len(content)})
            file.write(content)
    return pa.RecordBatch.from_pylist(rows, PLACES)


def read_blocks(batches: Iterable[pa.RecordBatch], path_of: Callable[[int], Path]) -> Iterator[tuple[int, pa.Table]]:
    """The tables at PLACES, put together block by block; `path_of` gives the file of a group."""
    places: dict[int, list[tuple[int, int, int]]] = {}
    for batch in batches:
        for block, *place in zip(*batch.to_pydict().values(), strict=True):
            places.setdefault(block, []).append(tuple(place))
    for block in sorted(places):
        tables = [from_bytes(_content(path_of(group), start, size)) for group, start, size in sorted(places[block])]
        yield block, pa.concat_tables(tables)


def _content(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)
