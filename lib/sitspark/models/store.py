"""The samples of one training as decoded files of local disk: any row can be read, and nothing has to be in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sitspark.models.statistics import QUANTILES, Statistics
from sitspark.settings import HeldAs

STATISTICS = "statistics.npz"  # written last: with it the folder is whole

_DTYPES: Mapping[HeldAs, torch.dtype] = {"float32": torch.float32, "float16": torch.float16}


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples of one kind: class positions int64 (n,), weights float32 (n,) of mean 1, and a file of features.

    `width` is the number of features of each, `dtype` what they are held as.
    """

    path: Path
    width: int
    positions: Tensor
    weights: Tensor
    dtype: torch.dtype = torch.float32

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def bytes_each(self) -> int:
        """What a sample's features take."""
        return self.width * self.dtype.itemsize

    @property
    def features(self) -> Tensor:
        """All features, `dtype` (n, width), mapped into memory."""
        if not len(self):  # an empty file can't be mapped
            return torch.empty(0, self.width, dtype=self.dtype)
        return torch.from_file(str(self.path), size=len(self) * self.width, dtype=self.dtype).reshape(-1, self.width)

    def read(self, rows: slice, into: Tensor) -> None:
        """Read the features of consecutive samples into a contiguous tensor, `dtype` (n, width), of the CPU."""
        # not through the map: pages that were read would count as memory of this process
        view = memoryview(into.numpy().view(np.uint8).reshape(-1))  # type: ignore[arg-type]  # arrays are buffers
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.bytes_each * rows.start)
            done = 0
            while done < len(view):
                count = file.readinto(view[done:])
                if not count:
                    raise EOFError(f"{self.path}: ends before sample {rows.stop}")
                done += count


@dataclass(frozen=True, slots=True, eq=False)
class SampleStore:
    """The samples of one training: those the model is fitted to, those that only choose the epoch; and statistics.

    The statistics are of the fitted samples alone.
    """

    fitted: Samples
    monitored: Samples
    statistics: Statistics

    @staticmethod
    def open(folder: Path, held_as: HeldAs = "float32") -> "SampleStore":
        """The files that `decode` wrote with features held as that."""
        with np.load(folder / STATISTICS) as saved:
            statistics = Statistics(int(saved["count"]), saved["mean"], saved["deviation"], saved["quantiles"])
        features = len(statistics.mean)
        fitted, monitored = (_samples(folder / kind, features, _DTYPES[held_as]) for kind in ("fitted", "monitored"))
        return SampleStore(fitted, monitored, statistics)


def save_statistics(folder: Path, statistics: Statistics) -> None:
    """Write the statistics, which makes the folder whole."""
    fields: Mapping[str, object] = {
        "count": statistics.count,
        "mean": statistics.mean,
        "deviation": statistics.deviation,
        "quantiles": statistics.quantiles,
    }
    assert statistics.quantiles.shape[0] == len(QUANTILES)
    partial = folder / f"partial-{STATISTICS}"
    np.savez(partial, **fields)  # type: ignore[arg-type]  # numbers become arrays
    partial.rename(folder / STATISTICS)


def _samples(stem: Path, features: int, dtype: torch.dtype) -> Samples:
    """The files of one kind of samples; without a file of weights all weigh 1."""
    positions = torch.from_numpy(np.fromfile(stem.with_suffix(".positions"), np.int64))
    weights = stem.with_suffix(".weights")
    return Samples(
        stem.with_suffix(".features"),
        features,
        positions,
        torch.from_numpy(np.fromfile(weights, np.float32)) if weights.exists() else torch.ones(len(positions)),
        dtype,
    )
