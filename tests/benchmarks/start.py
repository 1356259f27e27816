"""Until the first Python worker answers: how long Java, Spark, Sedona and that worker take to start, in turn.

    python tests/benchmarks/start.py [--pairs 3] [--join 1000000]

Each is a process of its own that starts a session on two cores, as the commands do, and has a Python worker take a row:

    as it is       classes from the archive (`python -m sitspark.class_archive`), methods optimised late
    no archive     classes loaded and verified from their JARs
    neither        as Spark starts by default

Seconds until the session is there, until the worker has answered, and CPU seconds of the JVM up to then; with --join also
seconds of a join of so many buffers with a tenth of points, which is Sedona's work. Ends with a line of JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import functions as F

LEFT_OUT: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no archive": {"CLASS_ARCHIVE": Path("none")},
    "neither": {"CLASS_ARCHIVE": Path("none"), "LATE_OPTIMISING": ()},
}


def one_start(variant: str, buffers: int) -> dict[str, float]:
    """Start in this process."""
    began = time.perf_counter()
    from sitspark import java, spark
    from sitspark.settings import SparkSettings

    for name, nothing in LEFT_OUT[variant].items():
        setattr(java, name, nothing)
    settings = SparkSettings.model_validate({"master": "local[2]", "driver_memory": "2g"})
    with tempfile.TemporaryDirectory() as folder:
        session = spark.session(settings, log=Path(folder) / "spark.log")
        started = time.perf_counter() - began
        session.range(1).mapInArrow(_the_same, "id long").collect()
        answered = time.perf_counter() - began
        gateway: Any = session.sparkContext._gateway
        jvm = Path(f"/proc/{gateway.proc.pid}/stat").read_text().rpartition(")")[2].split()
        joined = _join_seconds(session, buffers) if buffers else 0.0
    return {
        "session_seconds": started,
        "worker_seconds": answered,
        "jvm_cpu_seconds": (int(jvm[11]) + int(jvm[12])) / os.sysconf("SC_CLK_TCK"),
        "join_seconds": joined,
    }


def _join_seconds(session: Any, buffers: int) -> float:
    began = time.perf_counter()
    circles = session.range(buffers).selectExpr("ST_Buffer(ST_Point(id % 1000, id div 1000), 0.7) as circle")
    points = session.range(buffers // 10).selectExpr("ST_Point(rand(1) * 1000, rand(2) * 1000) as point")
    circles.join(points, F.expr("ST_Intersects(circle, point)")).selectExpr("sum(ST_Area(circle))").collect()
    return time.perf_counter() - began


def _the_same(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
    yield from batches


def in_a_process(variant: str, buffers: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", variant, "--join", str(buffers)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--join", type=int, default=0)
    parser.add_argument("--one", choices=LEFT_OUT, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_start(options.one, options.join)))
        return
    found: dict[str, list[dict[str, float]]] = {variant: [] for variant in LEFT_OUT}
    for pair in range(options.pairs):
        for variant in LEFT_OUT:
            found[variant].append(in_a_process(variant, options.join))
            print(f"pair {pair}: {variant}: " + ", ".join(f"{key} {value:.2f}" for key, value in found[variant][-1].items()))
    result = {
        variant: {key: [round(f([one[key] for one in starts]), 2) for f in (min, statistics.median, max)] for key in starts[0]}
        for variant, starts in found.items()
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
