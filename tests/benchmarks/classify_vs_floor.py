"""The stage `classify` against the floor: the same scenes, the same weights, CPU seconds side by side.

    python tests/benchmarks/classify_vs_floor.py [--size 2048] [--dates 24] [--pairs 5] [--chunk 512] [--cores 2]
        [--variants bf16 int8 four_models] [--half-clouded]

Each pair runs, in turn, the floor (floor.py in a process of its own) and the Spark job of the stage (local[1], chunk plan
by Sedona, mapInPandas, a record and three GeoTIFFs a chunk, all checked in the end). The floor counts its own CPU seconds
without imports and compiling; the job is charged with user and system time of every process, the JVM and Python workers
included, from the plan to the last check. Starting the session and one warm-up job are apart. Scene files get a new date
before each job, so that it opens them anew as the floor does. With --variants each pair also runs the job in bfloat16, in
eight bits, or with four models in one pass. With --cores the job is timed by the clock on so many cores, on one as it is (a
task reads ahead in a thread, for which it uses a second core if there is one), and with all its processes on a single core.
With --half-clouded half of the dates are wholly clouded in half of the blocks: the floor reads everything, the job no band
without a clear pixel in its chunk.

Ends with a line of JSON. Fails if the two maps differ in more than 1 % of the pixels: the floor leaves 20 m bands to
GDAL, and sitspark to a kernel that may differ by one digital number.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import torch
from process_tree import confined, cpu_seconds
from pyspark.sql import SparkSession
from random_model import write_random_model
from timing_scenes import write_scenes

from sitspark.features.recipe import Recipe
from sitspark.grid import ChunkShape
from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.location import Location
from sitspark.maps import products
from sitspark.maps.chunk import MapTarget
from sitspark.maps.classify import Pass, classify, tasks_of
from sitspark.maps.record import ChunkRecord, committed
from sitspark.marks import Marks
from sitspark.models.arithmetic import FP32, Arithmetic
from sitspark.models.card import WEIGHTS, read_card
from sitspark.models.committee import Member
from sitspark.scenes.catalogue import catalogue
from sitspark.scenes.chunk_plan import Coverage, chunk_frame, chunk_plan, coverage
from sitspark.scenes.layouts import Selection
from sitspark.scenes.listing import list_archive
from sitspark.scenes.reading import Reading
from sitspark.scenes.theia import L2A as LAYOUT
from sitspark.settings import GridSettings, ScenesSettings, SparkSettings
from sitspark.spark import session
from sitspark.timegrid import TimeGrid
from sitspark.workflow.tables import read_table, write_table

STEP = 10  # days, as the floor's
INDICES = ("ndvi", "ndwi", "brightness")
_VARIANTS: dict[str, dict[str, Any]] = {
    "bf16": {"arithmetic": Arithmetic("bf16")},
    "int8": {"arithmetic": Arithmetic("int8", 3.7)},  # a reach as trained models have it
    "four_models": {"models": 4},
}
DIFFERENT = 0.01  # share of pixels in which the two maps may differ


@dataclass(frozen=True, slots=True)
class Job:
    """What a classify job of the benchmark needs besides a session."""

    covered: Coverage
    grid: GridSettings
    shape: ChunkShape
    scenes_table: Path
    reading: Reading
    space: FeatureSpace
    model: Path
    chunks: Path


@dataclass(frozen=True, slots=True)
class Timed:
    """One run: CPU and elapsed seconds."""

    cpu: float
    wall: float


@contextmanager
def local_session(cores: int, log: Path) -> Iterator[SparkSession]:
    """A session of so many cores, and only for this block."""
    spark = session(SparkSettings(master=f"local[{cores}]"), log=log)  # type: ignore[call-arg]
    try:
        yield spark
    finally:
        spark.stop()


def prepared(spark: SparkSession, tile: Path, scratch: Path, chunk: int) -> Job:
    """The scenes table, and a model of random weights that fits it."""
    table, model, chunks = scratch / "tables" / "scenes", scratch / "model", scratch / "chunks"
    settings = ScenesSettings(folder=Location.of(tile.parent))  # type: ignore[call-arg]
    marks = Marks(scratch / "marks")
    marks.folder.mkdir(exist_ok=True)
    grid = GridSettings()  # type: ignore[call-arg]
    scenes = catalogue(spark, list_archive(settings), Selection.of(settings), scratch=scratch, marks=marks)
    write_table(scenes, table, crs="EPSG:4326")
    covered = coverage(read_table(spark, table), grid, leading=LAYOUT.sensor)
    reading = Reading((Selection.of(settings),), LAYOUT.sensor, grid.interpolator, covered.grid)
    dates = TimeGrid(covered.period.first, covered.period.last, STEP)
    series = SensorFeatures(LAYOUT.sensor, LAYOUT.bands, dates, tuple(map(Index, INDICES)), LAYOUT.red, LAYOUT.nir, LAYOUT.swir)
    space = FeatureSpace((series,))
    write_random_model(model, table, reading, space, tile=next(iter(covered.tiles)))
    return Job(covered, grid, ChunkShape.square(chunk), table, reading, space, model, chunks)


def run_classify(
    spark: SparkSession, job: Job, *, cores: int, arithmetic: Arithmetic = FP32, models: int = 1
) -> tuple[Timed, list[ChunkRecord]]:
    """The work of the stage `classify`: plan, Spark job, and the check of all that was written; with several models at once."""
    shutil.rmtree(job.chunks, ignore_errors=True)
    folders = [job.chunks / str(number) for number in range(models)]
    for folder in folders:
        folder.mkdir(parents=True)
    cpu, wall = cpu_seconds(os.getpid()), time.monotonic()
    chunks = chunk_frame(spark, job.covered, job.shape)
    plan = chunk_plan(chunks, read_table(spark, job.scenes_table), leading=LAYOUT.sensor).cache()
    codes = read_card(job.model).nomenclature.codes
    wanted = (products.classification(codes), products.CONFIDENCE, products.VALIDITY)
    targets = tuple(MapTarget(folder, (Member(job.model, arithmetic=arithmetic),)) for folder in folders)
    imagery = Pass(job.scenes_table, job.reading, Recipe(job.space), targets, wanted, {})
    classify(plan, imagery, tasks=tasks_of(plan.count(), cores)).write.format("noop").mode("overwrite").save()
    spark.catalog.clearCache()
    written = [committed(folder) for folder in folders]
    return Timed(cpu_seconds(os.getpid()) - cpu, time.monotonic() - wall), written[0]


def run_floor(tile: Path, job: Job, out: Path) -> dict[str, float]:
    """The floor's own account."""
    floor = Path(__file__).with_name("floor.py")
    command = (sys.executable, floor, tile, "--weights", job.model / WEIGHTS, "--out", out)
    answer = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    account: dict[str, float] = json.loads(answer.splitlines()[-1])
    return account


def age(tile: Path) -> None:
    """Give every scene file the date of now."""
    for path in tile.rglob("*.tif"):
        os.utime(path)


def map_of(records: list[ChunkRecord], chunks: Path, job: Job) -> npt.NDArray[np.uint8]:
    """The class map that the chunks make."""
    drawn = np.zeros((job.covered.grid.height, job.covered.grid.width), np.uint8)
    for record in records:
        rows, cols = slice(record.row, record.row + record.height), slice(record.col, record.col + record.width)
        drawn[rows, cols] = products.read_chunk(chunks / record.files["classification"].name)
    return drawn


def equal_share(tile: Path, job: Job, records: list[ChunkRecord], floor_map: Path) -> tuple[float, int]:
    """The share of pixels with the same class, where sitspark classifies; and how many classes there are."""
    drawn = map_of(records, job.chunks / "0", job)
    with rasterio.open(floor_map) as raster:
        expected = raster.read(1)
    known = drawn > 0
    return float((drawn[known] == expected[known]).mean()), len(np.unique(drawn[known]))


def spread(values: list[float], digits: int = 2) -> dict[str, float]:
    """Smallest, median and largest."""
    return {
        name: round(function(values), digits) for name, function in (("min", min), ("median", statistics.median), ("max", max))
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="pixels a side at 10 m")
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--chunk", type=int, default=512, help="side of a chunk of `classify`; the floor keeps its own")
    parser.add_argument("--cores", type=int, default=0, help="run the job on so many cores too and compare elapsed times")
    parser.add_argument("--variants", nargs="*", default=[], choices=_VARIANTS, help="also the job in these variants")
    parser.add_argument("--half-clouded", action="store_true", help="half of the dates see nothing of half of the blocks")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "sitspark_benchmark")
    given = parser.parse_args()
    torch.set_num_threads(1)
    scratch: Path = given.scratch
    folder = scratch / f"scenes_{given.size}_{given.dates}{'_half_clouded' if given.half_clouded else ''}"
    tile = write_scenes(folder, size=given.size, dates=given.dates, overcast=given.chunk if given.half_clouded else 0)
    floor_map, log = scratch / "floor.tif", scratch / "spark.log"
    pixels = given.size**2

    floors: list[dict[str, float]] = []
    jobs: list[Timed] = []
    variants: dict[str, list[float]] = {}
    confined_walls: list[float] = []
    with local_session(1, log) as spark:
        job = prepared(spark, tile, scratch, given.chunk)
        first, _ = run_classify(spark, job, cores=1)
        print(f"first job in a new session, with imports: {first.cpu:.1f} CPU s, apart from the pairs", flush=True)
        print(f"{'pair':>4} {'floor':>8} {'classify':>9} {'ratio':>6}   CPU seconds", flush=True)
        for pair in range(given.pairs):
            floors.append(run_floor(tile, job, floor_map))
            age(tile)
            for name in given.variants:
                age(tile)
                variant, _ = run_classify(spark, job, cores=1, **_VARIANTS[name])
                variants.setdefault(name, []).append(variant.cpu / floors[-1]["cpu_total_s"])
            age(tile)
            timed, records = run_classify(spark, job, cores=1)
            jobs.append(timed)
            ratio = timed.cpu / floors[-1]["cpu_total_s"]
            print(f"{pair + 1:>4} {floors[-1]['cpu_total_s']:>8.2f} {timed.cpu:>9.2f} {ratio:>6.3f}", flush=True)
            if given.cores:
                age(tile)
                with confined(os.getpid(), 1):
                    confined_walls.append(run_classify(spark, job, cores=1)[0].wall)
    same, classes = equal_share(tile, job, records, floor_map)
    seconds = {phase: round(sum(r.seconds.get(phase, 0.0) for r in records), 2) for phase in records[0].seconds}
    result = {
        "pixels": pixels,
        "dates": given.dates,
        "features": len(job.space),
        "chunk": given.chunk,
        "pairs": given.pairs,
        "ratio": spread([j.cpu / f["cpu_total_s"] for j, f in zip(jobs, floors, strict=True)], 3),
        **{f"ratio_{name}": spread(ratios, 3) for name, ratios in variants.items()},
        "floor_cpu_s": spread([f["cpu_total_s"] for f in floors]),
        "classify_cpu_s": spread([j.cpu for j in jobs]),
        "floor_pixels_per_core_s": spread([pixels / f["cpu_total_s"] for f in floors], 0),
        "classify_pixels_per_core_s": spread([pixels / j.cpu for j in jobs], 0),
        "floor_cpu_s_by_phase": floors[-1]["cpu_s"],
        "worker_wall_s_by_phase": seconds,
        "floor_peak_mb": max(f["peak_mb"] for f in floors),
        "worker_peak_mb": max(r.peak_mb for r in records),
        "equal_pixels": round(same, 5),
        "classes_drawn": classes,
    }
    if given.cores:
        with local_session(given.cores, log) as spark:
            run_classify(spark, job, cores=given.cores)
            walls = []
            for _ in range(given.pairs):
                age(tile)
                walls.append(run_classify(spark, job, cores=given.cores)[0].wall)
        elapsed = {"on a single core": confined_walls, "local[1]": [j.wall for j in jobs], f"local[{given.cores}]": walls}
        result["wall_s"] = {name: spread(seconds) for name, seconds in elapsed.items()}
        together, confined_to_one, alone = (statistics.median(s) for s in (walls, confined_walls, elapsed["local[1]"]))
        result["of_local_1"] = round(together / alone, 3)
        result["of_a_single_core"] = round(together / confined_to_one, 3)
    for name in (
        "ratio",
        *(f"ratio_{name}" for name in variants),
        "floor_cpu_s",
        "classify_cpu_s",
        "floor_pixels_per_core_s",
        "classify_pixels_per_core_s",
    ):
        figures = result[name]
        print(f"{name:<28} min {figures['min']:>9}  median {figures['median']:>9}  max {figures['max']:>9}")
    print(f"{'peak memory':<28} floor {result['floor_peak_mb']} MB, worker {result['worker_peak_mb']} MB")
    print(f"{'equal pixels':<28} {same:.3%} of those classified, {classes} classes")
    if given.cores:
        for name, figures in result["wall_s"].items():
            print(f"{'elapsed s, ' + name:<28} min {figures['min']:>9}  median {figures['median']:>9}  max {figures['max']:>9}")
    print(json.dumps(result))
    if same < 1 - DIFFERENT:
        print(f"the maps differ in {1 - same:.2%} of the pixels, more than {DIFFERENT:.0%}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
