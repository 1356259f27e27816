"""Training in several processes against one: the same samples, batches and threads a process, in turn.

    python tests/benchmarks/train_in_processes.py [--samples 400000] [--batch 4096] [--epochs 5] [--pairs 3] [--processes 2]
        [--precision fp32]

Samples of 481 features, the reference job's network. Samples a second are those of the epochs after the first, in which
processes start and read. Ends with a line of JSON.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
from samples_table import NOMENCLATURE, write_samples

from sitspark.models.card import HISTORY
from sitspark.models.distributor import fit
from sitspark.models.job import TrainingJob
from sitspark.settings import SparkSettings, TrainingSettings
from sitspark.spark import session


def rate(job: TrainingJob, processes: int) -> float:
    """Samples a second of the median epoch after the first."""
    fit(replace(job, settings=job.settings.model_copy(update={"processes": processes})))
    return float(pd.read_parquet(job.folder / HISTORY)["samples_per_second"].iloc[1:].median())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=400_000)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        session(SparkSettings(master="local[1]"), log=Path(root) / "spark.log")  # type: ignore[call-arg]  # mypy sees no default
        settings = {
            "batch_size": options.batch,
            "epochs": options.epochs,
            "threads": 1,
            "precision": options.precision,
            "device": "cpu",
            "memory": 2.0,
            "learning_rate": 1e-5,
        }
        job = TrainingJob(
            model_id="benchmark",
            samples=write_samples(Path(root) / "samples", options.samples, monitored=False),
            folder=Path(root) / "model",
            scratch=Path(root) / "scratch",
            nomenclature=NOMENCLATURE,
            settings=TrainingSettings.model_validate(settings),
            seed=0,
        )
        pairs = []
        for _ in range(options.pairs):
            alone, together = rate(job, 1), rate(job, options.processes)
            pairs.append((alone, together))
            print(f"{alone:>12,.0f} samples/s   {together:>12,.0f}   x {together / alone:.2f}", flush=True)
    ratios = [together / alone for alone, together in pairs]
    told = {name: round(of(ratios), 3) for name, of in (("min", min), ("median", statistics.median), ("max", max))}
    alone, together = (round(statistics.median(rates)) for rates in zip(*pairs, strict=True))
    print(json.dumps({"processes": options.processes, "one": alone, "together": together, "ratio": told}))


if __name__ == "__main__":
    main()
