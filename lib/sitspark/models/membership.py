"""Which samples of a row group are selected, for what, of which class and with which weight: what its short columns say."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.models.row_groups import RowGroup
from sitspark.models.selection import Selection
from sitspark.models.weights import weights_of
from sitspark.parts import current_parts

SHORT = ("sample_id", "polygon_id", "label", "fold", "split", "monitored")
_POLYGON, _WEIGHT = "polygon_id", "weight"  # the latter in tables whose samples have weights of their own
_AGAIN = "make the samples table again, after `sitspark verify RUN --forget` where it was right before"
_GROUNDS = ("tile", "region")  # columns of tables of imagery, the latter where there are regions


@dataclass(frozen=True, slots=True, eq=False)
class Members:
    """The samples of a row group that are selected, and what for.

    `seen`, bool (rows,), are those selected; of these n a network is fitted to those `fitted`, bool (n,), and the others are
    monitored.
    """

    group: RowGroup
    seen: npt.NDArray[np.bool_]
    fitted: npt.NDArray[np.bool_]

    @property
    def fitted_count(self) -> int:
        """How many a network is fitted to."""
        return int(np.count_nonzero(self.fitted))


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Members with their class positions, int64 (n,), and all their short columns, of which weights follow."""

    members: Members
    positions: npt.NDArray[np.int64]
    rows: pa.RecordBatch


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a row group, by their numbers there, int64 (n,)."""

    group: RowGroup
    numbers: npt.NDArray[np.int64]

    def refuse(self, faulty: npt.NDArray[np.bool_], fault: str, *, remedy: str = _AGAIN) -> None:
        """Raise SitsparkError with file and sample for the first of the rows that is faulty, bool (n,)."""
        if faulty.any():
            sample = self.group.read(["sample_id"])["sample_id"][int(self.numbers[np.argmax(faulty)])]
            raise SitsparkError(f"{self.group.part}: sample {sample} {fault}; {remedy}")


def labelled_of(group: RowGroup, selection: Selection, *, codes: tuple[int, ...]) -> Labelled:
    """The selected samples of a row group.

    `codes` are the class codes in their order. Raises SitsparkError with file and sample for one whose label is none of them.
    """
    rows = group.read((*SHORT, _WEIGHT, *_GROUNDS))
    seen = selection.mask(rows)
    selected = rows if seen.all() else rows.filter(pa.array(seen))
    fitted = ~selection.monitored(selected)
    positions = _positions(selected["label"], codes, Rows(group, np.flatnonzero(seen)))
    return Labelled(Members(group, seen, fitted), positions, selected)


def _positions(labels: pa.Array, codes: tuple[int, ...], rows: Rows) -> npt.NDArray[np.int64]:
    """The position of each sample's label among the classes, int64 (n,)."""
    known = np.asarray(codes)
    rows.refuse(labels.is_null().to_numpy(zero_copy_only=False), "has no label")
    own = labels.to_numpy()
    positions: npt.NDArray[np.intp] = np.searchsorted(known, own).clip(max=len(known) - 1)
    rows.refuse(known[positions] != own, "has a label that is no class of the nomenclature")
    return positions.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """What weights of fitted samples follow from, row group by row group: classes, polygons, their own weights (else 1)."""

    classes: list[npt.NDArray[np.int64]] = field(default_factory=list)
    polygons: list[npt.NDArray[np.int64]] = field(default_factory=list)
    own: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def add(self, labelled: Labelled) -> None:
        """Add the fitted ones; raises SitsparkError with file and sample for one without polygon or weight."""
        members, rows = labelled.members, labelled.rows
        place = Rows(members.group, np.flatnonzero(members.seen))
        for column in (_POLYGON, *([_WEIGHT] if _WEIGHT in rows.schema.names else [])):
            place.refuse(rows[column].is_null().to_numpy(zero_copy_only=False) & members.fitted, f"has no {column}")
        self.classes.append(labelled.positions[members.fitted])
        fitted = rows.filter(pa.array(members.fitted))
        self.polygons.append(fitted[_POLYGON].to_numpy())
        weighed = _WEIGHT in rows.schema.names
        self.own.append(fitted[_WEIGHT].to_numpy() if weighed else np.ones(len(fitted)))

    def weights(self, balance: Collection[str], table: Path) -> npt.NDArray[np.float32]:
        """Those of all, float32 (n,), with what `balance` says that weighs the same; raises SitsparkError where all weigh 0."""
        own = np.concatenate(self.own)
        if not own.any():
            raise SitsparkError(f"{table}: all samples to train on weigh 0; correct the weights in the ground truth")
        varied = None if (own == 1).all() else own
        return weights_of(np.concatenate(self.classes), np.concatenate(self.polygons), balance, varied)


def has_weights(table: Path) -> bool:
    """Whether samples of a table have weights of their own."""
    return any(_WEIGHT in pq.read_schema(part).names for part in current_parts(table))
