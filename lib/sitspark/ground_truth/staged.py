"""Features of a source as Parquet of our own, in groups of which a task reads one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

GROUP = 16_384  # features: a quarter of a second's work
_BYTES = 64e6  # of a group, whose geometries take several times as much
FIELD = "field:"  # what the name of a column begins with that is the user's, and only travels along
FEATURES = pa.schema([("number", pa.int64()), ("id", pa.string()), ("label", pa.string()), ("wkb", pa.binary())])


@dataclass(frozen=True, slots=True)
class Group:
    """A row group of a file."""

    path: Path
    index: int
    rows: int

    def read(self, *columns: str) -> pa.Table:
        """The named columns, or all."""
        return pq.ParquetFile(self.path).read_row_group(self.index, columns=list(columns) or None)


@dataclass(frozen=True, slots=True)
class Staged:
    """Features as they are, in the order of their source.

    number int64, id string (null without a field of ids), label string and wkb binary (null where absent); and fields that
    are kept as they are, whose names begin with FIELD.
    """

    groups: Sequence[Group]

    @property
    def features(self) -> int:
        """How many there are."""
        return sum(group.rows for group in self.groups)

    @property
    def attributes(self) -> tuple[pa.Field, ...]:
        """The fields that are kept as they are."""
        if not self.groups:
            return ()
        return tuple(field for field in pq.read_schema(self.groups[0].path) if field.name.startswith(FIELD))

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        """A column, group by group."""
        for group in self.groups:
            yield group.read(name)[name]


def write_staged(batches: Iterable[pa.RecordBatch], path: Path) -> Staged:
    """Write batches of FEATURES, each of which becomes a group, or several; of the fields besides the first batch has all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer: pq.ParquetWriter | None = None
    try:
        for batch in batches:
            writer = writer or pq.ParquetWriter(path, batch.schema, use_dictionary=False)
            parts = max(-(-batch.num_rows // GROUP), int(-(-batch.nbytes // _BYTES)))
            rows = max(1, -(-batch.num_rows // parts))
            for start in range(0, batch.num_rows, rows):
                writer.write_batch(batch.slice(start, rows))
    finally:
        if writer is not None:
            writer.close()
    return read_staged([path] if writer is not None else [])


def read_staged(paths: Iterable[Path]) -> Staged:
    """The groups of files that hold FEATURES."""
    groups = []
    for path in paths:
        metadata = pq.read_metadata(path)
        groups += [Group(path, index, metadata.row_group(index).num_rows) for index in range(metadata.num_row_groups)]
    return Staged(tuple(groups))
