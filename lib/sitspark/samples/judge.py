"""Judging samples batch by batch against a table of references (one process, no Spark)."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.kernels.quality import References, judge

_KEYS = ("sample_id", "polygon_id", "label", "split", "lon", "lat")


def fit_references(table: Path, *, neighbours: int) -> References:
    """References from a table of samples with place and turn, which order polygons and their samples.

    Raises SitsparkError where there is none, or where features aren't finite.
    """
    rows = pq.read_table(table).sort_by([("label", "ascending"), ("place", "ascending"), ("turn", "ascending")])
    if not len(rows):
        raise SitsparkError(
            "samples.quality: there is no training sample to compare with; check the ground truth and the split"
        )
    features = _features(rows)
    if not np.isfinite(features).all():
        raise SitsparkError("samples.quality: some features aren't finite numbers; check the imagery, or set it to null")
    return References.of(features, _integers(rows, "label"), _integers(rows, "polygon_id"), neighbours=neighbours)


def save_references(references: References, file: Path) -> None:
    """Write references into an .npz file."""
    np.savez(file, **{field.name: getattr(references, field.name) for field in fields(references)})


def load_references(file: Path) -> References:
    """Read back what `save_references` wrote."""
    with np.load(file) as saved:
        return References(**saved)


def judged(samples: pa.RecordBatch, references: References, *, neighbours: int) -> pa.RecordBatch:
    """The keys of samples with score, nearest_label and outlierness, null where a sample can't be judged."""
    labels, polygons = _integers(samples, "label"), _integers(samples, "polygon_id")
    found = judge(_features(samples), labels, polygons, references, neighbours=neighbours)
    columns = {name: samples[name] for name in _KEYS}
    columns["score"] = pa.array(found.score, from_pandas=True)
    columns["nearest_label"] = pa.array(found.nearest.astype(np.int32), mask=found.nearest == 0)
    columns["outlierness"] = pa.array(found.outlierness, from_pandas=True)
    return pa.RecordBatch.from_pydict(columns)


def _integers(rows: pa.Table | pa.RecordBatch, column: str) -> npt.NDArray[np.int64]:
    return np.asarray(rows[column].to_numpy(zero_copy_only=False), np.int64)


def _features(rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float32]:
    column = rows["features"]
    flat = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).flatten()
    values: npt.NDArray[np.float32] = flat.to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    return values.reshape(len(rows), -1)
