"""From the samples table to files of local disk: read once, row group by row group, in bounded memory.

Any sample can be reached then, so that a mini-batch is drawn from many and is the same whatever the number of processes.
Only where samples are weighed 16 to 24 bytes each are held.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from sitspark.ahead import ahead, mapped
from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.job import TrainingJob
from sitspark.models.selection import Selection
from sitspark.models.statistics import RunningStatistics
from sitspark.models.store import STATISTICS, SampleStore, save_statistics
from sitspark.models.weights import weights_of
from sitspark.parts import current_parts
from sitspark.samples.table import feature_space_of
from sitspark.settings import HeldAs

_COLUMNS = ("sample_id", "polygon_id", "label", "fold", "split", "monitored", "features")
_WEIGHT = "weight"  # a column of tables whose samples have weights of their own
_GROUNDS = ("tile", "region")  # columns of tables of imagery, the latter where there are regions
_BLOCK = 8192  # samples decoded at a time: some tens of MB
_READERS = 4  # threads that read row groups: what takes their rows is no faster than that


def store_of(job: TrainingJob) -> SampleStore:
    """The decoded samples of a job: the first process of a machine that asks decodes them, the others wait for it."""
    folder = job.decoded
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / STATISTICS).exists():
            shutil.rmtree(folder, ignore_errors=True)
            decode(
                job.samples,
                Selection.of(job.left_out_fold, job.quality, job.ground, job.division),
                codes=job.nomenclature.codes,
                folder=folder,
                children=job.children,
                balance=job.settings.balance,
                held_as=job.settings.held_as,
            )
    return SampleStore.open(folder, job.settings.held_as)


def decode(
    table: Path,
    selection: Selection,
    *,
    codes: tuple[int, ...],
    folder: Path,
    children: Path | None = None,
    balance: Collection[str] = (),
    held_as: HeldAs = "float32",
) -> None:
    """Write the selected samples of a table, and of that of their `children`, into `folder`, for `SampleStore.open`.

    `codes` are the class codes in the order of the network's outputs, `balance` says what weighs the same
    beside the weights that samples have of their own;
    features are written as `held_as`, statistics are of those of the table. Raises SitsparkError, naming file and sample, for a
    feature that is missing, not finite or too large for `held_as`, a vector of another length than the feature space has, a
    label that is no class of the nomenclature, a selection without samples to fit to, a disk that can't hold them.
    """
    space = feature_space_of(table)
    folder.mkdir(parents=True, exist_ok=True)
    tables = [table, *([children] if children else [])]
    _refuse_full_disk(tables, len(space) * np.dtype(held_as).itemsize, folder)
    weighed = _Weighed([], [], []) if balance or _has_weights(table) else None
    running = RunningStatistics(len(space))

    def decoded() -> Iterator[list[_Kind]]:
        for part, rows in _blocks(tables):
            mask = selection.mask(rows)
            selected = rows if mask.all() else rows.filter(pa.array(mask))
            features, positions = _features(selected, space, part), _positions(selected, codes, part)
            held = _held(features, held_as, selected, space, part)
            monitored = selection.monitored(selected)
            fitted = _those(features, ~monitored)
            running.add(fitted)
            if weighed is not None:
                weighed.add(selected, positions, ~monitored)
            yield [
                _Kind("fitted", fitted if held is features else _those(held, ~monitored), positions[~monitored]),
                _Kind("monitored", _those(held, monitored), positions[monitored]),
            ]

    with ExitStack() as stack:
        names = [f"{kind}.{what}" for kind in ("fitted", "monitored") for what in ("features", "positions")]
        files = {name: stack.enter_context((folder / name).open("wb")) for name in names}
        # one block is written while the next one is looked at
        for kinds in stack.enter_context(closing(ahead(decoded()))):
            for kind in kinds:
                kind.features.tofile(files[f"{kind.name}.features"])
                kind.positions.tofile(files[f"{kind.name}.positions"])
    statistics = running.result()
    pa.default_memory_pool().release_unused()  # a quarter of a GB, which the training's process has no use for
    if statistics.count == 0:
        raise SitsparkError(f"{table}: holds no sample to train on{selection}; check the ground truth and the split")
    if weighed is not None:
        weighed.weights(balance, table).tofile(folder / "fitted.weights")
    save_statistics(folder, statistics)


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """The samples of a block that a network is fitted to, or that are monitored: features as they are held, and positions."""

    name: str
    features: npt.NDArray[np.floating]
    positions: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """What weights of fitted samples follow from, block by block: classes, polygons, their own weights if they have some."""

    classes: list[npt.NDArray[np.int64]]
    polygons: list[npt.NDArray[np.int64]]
    own: list[npt.NDArray[np.float64]]

    def add(self, rows: pa.RecordBatch, positions: npt.NDArray[np.int64], fitted: npt.NDArray[np.bool_]) -> None:
        """Add a block, of which some are fitted."""
        self.classes.append(positions[fitted])
        self.polygons.append(rows["polygon_id"].to_numpy()[fitted])
        if _WEIGHT in rows.schema.names:
            self.own.append(rows[_WEIGHT].to_numpy()[fitted])

    def weights(self, balance: Collection[str], table: Path) -> npt.NDArray[np.float32]:
        """Those of all fitted samples; raises SitsparkError where all of their own are 0."""
        own = np.concatenate(self.own) if self.own else None
        if own is not None and not own.any():
            raise SitsparkError(f"{table}: all samples to train on weigh 0; correct the weights in the ground truth")
        return weights_of(np.concatenate(self.classes), np.concatenate(self.polygons), balance, own)


def _has_weights(table: Path) -> bool:
    return any(_WEIGHT in pq.read_schema(part).names for part in current_parts(table))


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group of a part file."""

    part: Path
    index: int

    def read(self) -> pa.Table:
        with pq.ParquetFile(self.part, pre_buffer=False) as file:
            return file.read_row_group(self.index, columns=[*_COLUMNS, _WEIGHT, *_GROUNDS], use_threads=False)


def _groups(table: Path) -> Iterator[_Group]:
    for part in current_parts(table):
        with pq.ParquetFile(part, pre_buffer=False) as file:
            absent = [name for name in _COLUMNS if name not in file.schema_arrow.names]
            if absent:
                raise SitsparkError(f"{part}: is no samples table (no column {', '.join(absent)}); name another table")
            for index in range(file.num_row_groups):
                yield _Group(part, index)


def _blocks(tables: Sequence[Path]) -> Iterator[tuple[Path, pa.RecordBatch]]:
    """All rows of all tables in their order, with the part file they come from; each thread holds a row group or two."""
    groups = list(chain.from_iterable(map(_groups, tables)))
    with closing(mapped(_Group.read, groups, threads=min(_READERS, os.cpu_count() or 1))) as read:
        for group, rows in zip(groups, read, strict=True):
            for block in rows.to_batches(_BLOCK):
                yield group.part, block


def _features(rows: pa.RecordBatch, space: FeatureSpace, part: Path) -> npt.NDArray[np.float32]:
    """The feature vectors, float32 (n, features)."""
    lengths = rows["features"].value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    _refuse(lengths != len(space), rows, part, f"has no vector of {len(space)} features, which the feature space asks for")
    values = rows["features"].flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    features: npt.NDArray[np.float32] = values.reshape(len(rows), len(space))
    broken = ~np.isfinite(features)
    if broken.any():
        sample, feature = np.argwhere(broken)[0]
        name, value = space.names[feature], features[sample, feature]
        _refuse(np.any(broken, axis=1), rows, part, f"has {value} as feature {name}, and a network needs finite numbers")
    return features


def _those(rows: npt.NDArray[np.floating], members: npt.NDArray[np.bool_]) -> npt.NDArray[np.floating]:
    """The rows that are members; themselves where all are."""
    return rows if members.all() else rows[members]


def _held(
    features: npt.NDArray[np.float32], held_as: HeldAs, rows: pa.RecordBatch, space: FeatureSpace, part: Path
) -> npt.NDArray[np.floating]:
    """The features, which are finite, as they are held, (n, features)."""
    if held_as == "float32":
        return features
    with np.errstate(over="ignore"):  # told below
        held: npt.NDArray[np.floating] = features.astype(held_as)
    beyond = ~np.isfinite(held)
    if beyond.any():
        sample, feature = np.argwhere(beyond)[0]
        fault = f"has {features[sample, feature]:g} as feature {space.names[feature]}, and {held_as} ends at"
        remedy = "leave training.held_as at float32"
        _refuse(np.any(beyond, axis=1), rows, part, f"{fault} {np.finfo(held_as).max:g}", remedy=remedy)
    return held


def _positions(rows: pa.RecordBatch, codes: tuple[int, ...], part: Path) -> npt.NDArray[np.int64]:
    """The position of each sample's label among the classes, int64 (n,)."""
    known, labels = np.asarray(codes), rows["label"].to_numpy()
    positions: npt.NDArray[np.intp] = np.searchsorted(known, labels).clip(max=len(known) - 1)
    _refuse(known[positions] != labels, rows, part, "has a label that is no class of the nomenclature")
    return positions.astype(np.int64)


def _refuse(
    faulty: npt.NDArray[np.bool_], rows: pa.RecordBatch, part: Path, fault: str, *, remedy: str = "make the samples table again"
) -> None:
    if faulty.any():
        sample = rows["sample_id"][int(np.argmax(faulty))]
        raise SitsparkError(f"{part}: sample {sample} {fault}; {remedy}")


def _refuse_full_disk(tables: Sequence[Path], bytes_each: int, folder: Path) -> None:
    rows = sum(pq.read_metadata(part).num_rows for table in tables for part in current_parts(table))
    needed = rows * (bytes_each + 12)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SitsparkError(
            f"{folder}: the samples may need {needed / 1e9:.1f} GB of local disk and {free / 1e9:.1f} GB are free; "
            "free some, or lower samples.per_class"
        )
