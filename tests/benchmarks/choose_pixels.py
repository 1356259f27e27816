"""Choosing labelled pixels: CPU seconds, and the largest worker, for many polygons over full-size tiles.

    python tests/benchmarks/choose_pixels.py [--polygons 100000] [--per-class 100000] [--cores 2] [--runs 3]

Four tiles of 10 980 x 10 980 pixels that overlap as those of Sentinel-2 do, in chunks of 512; polygons of 23 classes with
ten to sixty vertices each, half a hectare to ten, and one lake of 200 000 vertices that reaches over 40 km. Timed is from the
polygons table to the chosen pixels on disk: the Sedona join with the chunks, counting, choosing. Charged is the CPU time of
every process, the JVM included; the start of the session and one warm-up are apart. Ends with a line of JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from process_tree import cpu_seconds, watched
from pyspark.sql import DataFrame, SparkSession

from sitspark.grid import ChunkShape, Grid, TileWindows, Window
from sitspark.marks import Marks
from sitspark.samples.choice import choose
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.samples.rules import Rule, Rules
from sitspark.samples.strategy import Strategy
from sitspark.scenes.chunk_plan import Coverage, chunk_frame
from sitspark.settings import SamplesSettings, SparkSettings
from sitspark.spark import session
from sitspark.workflow.tables import write_table

SIDE, STEP = 10_980, 9_990  # pixels of a tile, and to its neighbour
WHOLE = STEP + SIDE
GRID = Grid("EPSG:32631", 300_000, 4_900_020, 10, WHOLE, WHOLE)
CLASSES = 23
ROWS = 20_000  # polygons written at a time


def coverage() -> Coverage:
    """Four tiles of one year."""
    windows = [Window(row, col, SIDE, SIDE) for row in (0, STEP) for col in (0, STEP)]
    tiles = {name: TileWindows(w, w) for name, w in zip(("31TCK", "31TDK", "31TCJ", "31TDJ"), windows, strict=True)}
    return Coverage(GRID, tiles, {"sentinel2": (date(2018, 1, 1), date(2018, 12, 31))}, 60)


def write_polygons(target: Path, count: int) -> None:
    """A polygons table as the stage ground_truth leaves it."""
    rng = np.random.default_rng(0)
    target.mkdir()
    for first in range(0, count, ROWS):
        number = min(ROWS, count - first)
        outlines = [star(rng, rng.uniform(40, 180), int(rng.integers(10, 60))) for _ in range(number)]
        write_part(target / f"part-{first:07d}.parquet", first, outlines, rng.integers(1, CLASSES + 1, number))
    lake = star(np.random.default_rng(1), 20_000, 200_000, ragged=1e-4)
    write_part(target / "part-lake.parquet", count, [lake], np.array([1]))


def star(rng: np.random.Generator, radius: float, vertices: int, *, ragged: float = 0.1) -> shapely.Polygon:
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radii = radius * rng.uniform(1 - ragged, 1 + ragged, vertices)
    x, y = GRID.left + rng.uniform(0, 10 * WHOLE), GRID.top - rng.uniform(0, 10 * WHOLE)
    return shapely.Polygon(np.column_stack([x + radii * np.cos(angle), y + radii * np.sin(angle)]))


def write_part(path: Path, first: int, outlines: list[shapely.Polygon], labels: np.ndarray) -> None:
    ids = np.arange(first, first + len(outlines))
    pq.write_table(
        pa.table(
            {
                "polygon_id": ids,
                "piece_id": [f"{number}_0" for number in ids],
                "label": pa.array(labels.astype(np.int32)),
                "tile": ["31TCJ"] * len(ids),
                "fold": ["31TCJ"] * len(ids),
                "split": np.where(ids % 4 == 0, "validation", "train"),
                "monitored": ids % 5 == 1,
                "area_m2": shapely.area(outlines),
                "wkb": shapely.to_wkb(outlines),
            }
        ),
        path,
    )


def chosen(spark: SparkSession, polygons: Path, chunks: DataFrame, settings: SamplesSettings, scratch: Path) -> int:
    """Choose and write; gives the number of labelled pixels."""
    marks = Marks(scratch / "marks")
    shutil.rmtree(marks.folder, ignore_errors=True)
    marks.folder.mkdir(parents=True)
    table = spark.read.parquet(str(polygons)).selectExpr("* except (wkb)", "ST_GeomFromWKB(wkb) as geometry")
    pieces = pieces_by_chunk(table, chunks, GRID).cache()
    rules = Rules(Rule(Strategy("constant", settings.per_class)))
    choice = choose(pieces, GRID, settings, rules=rules, codes=range(1, CLASSES + 1), seed=0, marks=marks)
    write_table(choice.pixels, scratch / "chosen")
    choice.release()
    pieces.unpersist()
    return sum(quota.available for quota in choice.quotas.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polygons", type=int, default=100_000)
    parser.add_argument("--per-class", type=int, default=100_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sitspark-choose-") as folder:
        scratch = Path(folder)
        write_polygons(scratch / "polygons", given.polygons)
        write_polygons(scratch / "few", 500)
        settings = SparkSettings(master=f"local[{given.cores}]")  # type: ignore[call-arg]  # mypy sees no default in Field(x)
        spark = session(settings, log=scratch / "spark.log")
        chunks = chunk_frame(spark, coverage(), ChunkShape.square(512)).cache()
        print(f"{chunks.count()} chunks, {given.polygons} polygons")
        spent: dict[str, list[float]] = {"periodic": [], "random": []}
        peaks = []
        for sampler in spent:
            chosen(spark, scratch / "few", chunks, SamplesSettings.model_validate({"sampler": sampler}), scratch)
        print(f"{'':>9} {'wall s':>7} {'CPU s':>7} {'MB':>6} {'labelled':>10}")
        for _ in range(given.runs):
            for sampler in spent:
                asked = SamplesSettings.model_validate({"sampler": sampler, "per_class": given.per_class})
                cpu, wall = cpu_seconds(os.getpid()), time.monotonic()
                with watched() as peak:
                    labelled = chosen(spark, scratch / "polygons", chunks, asked, scratch)
                cpu, wall = cpu_seconds(os.getpid()) - cpu, time.monotonic() - wall
                spent[sampler].append(cpu)
                peaks.append(peak[0])
                print(f"{sampler:>9} {wall:>7.1f} {cpu:>7.1f} {peak[0]:>6} {labelled:>10}", flush=True)
    medians = {sampler: round(statistics.median(found), 1) for sampler, found in spent.items()}
    print(json.dumps({"polygons": given.polygons, "cpu_s": medians, "worker_mb": max(peaks)}))


if __name__ == "__main__":
    main()
