"""The row groups of a samples table, as the threads that read them share them out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sitspark.errors import SitsparkError
from sitspark.parts import current_parts, opened_part

_BUFFER = 1 << 20  # bytes of a file read at a time: else all of a row group's column, into memory that is cleared before


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a part file."""

    part: Path
    index: int

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """All rows, with those of the columns that the file has."""
        with opened_part(self.part) as file:
            return file.read_row_group(self.index, columns=list(columns), use_threads=False).combine_chunks().to_batches()[0]

    def blocks(self, column: str, rows: int) -> Iterator[pa.Array]:
        """A column so many rows at a time."""
        with opened_part(self.part, buffer_size=_BUFFER) as file:
            for block in file.iter_batches(rows, row_groups=[self.index], columns=[column], use_threads=False):
                yield block.column(0)


def row_groups(table: Path, *, having: Collection[str]) -> Iterator[RowGroup]:
    """Those of a samples table that hold rows, in their order; raises SitsparkError for a part file without these columns."""
    for part in current_parts(table):
        with opened_part(part) as file:
            absent = [name for name in having if name not in file.schema_arrow.names]
            if absent:
                raise SitsparkError(f"{part}: is no samples table (no column {', '.join(absent)}); name another table")
            for index in range(file.num_row_groups):
                if file.metadata.row_group(index).num_rows:
                    yield RowGroup(part, index)
