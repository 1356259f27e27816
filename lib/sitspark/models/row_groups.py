"""The row groups of a samples table, as the threads that read them share them out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.parts import current_parts

_BLOCK = 512  # rows read at a time: of 481 features a megabyte, which stays in the cache of a core until it is written
_BUFFER = (
    1 << 20
)  # bytes read of a file at a time: else a row group's column is read at once, into memory that has to be cleared


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a part file."""

    part: Path
    index: int

    def read(self, columns: Sequence[str]) -> pa.RecordBatch:
        """All rows, with those of the columns that the file has."""
        with pq.ParquetFile(self.part, pre_buffer=False) as file:
            return file.read_row_group(self.index, columns=list(columns), use_threads=False).combine_chunks().to_batches()[0]

    def blocks(self, column: str) -> Iterator[pa.Array]:
        """A column some rows at a time."""
        with pq.ParquetFile(self.part, pre_buffer=False, buffer_size=_BUFFER) as file:
            for block in file.iter_batches(_BLOCK, row_groups=[self.index], columns=[column], use_threads=False):
                yield block.column(0)


def row_groups(table: Path, *, having: Collection[str]) -> Iterator[RowGroup]:
    """Those of a samples table that hold rows, in their order; raises SitsparkError for a part file without these columns."""
    for part in current_parts(table):
        with pq.ParquetFile(part, pre_buffer=False) as file:
            absent = [name for name in having if name not in file.schema_arrow.names]
            if absent:
                raise SitsparkError(f"{part}: is no samples table (no column {', '.join(absent)}); name another table")
            for index in range(file.num_row_groups):
                if file.metadata.row_group(index).num_rows:
                    yield RowGroup(part, index)
