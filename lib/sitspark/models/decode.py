"""From the samples table to files of local disk: read once, row group by row group, in bounded memory.

Any sample can be reached then, so that a mini-batch is drawn from many and is the same whatever the number of processes.
The short columns are read first: from them follows where in the files each sample belongs, so that threads write row groups
beside one another, block by block, while a block is in the cache. Of each sample 10 bytes are held, and where samples are
weighed 16 to 24 more.
"""

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from sitspark.ahead import mapped
from sitspark.errors import SitsparkError
from sitspark.models.job import TrainingJob
from sitspark.models.row_groups import RowGroup, row_groups
from sitspark.models.selection import Selection
from sitspark.models.statistics import Moments, Spread, Statistics
from sitspark.models.store import STATISTICS, SampleStore, save_statistics
from sitspark.models.weights import weights_of
from sitspark.parts import current_parts
from sitspark.samples.table import feature_space_of
from sitspark.settings import HeldAs

_FEATURES = "features"
_SHORT = ("sample_id", "polygon_id", "label", "fold", "split", "monitored")
_WEIGHT = "weight"  # a column of tables whose samples have weights of their own
_GROUNDS = ("tile", "region")  # columns of tables of imagery, the latter where there are regions
_FITTED, _MONITORED = "fitted", "monitored"
_THREADS = 4  # a quarter of their time goes into writing, and a file takes one writer at a time

_S = TypeVar("_S")
_T = TypeVar("_T")


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
    groups = chain.from_iterable(row_groups(each, having=(*_SHORT, _FEATURES)) for each in tables)
    members = list(_side_by_side(partial(_members, selection=selection, codes=codes), groups))
    count = sum(each.fitted_count for each in members)
    if count == 0:
        raise SitsparkError(f"{table}: holds no sample to train on{selection}; check the ground truth and the split")
    if balance or any(each.weights is not None for each in members):
        _weights(members, balance, table).tofile(folder / f"{_FITTED}.weights")
    for kind, wanted in ((_FITTED, True), (_MONITORED, False)):
        np.concatenate([each.positions[each.fitted == wanted] for each in members]).tofile(folder / f"{kind}.positions")
        (folder / f"{kind}.features").touch()
    writer = _Writer(folder, space.names, held_as, Spread.of(count, len(space)))
    moments = Moments(len(space))
    for own in _side_by_side(writer.write, _placed(members)):
        moments.add_those_of(own)
    pa.default_memory_pool().release_unused()  # which the training's process has no use for
    save_statistics(folder, Statistics.of(moments, writer.spread))


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """What the samples of a row group are for.

    `seen`, bool (rows,), are those selected. Of these n: whether a network is fitted to them, bool (n,), else they are
    monitored; class positions, int64 (n,); polygons, int64 (n,); their own weights, float64 (n,), where samples have some.
    """

    group: RowGroup
    seen: npt.NDArray[np.bool_]
    fitted: npt.NDArray[np.bool_]
    positions: npt.NDArray[np.int64]
    polygons: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64] | None

    @property
    def fitted_count(self) -> int:
        return int(np.count_nonzero(self.fitted))


def _members(group: RowGroup, selection: Selection, codes: tuple[int, ...]) -> _Members:
    rows = group.read((*_SHORT, _WEIGHT, *_GROUNDS))
    seen = selection.mask(rows)
    weighed = _WEIGHT in rows.schema.names
    return _Members(
        group,
        seen,
        ~selection.monitored(rows)[seen],
        _positions(rows["label"].to_numpy()[seen], codes, _Rows(group, np.flatnonzero(seen))),
        rows["polygon_id"].to_numpy()[seen],
        rows[_WEIGHT].to_numpy()[seen] if weighed else None,
    )


def _weights(members: Sequence[_Members], balance: Collection[str], table: Path) -> npt.NDArray[np.float32]:
    """Those of all fitted samples; raises SitsparkError where all of their own are 0."""
    classes = np.concatenate([each.positions[each.fitted] for each in members])
    polygons = np.concatenate([each.polygons[each.fitted] for each in members])
    of_groups = [each.weights[each.fitted] for each in members if each.weights is not None]
    own = np.concatenate(of_groups) if of_groups else None
    if own is not None and not own.any():
        raise SitsparkError(f"{table}: all samples to train on weigh 0; correct the weights in the ground truth")
    return weights_of(classes, polygons, balance, own)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """Samples of a row group, and how many fitted and monitored ones there are before them."""

    members: _Members
    fitted: int
    monitored: int


def _placed(members: Sequence[_Members]) -> Iterator[_Placed]:
    fitted = monitored = 0
    for each in members:
        yield _Placed(each, fitted, monitored)
        fitted += each.fitted_count
        monitored += len(each.fitted) - each.fitted_count


@dataclass(frozen=True, slots=True, eq=False)
class _Writer:
    """Writes features into the files that threads share, and the fitted ones among them that are wanted into `spread`."""

    folder: Path
    names: tuple[str, ...]  # of the features; their number as the space counts it costs as much as a block's check
    held_as: HeldAs
    spread: Spread

    def write(self, placed: _Placed) -> Moments:
        """Write a row group's samples to their places; gives the moments of the fitted ones."""
        members, moments = placed.members, Moments(len(self.names))
        with self._file(_FITTED, placed.fitted) as fitted, self._file(_MONITORED, placed.monitored) as monitored:
            done = 0
            for rows, block in _seen_blocks(members):
                features = _features(block, self.names, rows)
                held = _held(features, self.held_as, self.names, rows)
                to_fit = members.fitted[done : done + len(features)]
                done += len(features)
                own = _those(features, to_fit)
                self.spread.take(own, placed.fitted + moments.count)
                moments.add(own)
                fitted.write((own if held is features else _those(held, to_fit)).data)
                monitored.write(_those(held, ~to_fit).data)
        return moments

    def _file(self, kind: str, samples: int) -> BinaryIO:
        """The file of a kind, at the place after so many samples."""
        file = (self.folder / f"{kind}.features").open("r+b")
        file.seek(samples * len(self.names) * np.dtype(self.held_as).itemsize)
        return file


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows of a row group, by their numbers there, int64 (n,)."""

    group: RowGroup
    numbers: npt.NDArray[np.int64]

    def refuse(self, faulty: npt.NDArray[np.bool_], fault: str, *, remedy: str = "make the samples table again") -> None:
        """Raise SitsparkError with file and sample for the first of the rows that is faulty, bool (n,)."""
        if faulty.any():
            sample = self.group.read(["sample_id"])["sample_id"][int(self.numbers[np.argmax(faulty)])]
            raise SitsparkError(f"{self.group.part}: sample {sample} {fault}; {remedy}")


def _seen_blocks(members: _Members) -> Iterator[tuple[_Rows, pa.ListArray]]:
    """The features of samples that are seen, block by block; a row group without any isn't read."""
    if not members.seen.any():
        return
    first = 0
    for block in members.group.blocks(_FEATURES):
        seen = members.seen[first : first + len(block)]
        if seen.any():
            yield _Rows(members.group, first + np.flatnonzero(seen)), block if seen.all() else block.filter(pa.array(seen))
        first += len(block)


def _features(vectors: pa.ListArray, names: tuple[str, ...], rows: _Rows) -> npt.NDArray[np.float32]:
    """The feature vectors, float32 (n, features)."""
    lengths = vectors.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    rows.refuse(lengths != len(names), f"has no vector of {len(names)} features, which the feature space asks for")
    values = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    features: npt.NDArray[np.float32] = values.reshape(len(vectors), len(names))
    broken = ~np.isfinite(features)
    if broken.any():
        sample, feature = np.argwhere(broken)[0]
        name, value = names[feature], features[sample, feature]
        rows.refuse(np.any(broken, axis=1), f"has {value} as feature {name}, and a network needs finite numbers")
    return features


def _those(rows: npt.NDArray[np.floating], members: npt.NDArray[np.bool_]) -> npt.NDArray[np.floating]:
    """The rows that are members; themselves where all are."""
    return rows if members.all() else rows[members]


def _held(features: npt.NDArray[np.float32], held_as: HeldAs, names: tuple[str, ...], rows: _Rows) -> npt.NDArray[np.floating]:
    """The features, which are finite, as they are held, (n, features)."""
    if held_as == "float32":
        return features
    with np.errstate(over="ignore"):  # told below
        held: npt.NDArray[np.floating] = features.astype(held_as)
    beyond = ~np.isfinite(held)
    if beyond.any():
        sample, feature = np.argwhere(beyond)[0]
        fault = f"has {features[sample, feature]:g} as feature {names[feature]}, and {held_as} ends at"
        remedy = "leave training.held_as at float32"
        rows.refuse(np.any(beyond, axis=1), f"{fault} {np.finfo(held_as).max:g}", remedy=remedy)
    return held


def _positions(labels: npt.NDArray[np.int32], codes: tuple[int, ...], rows: _Rows) -> npt.NDArray[np.int64]:
    """The position of each sample's label among the classes, int64 (n,)."""
    known = np.asarray(codes)
    positions: npt.NDArray[np.intp] = np.searchsorted(known, labels).clip(max=len(known) - 1)
    rows.refuse(known[positions] != labels, "has a label that is no class of the nomenclature")
    return positions.astype(np.int64)


def _side_by_side(function: Callable[[_S], _T], items: Iterable[_S]) -> Iterator[_T]:
    with closing(mapped(function, items, threads=min(_THREADS, os.cpu_count() or 1))) as results:
        yield from results


def _refuse_full_disk(tables: Sequence[Path], bytes_each: int, folder: Path) -> None:
    rows = sum(pq.read_metadata(part).num_rows for table in tables for part in current_parts(table))
    needed = rows * (bytes_each + 12)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SitsparkError(
            f"{folder}: the samples may need {needed / 1e9:.1f} GB of local disk and {free / 1e9:.1f} GB are free; "
            "free some, or lower samples.per_class"
        )
