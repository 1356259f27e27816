"""Which samples of a table a model may see."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.parts import current_parts


@dataclass(frozen=True, slots=True)
class Ground:
    """The ground that a model has for itself: a value of a column of samples, 'region' or 'tile'."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which samples a model may see: those of the split 'train', without those of the fold left out, nor those `dropped`.

    A sample goes with the fold of its polygon, so that no polygon is half left out; without a fold (null) it is never left
    out. Samples of another split are set aside for the accuracy of the map and are never seen. `dropped` are ids of samples,
    int64 (n,). A model with ground of its own sees those there alone.
    """

    left_out_fold: str | None = None
    ground: Ground | None = None
    dropped: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @staticmethod
    def of(left_out_fold: str | None, quality: Path | None, ground: Ground | None = None) -> "Selection":
        """That of a fold left out (None: none), a table of quality that says what is dropped (None: nothing), and a ground."""
        if quality is None:
            return Selection(left_out_fold, ground)
        rows = pq.read_table(current_parts(quality), columns=["sample_id"], filters=[("kept", "=", False)])
        return Selection(left_out_fold, ground, rows["sample_id"].to_numpy())

    def mask(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """True for the rows that are seen, bool (n,)."""
        seen: npt.NDArray[np.bool_] = _texts(rows, "split") == "train"
        seen &= ~np.isin(rows["sample_id"].to_numpy(), self.dropped)
        if self.left_out_fold is not None:
            seen &= _texts(rows, "fold") != self.left_out_fold
        return seen if self.ground is None else seen & (_texts(rows, self.ground.kind) == self.ground.name)

    def __str__(self) -> str:
        """The end of a sentence on the samples that are seen."""
        without = "" if self.left_out_fold is None else f" without {self.left_out_fold}"
        return without if self.ground is None else f"{without} in {self.ground}"


def _texts(rows: pa.RecordBatch, column: str) -> npt.NDArray[np.object_]:
    values: npt.NDArray[np.object_] = rows[column].to_numpy(zero_copy_only=False)
    return values
