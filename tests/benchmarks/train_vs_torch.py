"""Training against a bare torch loop on tensors in memory: the same network, batches and threads, in turn, in one process.

    python tests/benchmarks/train_vs_torch.py [--samples 200000] [--batch 4096] [--epochs 4] [--pairs 5] [--threads 1]
        [--network mlp] [--device cpu] [--precision fp32] [--memory 2]

The bare loop permutes, indexes, and takes a step of Adam, nothing else. Ours reads the samples table (481 features; from the
page cache), standardises, weighs, looks for losses that aren't finite and notes each epoch. Ratios of samples a second: of the
first epoch with all that comes before it (reading, statistics), of the later ones, and of the whole training. On a GPU also the
share of it that kernels and copies take, loading included, and the share that steps on one batch at hand would save. Ends with
a line of JSON.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import torch
from samples_table import CLASSES, NOMENCLATURE, SPACE, write_samples
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

from sitspark.models.batches import Batch, Batches, pieces
from sitspark.models.card import HISTORY, read_card
from sitspark.models.decode import store_of
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.networks.bank import build
from sitspark.settings import TrainingSettings


class Bare:
    """A loop as one writes it for tensors in memory."""

    def __init__(self, job: TrainingJob, device: torch.device) -> None:
        self._store = store_of(job)
        fitted = self._store.fitted
        self._features, self._positions = fitted.features.clone().to(device), fitted.positions.to(device)
        self._batch, self._device = job.settings.batch_size, device
        self._bf16 = job.settings.precision == "bf16"
        self._network = build(str(job.settings.network), SPACE, CLASSES)
        self._network.take(self._store.statistics)
        self._network.to(device)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=job.settings.learning_rate)

    def rate(self) -> float:
        """Samples a second of one epoch."""
        self._network.train()
        started = time.perf_counter()
        for members in torch.randperm(len(self._positions), device=self._device).split(self._batch):
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                scores = self._network(self._features[members])
            loss = F.cross_entropy(scores.float(), self._positions[members])
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return len(self._positions) / (time.perf_counter() - started)


def ours(job: TrainingJob) -> dict[str, float]:
    """Samples a second of the first epoch with what comes before it, of the later ones, and of all."""
    shutil.rmtree(job.scratch, ignore_errors=True)
    shutil.rmtree(job.folder, ignore_errors=True)
    train(job)
    card, history = read_card(job.folder), pd.read_parquet(job.folder / HISTORY)
    count = sum(c.train for c in card.classes)
    later = history["seconds"].iloc[1:].sum()
    return {
        "first epoch with reading": count / (card.seconds - later),
        "later epochs": float(history["samples_per_second"].iloc[1:].median()),
        "whole training": count * len(history) / card.seconds,
    }


def gpu_shares(job: TrainingJob) -> dict[str, float]:
    """Of the time of learning: what kernels and copies take of all epochs, loading included, and what a batch at hand saves."""
    seconds = 1 / ours(job)["later epochs"]
    shuffled_batches = Batches._batches

    def one_again_and_again(self: Batches, shuffled: Any) -> Iterator[Batch]:
        first = next(shuffled_batches(self, shuffled))
        return (first for _ in pieces(0, len(shuffled.order), self.size))

    with patch.object(Batches, "_batches", one_again_and_again):
        without = 1 / ours(job)["later epochs"]
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as seen:
        ours(job)
    on_gpu = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
    count = job.settings.epochs * sum(c.train for c in read_card(job.folder).classes)
    return {"kernels and copies": on_gpu / count / seconds, "one batch would save": 1 - without / seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--network", default="mlp")
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--memory", type=float, default=2.0, help="GB, as training.memory")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if options.device == "gpu" else "cpu")
    with tempfile.TemporaryDirectory() as root:
        job = TrainingJob(
            model_id="benchmark",
            samples=write_samples(Path(root) / "samples", options.samples, monitored=False),
            folder=Path(root) / "model",
            scratch=Path(root) / "scratch",
            nomenclature=NOMENCLATURE,
            settings=TrainingSettings.model_validate(
                {
                    "network": options.network,
                    "batch_size": options.batch,
                    "epochs": options.epochs,
                    "threads": options.threads,
                    "device": options.device,
                    "precision": options.precision,
                    "memory": options.memory,
                    "learning_rate": 1e-5,
                }
            ),
            seed=0,
        )
        bare = Bare(job, device)
        ratios: dict[str, list[float]] = {}
        rates: dict[str, list[float]] = {}
        bare.rate()  # the first pass pays for allocations
        for _ in range(options.pairs):
            before, found, after = bare.rate(), ours(job), bare.rate()
            rates.setdefault("bare loop", []).append((before + after) / 2)
            for name, rate in found.items():
                rates.setdefault(name, []).append(rate)
                ratios.setdefault(name, []).append(2 * rate / (before + after))
        shares = gpu_shares(job) if device.type == "cuda" else {}
    told: dict[str, object] = {}
    for name, share in shares.items():
        print(f"{name:<26}{share:>12.1%} of an epoch")
        told[name] = round(share, 3)
    for name, values in rates.items():
        ratio = ratios.get(name)
        spread, noted = "", {"samples_per_second": round(statistics.median(values))}
        told[name] = noted
        if ratio:
            told[name] = noted | {"ratio": [round(f(ratio), 3) for f in (min, statistics.median, max)]}
            spread = f"   x bare: {min(ratio):.2f} / {statistics.median(ratio):.2f} / {max(ratio):.2f}"
        print(f"{name:<26}{statistics.median(values):>12,.0f} samples/s{spread}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
