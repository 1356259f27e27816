"""The samples table as training reads it: part files in the order of their names, row group by row group."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.kernels.features import KERNEL_VERSION, FeatureSpace

_COLUMNS = ("label", "split", "monitored", "fold", "features")
_SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """Some samples: features float32 (samples, features), label int32, monitored bool, split and fold as text."""

    features: npt.NDArray[np.float32]
    label: npt.NDArray[np.int32]
    monitored: npt.NDArray[np.bool_]
    split: npt.NDArray[np.object_]
    fold: npt.NDArray[np.object_]


def read_feature_space(folder: Path) -> FeatureSpace:
    """What the feature vectors of a samples table hold, from the metadata of the column `features`."""
    parts = _parts(folder)
    meta = (pq.read_schema(parts[0]).metadata or {}).get(_SPARK_SCHEMA)
    fields = json.loads(meta)["fields"] if meta else []
    text = next((f["metadata"].get("feature_space") for f in fields if f["name"] == "features"), None)
    if text is None:
        raise SitsparkError(f"{folder}: the column features doesn't say what it holds; make the samples table again")
    if json.loads(text)["kernel_version"] != KERNEL_VERSION:
        raise SitsparkError(f"{folder}: was made with other feature kernels than this version's; make the samples table again")
    return FeatureSpace.from_json(text)


def read_blocks(folder: Path) -> Iterator[SampleBlock]:
    """All samples, a row group at a time; raises SitsparkError for vectors of another length than the metadata says."""
    length = len(read_feature_space(folder))
    for part in _parts(folder):
        file = pq.ParquetFile(part)
        for group in range(file.num_row_groups):
            yield _block(file.read_row_group(group, columns=list(_COLUMNS)), length, part)


def _parts(folder: Path) -> list[Path]:
    parts = sorted(folder.glob("*.parquet"))
    if not parts:
        raise SitsparkError(f"{folder}: there is no samples table; run `sitspark samples` first")
    return parts


def _block(table: pa.Table, length: int, part: Path) -> SampleBlock:
    values = table["features"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    if values.size != table.num_rows * length:
        raise SitsparkError(f"{part}: its feature vectors don't have {length} values; make the samples table again")
    return SampleBlock(
        values.astype(np.float32, copy=False).reshape(table.num_rows, length),
        table["label"].to_numpy().astype(np.int32),
        table["monitored"].to_numpy().astype(bool),
        table["split"].to_numpy(),
        table["fold"].to_numpy(),
    )
