"""From the samples table to files of local disk: features are read once, row group by row group.

Any sample can be reached then, so that a mini-batch is drawn from many and is the same whatever the number of processes.
The short columns are read first (`membership.py`): from them follows where in the files each sample belongs, so that threads
write row groups beside one another, block by block, while a block is in the cache. Meanwhile 2 bytes of each sample are held.
"""

import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from filelock import FileLock

from sitspark.ahead import mapped
from sitspark.errors import SitsparkError
from sitspark.models.job import TrainingJob
from sitspark.models.membership import SHORT, Members, Rows, Weighed, has_weights, labelled_of
from sitspark.models.row_groups import row_groups
from sitspark.models.selection import Selection
from sitspark.models.statistics import Moments, Spread, Statistics
from sitspark.models.store import STATISTICS, SampleStore, save_statistics
from sitspark.samples.table import feature_space_of
from sitspark.settings import HeldAs

_FEATURES = "features"
_KINDS = _FITTED, _MONITORED = "fitted", "monitored"
_BLOCK = 1 << 20  # bytes of features decoded at a time: they stay in the cache of a core until they are written
_REMEDY = "free some, or lower samples.per_class"
_THREADS = 4  # a tenth of their time they write to one file, which takes one writer at a time; more weren't measured

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
    tables = [table, *([children] if children else [])]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        placed = _placed(tables, selection, codes=codes, folder=folder, balance=balance)
        _refuse_full_disk(placed, len(space) * np.dtype(held_as).itemsize, folder)
        statistics = _write(placed, space.names, folder=folder, held_as=held_as)
        save_statistics(folder, statistics)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise SitsparkError(f"{folder}: the samples can't be written ({error.strerror}); {_REMEDY}") from None


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """The members of a row group, and how many fitted and monitored samples there are before them."""

    members: Members
    fitted: int
    monitored: int


def _placed(
    tables: Sequence[Path], selection: Selection, *, codes: tuple[int, ...], folder: Path, balance: Collection[str]
) -> list[_Placed]:
    """Where each row group's samples belong; writes positions and weights on the way."""
    placed = list[_Placed]()
    counts = dict.fromkeys(_KINDS, 0)
    weighed = Weighed() if balance or any(map(has_weights, tables)) else None
    groups = chain.from_iterable(row_groups(table, having=(*SHORT, _FEATURES)) for table in tables)
    with ExitStack() as stack:
        files = {kind: stack.enter_context((folder / f"{kind}.positions").open("wb")) for kind in _KINDS}
        for labelled in _side_by_side(partial(labelled_of, selection=selection, codes=codes), groups):
            members = labelled.members
            placed.append(_Placed(members, counts[_FITTED], counts[_MONITORED]))
            for kind, own in ((_FITTED, members.fitted), (_MONITORED, ~members.fitted)):
                labelled.positions[own].tofile(files[kind])
                counts[kind] += int(np.count_nonzero(own))
            if weighed is not None:
                weighed.add(labelled)
    if not counts[_FITTED]:
        raise SitsparkError(f"{tables[0]}: holds no sample to train on{selection}; check the ground truth and the split")
    if weighed is not None:
        weighed.weights(balance, tables[0]).tofile(folder / f"{_FITTED}.weights")
    return placed


def _write(placed: Sequence[_Placed], names: tuple[str, ...], *, folder: Path, held_as: HeldAs) -> Statistics:
    """Write the features of all; gives the statistics of the fitted samples."""
    for kind in _KINDS:
        (folder / f"{kind}.features").write_bytes(b"")
    writer = _Writer(folder, names, held_as, Spread.of(sum(each.members.fitted_count for each in placed), len(names)))
    moments = Moments(len(names))
    for own in _side_by_side(writer.write, placed):
        moments.add_those_of(own)
    pa.default_memory_pool().release_unused()  # which the training's process has no use for
    return Statistics.of(moments, writer.spread)


@dataclass(frozen=True, slots=True, eq=False)
class _Writer:
    """Writes features into the files that threads share, and the fitted ones among them that are wanted into `spread`."""

    folder: Path
    names: tuple[str, ...]  # of the features
    held_as: HeldAs
    spread: Spread

    def write(self, placed: _Placed) -> Moments:
        """Write a row group's samples to their places; gives the moments of the fitted ones."""
        members, moments = placed.members, Moments(len(self.names))
        with self._file(_FITTED, placed.fitted) as fitted, self._file(_MONITORED, placed.monitored) as monitored:
            done = 0
            for rows, block in _seen_blocks(members, len(self.names)):
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


def _seen_blocks(members: Members, width: int) -> Iterator[tuple[Rows, pa.ListArray]]:
    """The features of samples that are seen, block by block; a row group without any isn't read."""
    if not members.seen.any():
        return
    first = 0
    for block in members.group.blocks(_FEATURES, _BLOCK // (4 * width) or 1):
        seen = members.seen[first : first + len(block)]
        if seen.any():
            yield Rows(members.group, first + np.flatnonzero(seen)), block if seen.all() else block.filter(pa.array(seen))
        first += len(block)


def _features(vectors: pa.ListArray, names: tuple[str, ...], rows: Rows) -> npt.NDArray[np.float32]:
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


def _held(features: npt.NDArray[np.float32], held_as: HeldAs, names: tuple[str, ...], rows: Rows) -> npt.NDArray[np.floating]:
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


def _side_by_side(function: Callable[[_S], _T], items: Iterable[_S]) -> Iterator[_T]:
    with closing(mapped(function, items, threads=min(_THREADS, os.cpu_count() or 1))) as results:
        yield from results


def _refuse_full_disk(placed: Sequence[_Placed], bytes_each: int, folder: Path) -> None:
    needed = bytes_each * sum(len(each.members.fitted) for each in placed)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SitsparkError(
            f"{folder}: the samples need {needed / 1e9:.1f} GB of local disk and {free / 1e9:.1f} GB are free; {_REMEDY}"
        )
