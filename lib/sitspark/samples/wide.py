"""A table of a run as one file of plain columns, for programs that know no arrays."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from sitspark.atomic import replace_with
from sitspark.errors import SitsparkError
from sitspark.parts import current_parts, opened_part

_BLOCK = 8192  # rows in memory at a time: some tens of MB


def wide_names(features: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """The columns of features beside those of `keys`: their names, with a number where a name is taken, as lon_2.

    Names that differ in case alone are one to Spark.
    """
    taken = {key.lower() for key in keys}
    found = []
    for feature in features:
        name, number = feature, 2
        while name.lower() in taken:
            name, number = f"{feature}_{number}", number + 1
        taken.add(name.lower())
        found.append(name)
    return tuple(found)


def write_wide(table: Path, target: Path, *, features: Sequence[str]) -> int:
    """Write a table, of one Parquet file or many, as one file by the suffix of `target`: .csv or .parquet.

    The column `features`, where there is one, becomes a column for each of the names in `features`. Gives the number of
    rows. Memory doesn't grow with the table. Raises SitsparkError for another suffix, for a table without rows, for columns
    that a CSV file can't hold, for vectors of another length, and where nothing can be written.
    """
    writers: dict[str, Callable[[Path, pa.Schema], pa.csv.CSVWriter | pq.ParquetWriter]] = {
        ".csv": pa.csv.CSVWriter,
        ".parquet": pq.ParquetWriter,
    }
    if target.suffix not in writers:
        raise SitsparkError(f"{target}: the name should end in {' or '.join(writers)}, which says what is written")
    parts = current_parts(table)
    if not parts:
        raise SitsparkError(f"{table}: holds no row; there is nothing to write")
    schema = _wide_schema(pq.read_schema(parts[0]), features)
    unhandy = [field.name for field in schema if pa.types.is_nested(field.type) or pa.types.is_binary(field.type)]
    if target.suffix == ".csv" and unhandy:
        raise SitsparkError(
            f"{target}: a CSV file can't hold {', '.join(unhandy)} of the table {table.name}, which are lists or bytes; "
            "write it as .parquet"
        )
    rows = 0

    def write(part: Path) -> None:
        nonlocal rows
        with writers[target.suffix](part, schema) as writer:
            for batch in _batches(parts, features, schema):
                writer.write_batch(batch)
                rows += batch.num_rows

    replace_with(target, write)
    return rows


def _wide_schema(schema: pa.Schema, features: Sequence[str]) -> pa.Schema:
    """The columns of the file; without what Spark noted of the table, which isn't true of them."""
    keys = [field for field in schema.remove_metadata() if field.name != "features"]
    names = wide_names(features, [field.name for field in keys]) if "features" in schema.names else ()
    return pa.schema([*keys, *(pa.field(name, pa.float32()) for name in names)])


def _batches(parts: Sequence[Path], features: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for part in parts:
        with opened_part(part) as file:
            for batch in file.iter_batches(_BLOCK):
                columns = [batch[name] for name in batch.schema.names if name != "features"]
                if "features" in batch.schema.names:
                    values = batch["features"].flatten().to_numpy()
                    if len(values) != batch.num_rows * len(features):
                        raise SitsparkError(
                            f"{part}: holds vectors of another length than {len(features)}; make the samples again"
                        )
                    columns += [pa.array(column) for column in np.ascontiguousarray(values.reshape(-1, len(features)).T)]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
