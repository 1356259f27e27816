"""Which samples of a table a model may see."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.parts import current_parts


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which samples a model may see: those of the split 'train', without those of the fold left out, nor those `dropped`.

    A sample goes with the fold of its polygon, so that no polygon is half left out; without a fold (null) it is never left
    out. Samples of another split are set aside for the accuracy of the map and are never seen. `dropped` are ids of samples,
    int64 (n,).
    """

    left_out_fold: str | None = None
    dropped: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @staticmethod
    def of(left_out_fold: str | None, quality: Path | None) -> "Selection":
        """That of a fold left out (None: none) and of a table of quality, which says what is dropped (None: nothing)."""
        if quality is None:
            return Selection(left_out_fold)
        rows = pq.read_table(current_parts(quality), columns=["sample_id"], filters=[("kept", "=", False)])
        return Selection(left_out_fold, rows["sample_id"].to_numpy())

    def mask(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """True for the rows that are seen, bool (n,)."""
        seen: npt.NDArray[np.bool_] = _texts(rows, "split") == "train"
        seen &= ~np.isin(rows["sample_id"].to_numpy(), self.dropped)
        return seen if self.left_out_fold is None else seen & (_texts(rows, "fold") != self.left_out_fold)


def _texts(rows: pa.RecordBatch, column: str) -> npt.NDArray[np.object_]:
    values: npt.NDArray[np.object_] = rows[column].to_numpy(zero_copy_only=False)
    return values
