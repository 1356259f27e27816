"""Training on a table larger than its memory: the peak of one process, and how long until it takes its first step.

    python tests/benchmarks/train_in_bounds.py [--samples 2000000] [--epochs 1] [--memory 2] [--threads 1]

Samples of 481 features, 4 bytes each, are made straight as Parquet; a process of its own trains the mlp with --memory GB of
them. The first batch is there when decoding, statistics and the first part are done. Peak: of the whole process (VmHWM: torch
itself takes a third of a GB). Ends with a line of JSON.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from samples_table import NOMENCLATURE, write_samples

from sitspark.models.batches import Batches
from sitspark.models.card import read_card
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.settings import TrainingSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2_000_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--memory", type=float, default=2.0, help="GB, as training.memory")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", type=Path, help="of a process that trains on it; for the program itself")
    options = parser.parse_args()
    if options.table is not None:
        _train(options)
        return
    with tempfile.TemporaryDirectory() as root:
        table = write_samples(Path(root) / "samples", options.samples, monitored=True)
        os.sync()  # else the disk is still busy with the table when the training writes
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--table", str(table)], check=True)


def _train(options: argparse.Namespace) -> None:
    root = options.table.parent
    job = TrainingJob(
        model_id="benchmark",
        samples=options.table,
        folder=root / "model",
        scratch=root / "scratch",
        nomenclature=NOMENCLATURE,
        settings=TrainingSettings.model_validate(
            {"batch_size": 4096, "epochs": options.epochs, "threads": options.threads, "memory": options.memory}
        ),
        seed=0,
    )
    started, first = time.perf_counter(), list[float]()
    whole = Batches._batches

    def noting(self: Batches, *arguments: object):  # type: ignore[no-untyped-def]
        for batch in whole(self, *arguments):  # type: ignore[arg-type]
            first.append(time.perf_counter() - started)
            yield batch

    setattr(Batches, Batches._batches.__name__, noting)
    train(job)
    seconds = time.perf_counter() - started
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None
    card = read_card(job.folder)
    told = {
        "samples": options.samples,
        "first_batch_s": round(first[0], 1),
        "peak_gb": round(int(peak[1]) * 1024 / 1e9, 2),
        "seconds": round(seconds, 1),
        "samples_per_second": round(card.metrics.samples_per_second),
    }
    print(f"first batch after {told['first_batch_s']} s, peak {told['peak_gb']} GB, {told['samples_per_second']:,} samples/s")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
