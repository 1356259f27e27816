"""Maps with networks on a GPU against the same on processors: features and network of made-up series, no files and no Spark.

    python tests/benchmarks/classify_on_gpu.py [--size 512] [--dates 24] [--networks mlp tempcnn] [--processes 1 8] [--pairs 3]

Each process has a window of ten bands, of which 30 % is clouded, gap-fills it onto the reference job's 37 dates (481
features of a pixel) and classifies it, again and again, on one thread; reading and writing files are left out. The table has
the pixels a second of the clock, of all processes together, in brackets of each core that they keep busy, and their ratio
(min, median, max); what share of pixels gets another class on the GPU; the seconds of the GPU for a million pixels, and what
share of its time that makes. Ends with a line of JSON.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from sitspark.errors import counted
from sitspark.grid import Chunk, Window
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.maps.chunk import rasters_of
from sitspark.maps.clock import Clock
from sitspark.maps.drawing import Drawing, Speaker
from sitspark.maps.products import CONFIDENCE, VALIDITY, classification
from sitspark.maps.views import ReadChunk, View
from sitspark.models.arithmetic import Arithmetic
from sitspark.models.gpu import Device, room_on_gpu, take_gpu
from sitspark.models.inference import Classifier, one_thread
from sitspark.models.networks.bank import build
from sitspark.models.statistics import Statistics
from sitspark.scenes.cube import Cube
from sitspark.scenes.reading import Stack
from sitspark.scenes.theia import L2A
from sitspark.timegrid import AcquisitionDates, TimeGrid

CLASSES = 23
DEVICES: tuple[Device, ...] = ("cpu", "cuda")
_START = date(2018, 1, 1)
_all_ready: Any = None  # of the processes that work together


@dataclass(frozen=True)
class Work:
    """What one process does."""

    network: str
    device: Device
    size: int
    dates: int
    seconds: float
    seed: int


@dataclass(frozen=True)
class Done:
    """Pixels, seconds of the clock and of cores, bytes of the GPU in all processes and the own peak, classes of the window."""

    pixels: int
    wall: float
    cpu: float
    of_gpu: int
    peak: int
    classes: npt.NDArray[np.generic]


def space() -> FeatureSpace:
    """481 features."""
    year, indices = TimeGrid(_START, _START + timedelta(days=360), 10), tuple(map(Index, ("ndvi", "ndwi", "brightness")))
    return FeatureSpace((SensorFeatures(L2A.sensor, L2A.bands, year, indices, L2A.red, L2A.nir, L2A.swir),))


def chunk(size: int, dates: int, seed: int) -> ReadChunk:
    """A window of made-up reflectances."""
    rng = np.random.default_rng(seed)
    offsets = np.linspace(0, 360, dates).round().astype(int).tolist()
    acquired = AcquisitionDates(tuple(_START + timedelta(days=offset) for offset in offsets))
    valid = (rng.random((dates, size, size)) < 0.7).astype(np.uint8)
    cube = Cube(rng.integers(0, 5000, (dates, len(L2A.bands), size, size)).astype(np.int16), valid, acquired.days)
    view = View("31TCJ", Stack((cube,), np.empty((0, size, size), np.float32)), np.empty((0, size, size), np.float32))
    return ReadChunk(Chunk("31TCJ", Window(0, 0, size, size)), (view,), np.ones((size, size), np.bool_), Clock())


def classifier(network: str, device: Device) -> Classifier:
    """One of random weights, as wide as published."""
    torch.manual_seed(0)
    built = build(network, space(), CLASSES)
    count = len(space())
    built.take(Statistics(1000, np.full(count, 2500.0), np.full(count, 1200.0)))
    return Classifier.of(built.eval(), tuple(range(1, CLASSES + 1)), arithmetic=Arithmetic(device=device))


def draw(work: Work) -> Done:
    """Draw the window once, wait for the other processes, and draw it as often as there is time."""
    if work.device == "cuda":
        take_gpu()
    read, features = chunk(work.size, work.dates, work.seed), space()
    model, wanted = classifier(work.network, work.device), (classification(range(CLASSES)), CONFIDENCE, VALIDITY)

    def once() -> npt.NDArray[np.generic]:
        drawing = Drawing.of([Speaker(model)], "mean", work.size**2, wanted)
        (rasters,) = rasters_of(read, features, [drawing], wanted, None)
        return rasters["classification"]

    with one_thread(), room_on_gpu():
        classes = once()
        _all_ready.wait()
        began, cpu, times = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began < work.seconds:
            once()
            times += 1
        wall, spent = time.perf_counter() - began, time.process_time() - cpu
        _all_ready.wait()
        free, whole = torch.cuda.mem_get_info() if work.device == "cuda" else (0, 0)
        _all_ready.wait()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return Done(times * work.size**2, wall, spent, whole - free, peak, classes)


def network_seconds(network: str) -> float:
    """The seconds that a GPU takes for a million pixels, from features in pinned memory to classes."""
    model = classifier(network, "cuda")
    features = torch.randn(model.batch, len(space()), pin_memory=True).numpy()
    spent = []
    for _ in range(10):
        began = time.perf_counter()
        model.classify(features)
        spent.append(time.perf_counter() - began)
    return statistics.median(spent) / model.batch * 1e6


def side_by_side(network: str, processes: int, given: argparse.Namespace) -> dict[Device, list[Done]]:
    """What processes do on each device, in turn, on the same windows."""
    spawning = multiprocessing.get_context("spawn")
    found: dict[Device, list[Done]] = {}
    for device in DEVICES:
        works = [Work(network, device, given.size, given.dates, given.seconds, seed) for seed in range(processes)]
        barrier = spawning.Barrier(processes)
        with ProcessPoolExecutor(processes, mp_context=spawning, initializer=_meet_at, initargs=(barrier,)) as pool:
            found[device] = list(pool.map(draw, works))
    return found


def _meet_at(barrier: Any) -> None:
    global _all_ready
    _all_ready = barrier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--networks", nargs="+", default=["mlp", "tempcnn", "ltae", "transformer"])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("classify_on_gpu.py: torch sees no GPU on this machine")
    print(f"{torch.cuda.get_device_name()}; pixels a second of the clock, (of a core)")
    told = {}
    for network, processes in product(given.networks, given.processes):
        ratios: list[float] = []
        rates: dict[Device, list[float]] = {device: [] for device in DEVICES}
        other = pixels = 0
        for _ in range(given.pairs):
            found = side_by_side(network, processes, given)
            for device, done in found.items():
                rates[device].append(sum(one.pixels / one.wall for one in done))
            ratios.append(rates["cuda"][-1] / rates["cpu"][-1])
            other += sum(int((a.classes != b.classes).sum()) for a, b in zip(found["cpu"], found["cuda"], strict=True))
            pixels += processes * given.size**2
        of_core = {device: sum(one.pixels for one in done) / sum(one.cpu for one in done) for device, done in found.items()}
        of_gpu = network_seconds(network)
        on_gpu = found["cuda"][0].of_gpu / processes
        peaks = {device: max(one.peak for one in done) for device, done in found.items()}
        lines = [f"{device} {statistics.median(rates[device]):>10,.0f} ({of_core[device]:,.0f})" for device in DEVICES]
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        busy = statistics.median(rates["cuda"]) * of_gpu / 1e6
        print(
            f"{network:<12} {counted(processes, 'process'):<12} {'; '.join(lines)}; x {low:.2f} / {middle:.2f} / {high:.2f}; "
            f"other class {other / pixels:.6%}; GPU {of_gpu:.3f} s a million pixels, busy {busy:.0%}, "
            f"{on_gpu / 1e9:.2f} GB of it a process; peak of a process {peaks['cuda'] / 1e9:.2f} GB "
            f"(cpu {peaks['cpu'] / 1e9:.2f})",
            flush=True,
        )
        told[f"{network} {processes}"] = {"ratio": [round(r, 2) for r in (low, middle, high)], "other": other / pixels}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
