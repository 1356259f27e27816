"""From the samples table to tensors: decoded once, row group by row group, into memory-mapped files of local disk.

Memory stays bounded whatever the size of the table (but for 16 bytes a sample where weights are balanced), and any sample
can be reached, so that a mini-batch is drawn from all samples and is the same whatever the number of processes.
"""

import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.statistics import RunningStatistics, Statistics
from sitspark.parts import current_parts
from sitspark.samples.table import feature_space_of

_COLUMNS = ("sample_id", "polygon_id", "label", "fold", "split", "monitored", "features")
_BLOCK = 8192  # samples decoded at a time: some tens of MB


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
        seen: npt.NDArray[np.bool_] = _strings(rows, "split") == "train"
        seen &= ~np.isin(rows["sample_id"].to_numpy(), self.dropped)
        return seen if self.left_out_fold is None else seen & (_strings(rows, "fold") != self.left_out_fold)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Features float32 (n, features), class positions int64 (n,) and weights float32 (n,), all in memory-mapped files.

    Weights have a mean of 1.
    """

    features: Tensor
    positions: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True, eq=False)
class SampleStore:
    """The samples of one training: those the network is fitted to, those that only choose the epoch; and statistics.

    The statistics are of the fitted samples alone.
    """

    fitted: Samples
    monitored: Samples
    statistics: Statistics

    @staticmethod
    def open(folder: Path) -> "SampleStore":
        """Map the files that `decode` wrote."""
        with np.load(folder / "statistics.npz") as saved:
            statistics = Statistics(int(saved["count"]), saved["mean"], saved["deviation"])
        features = len(statistics.mean)
        return SampleStore(_mapped(folder / "fitted", features), _mapped(folder / "monitored", features), statistics)


def decode(
    table: Path,
    selection: Selection,
    *,
    codes: tuple[int, ...],
    folder: Path,
    children: Path | None = None,
    balance: Collection[str] = (),
) -> None:
    """Write the selected samples of a table, and of that of their `children`, into `folder`, for `SampleStore.open`.

    `codes` are the class codes in the order of the network's outputs, `balance` says what weighs the same. Raises
    SitsparkError, naming file and sample, for a feature that is missing or not finite, a vector of another length than the
    feature space has, a label that is no class of the nomenclature, a selection without samples to fit to, a disk that can't
    hold them.
    """
    space = feature_space_of(table)
    folder.mkdir(parents=True, exist_ok=True)
    tables = [table, *([children] if children else [])]
    _refuse_full_disk(tables, len(space), folder)
    polygons: list[npt.NDArray[np.int64]] = []
    classes: list[npt.NDArray[np.int64]] = []
    running = RunningStatistics(len(space))
    with ExitStack() as stack:
        names = [f"{kind}.{what}" for kind in ("fitted", "monitored") for what in ("features", "positions")]
        files = {name: stack.enter_context((folder / name).open("wb")) for name in names}
        for part, rows in chain.from_iterable(map(_blocks, tables)):
            selected = rows.filter(pa.array(selection.mask(rows)))
            features = _features(selected, space, part)
            positions = _positions(selected, codes, part)
            monitored = selected["monitored"].to_numpy(zero_copy_only=False).astype(bool)
            running.add(features[~monitored])
            if balance:
                polygons.append(selected["polygon_id"].to_numpy()[~monitored])
                classes.append(positions[~monitored])
            for kind, members in (("fitted", ~monitored), ("monitored", monitored)):
                features[members].tofile(files[f"{kind}.features"])
                positions[members].tofile(files[f"{kind}.positions"])
    statistics = running.result()
    if statistics.count == 0:
        without = f" without {selection.left_out_fold}" if selection.left_out_fold else ""
        raise SitsparkError(f"{table}: holds no sample to train on{without}; check the ground truth and the split")
    if balance:
        weights_of(np.concatenate(classes), np.concatenate(polygons), balance).tofile(folder / "fitted.weights")
    np.savez(folder / "statistics.npz", count=statistics.count, mean=statistics.mean, deviation=statistics.deviation)


def weights_of(
    classes: npt.NDArray[np.int64], polygons: npt.NDArray[np.int64], balance: Collection[str]
) -> npt.NDArray[np.float32]:
    """The weight of each sample in the loss, float32 (n,), whose mean is 1.

    Balanced polygons of a class weigh the same, whatever their numbers of samples, and together as much as the class has;
    balanced classes weigh the same.
    """
    weights = np.ones(len(classes))
    if "polygon" in balance:
        (own, _), place, count = np.unique(np.stack([classes, polygons]), axis=1, return_inverse=True, return_counts=True)
        per_polygon = np.bincount(classes)[own] / np.bincount(own)[own] / count
        weights = per_polygon[place.reshape(-1)]
    if "class" in balance:
        there, place, count = np.unique(classes, return_inverse=True, return_counts=True)
        weights *= (len(classes) / len(there) / count)[place]
    return weights.astype(np.float32)


def epoch_order(count: int, *, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch takes its samples, int64 (count,): a permutation that follows from seed and epoch."""
    return torch.from_numpy(np.random.default_rng((seed, epoch)).permutation(count))


def share(count: int, *, rank: int, ranks: int) -> slice:
    """The contiguous share of one process in a batch of `count` samples; the shares of all cover it without overlap."""
    return slice(count * rank // ranks, count * (rank + 1) // ranks)


def _blocks(table: Path) -> Iterator[tuple[Path, pa.RecordBatch]]:
    """All rows in their order, with the part file they come from."""
    for part in current_parts(table):
        with pq.ParquetFile(part, pre_buffer=False) as file:
            absent = [name for name in _COLUMNS if name not in file.schema_arrow.names]
            if absent:
                raise SitsparkError(f"{part}: is no samples table (no column {', '.join(absent)}); name another table")
            for group in range(file.num_row_groups):
                for rows in file.iter_batches(batch_size=_BLOCK, row_groups=[group], columns=list(_COLUMNS)):
                    yield part, rows


def _strings(rows: pa.RecordBatch, column: str) -> npt.NDArray[np.object_]:
    values: npt.NDArray[np.object_] = rows[column].to_numpy(zero_copy_only=False)
    return values


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


def _positions(rows: pa.RecordBatch, codes: tuple[int, ...], part: Path) -> npt.NDArray[np.int64]:
    """The position of each sample's label among the classes, int64 (n,)."""
    known, labels = np.asarray(codes), rows["label"].to_numpy()
    positions: npt.NDArray[np.intp] = np.searchsorted(known, labels).clip(max=len(known) - 1)
    _refuse(known[positions] != labels, rows, part, "has a label that is no class of the nomenclature")
    return positions.astype(np.int64)


def _refuse(faulty: npt.NDArray[np.bool_], rows: pa.RecordBatch, part: Path, fault: str) -> None:
    if faulty.any():
        sample = rows["sample_id"][int(np.argmax(faulty))]
        raise SitsparkError(f"{part}: sample {sample} {fault}; make the samples table again")


def _refuse_full_disk(tables: Sequence[Path], features: int, folder: Path) -> None:
    rows = sum(pq.read_metadata(part).num_rows for table in tables for part in current_parts(table))
    needed = rows * (4 * features + 12)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SitsparkError(
            f"{folder}: the samples may need {needed / 1e9:.1f} GB of local disk and {free / 1e9:.1f} GB are free; "
            "free some, or lower samples.per_class"
        )


def _mapped(stem: Path, features: int) -> Samples:
    """The files of one kind of samples as tensors; without a file of weights all weigh 1."""
    positions, values, weights = (stem.with_suffix(f".{what}") for what in ("positions", "features", "weights"))
    count = positions.stat().st_size // 8
    if count == 0:  # an empty file can't be mapped
        return Samples(torch.empty(0, features), torch.empty(0, dtype=torch.int64), torch.empty(0))
    return Samples(
        torch.from_file(str(values), size=count * features, dtype=torch.float32).reshape(count, features),
        torch.from_file(str(positions), size=count, dtype=torch.int64),
        torch.from_file(str(weights), size=count) if weights.exists() else torch.ones(count),
    )
