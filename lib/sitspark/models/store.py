"""Training samples in memory-mapped files: exact random access, while resident memory stays the page cache's business."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from sitspark.errors import SitsparkError
from sitspark.models.samples_table import SampleBlock, read_blocks


@dataclass(frozen=True, slots=True)
class SampleStore:
    """Samples of one set: features float32 (samples, features) and the position of each one's class, int64."""

    features: npt.NDArray[np.float32]
    target: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the training samples: mean and deviation of each feature, float64; deviation 1 where a feature is constant."""

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What trains, what only chooses the epoch, and the statistics of the former."""

    train: SampleStore
    monitored: SampleStore
    statistics: Statistics


def fill(table: Path, scratch: Path, codes: tuple[int, ...], *, left_out: str | None) -> None:
    """Copy the training samples of a table into `scratch`, without those of the fold `left_out`.

    Samples whose split is not 'train' never enter. Raises SitsparkError when nothing is left, or for a class that the
    nomenclature doesn't have.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    counts = {"train": 0, "monitored": 0}
    total = squares = None
    positions = np.asarray(codes)
    with (
        (scratch / "train.features").open("wb") as train_features,
        (scratch / "train.target").open("wb") as train_target,
        (scratch / "monitored.features").open("wb") as monitored_features,
        (scratch / "monitored.target").open("wb") as monitored_target,
    ):
        files = {False: (train_features, train_target), True: (monitored_features, monitored_target)}
        for block in read_blocks(table):
            wanted = (block.split == "train") & (block.fold != left_out)
            target = _positions(block, wanted, positions, table)
            for monitored, (features_file, target_file) in files.items():
                chosen = wanted & (block.monitored == monitored)
                rows = np.ascontiguousarray(block.features[chosen])
                rows.tofile(features_file)
                target[chosen].tofile(target_file)
                counts["monitored" if monitored else "train"] += len(rows)
                if not monitored:
                    exact = rows.astype(np.float64)
                    total = exact.sum(axis=0) + (0 if total is None else total)
                    squares = (exact**2).sum(axis=0) + (0 if squares is None else squares)
    if counts["train"] == 0 or total is None or squares is None:
        raise SitsparkError(
            f"{table}: holds no training sample" + (f" outside tile {left_out}" if left_out else "") + "; label more polygons"
        )
    mean = total / counts["train"]
    # rounding may leave a tiny negative variance
    deviation = np.sqrt(np.maximum(squares / counts["train"] - mean**2, 0))
    deviation[deviation <= 1e-6 * np.maximum(np.abs(mean), 1)] = 1
    # the file that says the others are complete
    np.savez(
        scratch / "statistics.npz",
        mean=mean,
        deviation=deviation,
        train=counts["train"],
        monitored=counts["monitored"],
    )


def _positions(
    block: SampleBlock, wanted: npt.NDArray[np.bool_], codes: npt.NDArray[np.int64], table: Path
) -> npt.NDArray[np.int64]:
    position = np.searchsorted(codes, block.label).clip(max=len(codes) - 1).astype(np.int64)
    strange = wanted & (codes[position] != block.label)
    if strange.any():
        raise SitsparkError(
            f"{table}: holds class {block.label[strange][0]}, which classes.nomenclature doesn't; add it, or make the "
            "samples table again"
        )
    return position


def open_data(scratch: Path) -> TrainingData:
    """Map what `fill` wrote."""
    with np.load(scratch / "statistics.npz") as found:
        statistics = Statistics(found["mean"], found["deviation"])
        counts = {name: int(found[name]) for name in ("train", "monitored")}
    width = len(statistics.mean)

    def mapped(name: str) -> SampleStore:
        count = counts[name]
        if count == 0:
            return SampleStore(np.empty((0, width), np.float32), np.empty(0, np.int64))
        return SampleStore(
            np.memmap(scratch / f"{name}.features", np.float32, "r", shape=(count, width)),
            np.fromfile(scratch / f"{name}.target", np.int64),
        )

    return TrainingData(mapped("train"), mapped("monitored"), statistics)


def batches(
    count: int, size: int, *, seed: int, epoch: int, rank: int = 0, ranks: int = 1
) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """This rank's share of every global batch of an epoch, and the size of the global batch.

    The order follows from seed and epoch alone; a rank takes a contiguous share, so that all shares together are the
    same batches for any number of ranks.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    for start in range(0, count, size):
        batch = order[start : start + size]
        yield np.array_split(batch, ranks)[rank], len(batch)


def features_range(table: Path) -> str:
    """The smallest and largest feature of a table and how many aren't finite, for an error message."""
    low, high, strange = np.inf, -np.inf, 0
    for block in read_blocks(table):
        finite = np.isfinite(block.features)
        strange += int((~finite).sum())
        low = min(low, float(block.features[finite].min(initial=np.inf)))
        high = max(high, float(block.features[finite].max(initial=-np.inf)))
    return f"features range from {low:g} to {high:g}, {strange} values are not finite"


def rows_of(table: Path) -> int:
    """The number of samples of a table, from the file headers."""
    return sum(pq.read_metadata(part).num_rows for part in table.glob("*.parquet"))
