"""A million labelled polygons: `ground-truth check --fix` on Spark against geopandas, one process, doing the same.

    python tests/benchmarks/check_polygons.py [--polygons 1000000] [--cores 2] [--suffix .gpkg] [--runs 3]

Polygons of 16 corners, one a square of 60 m, with bow-ties, copies, features of two parts and null geometries among them.
geopandas reads, repairs, explodes, drops duplicates, joins for overlaps of different labels, intersects and writes; Spark
does that, finds slivers, holes, pixel centres and the rest, and writes what it rejected and a report too. In turn, `runs`
times. Wall and CPU seconds, the start of the session and of geopandas apart; Spark's first run has its Python workers to
start. Memory is the peak of geopandas' process, of the JVM, of the driver's Python and of the largest worker. Ends with a
line of JSON.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely
from process_tree import cpu_seconds, watched
from pyspark.sql import SparkSession

from sitspark.ground_truth.sources import Source
from sitspark.settings import SparkSettings
from sitspark.spark import session
from sitspark.workflow.check_ground_truth import Request, check_ground_truth

CRS = "EPSG:32631"
_CORNERS = 16
_STEP = 60.0


def write_polygons(path: Path, count: int) -> None:
    """Star-shaped polygons, of which each fault has a share of 0.5 %."""
    rng = np.random.default_rng(0)
    number, side, few = np.arange(count), int(np.ceil(count**0.5)), max(count // 200, 1)
    centre = np.column_stack([400_000 + number % side * _STEP, 5_000_000 - number // side * _STEP])
    centre += rng.uniform(-10, 10, centre.shape)
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False) + rng.uniform(0, 0.3, (count, 1))
    radius = rng.uniform(15, 29, angle.shape)
    corners = centre[:, None] + radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    crossed = rng.choice(count, few, replace=False)
    corners[crossed, 2], corners[crossed, 9] = corners[crossed, 9].copy(), corners[crossed, 2].copy()
    copies = rng.choice(count, few, replace=False)
    corners[copies] = corners[rng.choice(count, few, replace=False)]
    outlines = np.asarray(shapely.polygons(np.concatenate([corners, corners[:, :1]], 1)), object)
    twofold = rng.choice(count, few, replace=False)
    beside = shapely.transform(outlines[twofold], lambda xy: xy - np.array([0, 100_000]))
    outlines[twofold] = shapely.multipolygons(np.column_stack([outlines[twofold], beside]))
    outlines[rng.choice(count, few, replace=False)] = None
    frame = geopandas.GeoDataFrame({"id": number, "code": rng.integers(1, 24, count)}, geometry=outlines, crs=CRS)
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path, engine="pyogrio", use_arrow=True)


_PEER = """
import sys, time, resource, json, geopandas, shapely
source, out = sys.argv[1:]
laps, start = {}, time.monotonic()
def lap(name):
    laps[name] = time.monotonic() - start - sum(laps.values())
g = geopandas.read_parquet(source) if source.endswith(".parquet") else geopandas.read_file(source, use_arrow=True)
lap("read")
g = g[~(g.geometry.isna() | g.geometry.is_empty)]
g["geometry"] = g.geometry.make_valid()
g = g.explode(index_parts=False)
g = g[(g.geom_type == "Polygon") & (g.geometry.area > 0)]
lap("repair, explode")
g = g[~g.geometry.normalize().to_wkb().duplicated()].reset_index(drop=True)
lap("duplicates")
j = geopandas.sjoin(g[["id", "code", "geometry"]], g[["id", "code", "geometry"]], predicate="intersects")
j = j[(j.code_left != j.code_right) & (j.id_left < j.id_right)]
common = shapely.area(shapely.intersection(g.geometry.values[j.index.values], g.geometry.values[j.index_right.values]))
bad = set(j.id_left[common > 100]) | set(j.id_right[common > 100])
lap("overlaps")
g = g[~g.id.isin(bad)]
g.to_parquet(out)
lap("write")
used = resource.getrusage(resource.RUSAGE_SELF)
wall, cpu = sum(laps.values()), used.ru_utime + used.ru_stime
print(json.dumps({"laps": laps, "wall": wall, "cpu": cpu, "gb": used.ru_maxrss / 1e6, "pieces": len(g)}))
"""


def peer(source: Path, out: Path) -> dict[str, Any]:
    answer = subprocess.run([sys.executable, "-c", _PEER, str(source), str(out)], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def jvm_peak_gb() -> float:
    """The largest resident memory that any Java process below this one has had."""
    peak = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if fields.get("Name", "").strip() == "java" and int(fields["PPid"]) == os.getpid():
            peak = max(peak, int(fields.get("VmHWM", "0 kB").split()[0]) / 1e6)
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--polygons", type=int, default=1_000_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--suffix", default=".gpkg", choices=[".gpkg", ".parquet", ".shp"])
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sitspark-polygons-") as folder:
        scratch = Path(folder)
        source = scratch / f"polygons{given.suffix}"
        # in a process of its own: what it needs isn't the driver's
        writer = multiprocessing.get_context("spawn").Process(target=write_polygons, args=(source, given.polygons))
        writer.start()
        writer.join()
        settings = SparkSettings(master=f"local[{given.cores}]")  # type: ignore[call-arg]  # mypy sees no default in Field(x)
        spark = session(settings, log=scratch / "spark.log")
        spark.sql("select ST_Area(ST_Point(1D, 2D))").collect()
        asked = Request(Source(str(source), "code", "id"), report=scratch / "offenders.parquet", fix=scratch / "fixed.parquet")
        runs = []
        for _ in range(given.runs):
            theirs = peer(source, scratch / "peer.parquet")
            ours = timed(spark, asked)
            print(f"geopandas: {json.dumps(theirs)}\nsitspark: {json.dumps(ours)}", flush=True)
            runs.append({"geopandas": theirs, "sitspark": ours, "ratio": ours["wall"] / theirs["wall"]})
        ratios = sorted(run["ratio"] for run in runs)
        middle = statistics.median(ratios)
        print(f"wall of sitspark / geopandas: {ratios[0]:.2f} / {middle:.2f} / {ratios[-1]:.2f} (min/median/max)")
        print(json.dumps({"polygons": given.polygons, "runs": runs}))


def timed(spark: SparkSession, asked: Request) -> dict[str, Any]:
    cpu, wall = cpu_seconds(os.getpid()), time.monotonic()
    with watched() as worker:
        found = check_ground_truth(spark, asked)
    cpu, wall = cpu_seconds(os.getpid()) - cpu, time.monotonic() - wall
    driver = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    gb = {"jvm": jvm_peak_gb(), "driver": driver, "worker": worker[0] / 1e3}
    faults = {line.what: line.features for line in found.lines}
    return {"wall": wall, "cpu": cpu, "gb": gb, "pieces": found.polygons, "rejected": found.rejected, "lines": faults}


if __name__ == "__main__":
    main()
