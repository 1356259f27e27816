"""How much CPU time judging samples takes, and how much memory a process holds meanwhile.

    python tests/benchmarks/judge_samples.py --samples 100000 --features 481

One process, without Spark: the work of one core. Of each class there are as many reference polygons as there may be.
"""

import argparse
import json
import resource
import time

import numpy as np

from sitspark.kernels.quality import References, judge
from sitspark.samples.quality import POLYGONS, TURNS

ROWS = 8192  # samples judged at a time, as Spark hands them over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=481)
    parser.add_argument("--classes", type=int, default=23)
    parser.add_argument("--neighbours", type=int, default=5)
    given = parser.parse_args()
    random = np.random.default_rng(0)
    centres = random.normal(0, 1, (given.classes, given.features))
    labels = np.repeat(np.arange(given.classes), POLYGONS * TURNS)
    polygons = np.repeat(np.arange(given.classes * POLYGONS), TURNS)
    known = (centres[labels] + random.normal(0, 1, (len(labels), given.features))).astype(np.float32)
    started = time.process_time()
    references = References.of(known, labels, polygons, neighbours=given.neighbours)
    fitted = time.process_time() - started
    judge(known[:1], labels[:1], polygons[:1], references, neighbours=given.neighbours)  # compiled before time counts
    spent = 0.0
    for first in range(0, given.samples, ROWS):
        own = random.integers(0, given.classes, min(ROWS, given.samples - first))
        asked = (centres[own] + random.normal(0, 1, (len(own), given.features))).astype(np.float32)
        started = time.process_time()
        judge(asked, own, np.full(len(own), -1), references, neighbours=given.neighbours)
        spent += time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    figures = {"samples": given.samples, "features": given.features, "references_cpu_s": fitted, "judging_cpu_s": spent}
    print(json.dumps({name: round(value, 1) for name, value in figures.items()} | {"peak_mb": peak}))


if __name__ == "__main__":
    main()
