"""Which samples of a table a model may see."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.parts import current_parts


@dataclass(frozen=True, slots=True)
class Ground:
    """The ground that a model has for itself: a value of a column of samples, 'region' or 'tile'."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Division:
    """Where it is written how a run of a cross-validation, from 2 on, divides the samples: the table `sample_divisions`."""

    table: Path
    run: int

    def read(self) -> "Divided":
        """All samples of the run."""
        rows = pq.read_table(current_parts(self.table), filters=[("run", "=", self.run)]).sort_by("sample_id")
        sample_id, split, fold, monitored = (rows[name].to_numpy() for name in Divided.__slots__)
        return Divided(sample_id, split, fold, monitored.astype(bool))


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """Samples by their ids, int64 (n,), ascending: their splits and folds, texts (n,), and which are monitored, bool (n,)."""

    sample_id: npt.NDArray[np.int64]
    split: npt.NDArray[np.object_]
    fold: npt.NDArray[np.object_]
    monitored: npt.NDArray[np.bool_]

    def place(self, rows: pa.RecordBatch) -> npt.NDArray[np.intp]:
        """Where the samples of these rows are, int (n,); raises SitsparkError for one that isn't among them."""
        wanted = rows["sample_id"].to_numpy()
        found: npt.NDArray[np.intp] = np.searchsorted(self.sample_id, wanted).clip(max=max(len(self.sample_id) - 1, 0))
        if not len(self.sample_id) or (self.sample_id[found] != wanted).any():
            raise SitsparkError("sample_divisions: is not of these samples; remove that table and run the same command again")
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which samples a model may see: those of the split 'train', without those of the fold left out, nor those `dropped`.

    A sample goes with the fold of its polygon, so that no polygon is half left out; without a fold (null) it is never left
    out. Samples of another split are set aside for the accuracy of the map and are never seen. `dropped` are ids of samples,
    int64 (n,). A model with ground of its own sees those there alone. What is `divided` otherwise than by the columns of the
    samples' table is all of it.
    """

    left_out_fold: str | None = None
    ground: Ground | None = None
    dropped: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    divided: Divided | None = None

    @staticmethod
    def of(
        left_out_fold: str | None, quality: Path | None, ground: Ground | None = None, division: Division | None = None
    ) -> "Selection":
        """That of a fold left out (None: none), a table of quality that says what is dropped (None: nothing), and a ground.

        Without a `division` samples are divided as their table says.
        """
        chosen = Selection(left_out_fold, ground, divided=division.read() if division else None)
        if quality is None:
            return chosen
        rows = pq.read_table(current_parts(quality), columns=["sample_id"], filters=[("kept", "=", False)])
        return replace(chosen, dropped=rows["sample_id"].to_numpy())

    def mask(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """True for the rows that are seen, bool (n,)."""
        if self.divided is None:
            seen = _are(rows, "split", "train")
            left_out = None if self.left_out_fold is None else _are(rows, "fold", self.left_out_fold)
        else:
            place = self.divided.place(rows)
            seen = self.divided.split[place] == "train"
            left_out = None if self.left_out_fold is None else self.divided.fold[place] == self.left_out_fold
        seen &= ~np.isin(rows["sample_id"].to_numpy(), self.dropped)
        if left_out is not None:
            seen &= ~left_out
        return seen if self.ground is None else seen & _are(rows, self.ground.kind, self.ground.name)

    def monitored(self, rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """True for the rows that only choose the epoch, bool (n,)."""
        found: npt.NDArray[np.bool_] = (
            rows["monitored"].to_numpy(zero_copy_only=False).astype(bool)
            if self.divided is None
            else self.divided.monitored[self.divided.place(rows)]
        )
        return found

    def __str__(self) -> str:
        """The end of a sentence on the samples that are seen."""
        without = "" if self.left_out_fold is None else f" without {self.left_out_fold}"
        return without if self.ground is None else f"{without} in {self.ground}"


def _are(rows: pa.RecordBatch, column: str, text: str) -> npt.NDArray[np.bool_]:
    """Where a column holds this text, bool (n,); null is no text."""
    found: npt.NDArray[np.bool_] = (
        pc.equal(rows[column].cast(pa.string()), text).fill_null(False).to_numpy(zero_copy_only=False)
    )
    return found
