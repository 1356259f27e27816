"""The catalogue of an archive: files a second and core, for the first time and again when nothing has changed.

    python tests/benchmarks/catalogue.py [--files 10000] [--cores 2] [--runs 3]

Products of 13 files of 64 x 64 pixels are written as Theia's layout has them: what is timed is opening headers, not the
disk. Charged is the CPU time of every process, the JVM and Python workers included, from listing the folder to the table
on disk; starting the session and one warm-up are apart. Ends with a line of JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from process_tree import cpu_seconds
from pyspark.sql import DataFrame, SparkSession
from timing_scenes import write_scenes

from sitspark.location import Location
from sitspark.marks import Marks
from sitspark.scenes.catalogue import catalogue
from sitspark.scenes.layouts import Selection
from sitspark.scenes.listing import list_archive
from sitspark.settings import ScenesSettings, SparkSettings
from sitspark.spark import session
from sitspark.workflow.keys import state_of
from sitspark.workflow.tables import read_table, write_table

FILES_A_PRODUCT = 13


def write_archive(folder: Path, products: int) -> None:
    """One product, many times over under the names of other days and tiles."""
    tile = write_scenes(folder / "seed", size=64, dates=2)
    seed = sorted(path for path in tile.iterdir() if path.is_dir())[0]
    for number in range(products):
        day = date(2018, 1, 1) + timedelta(days=number % 365)
        name = f"SENTINEL2A_{day:%Y%m%d}-105429-123_L2A_T31T{chr(65 + number // 365 % 22)}J_C_V2-2"
        target = folder / "archive" / name
        for file in seed.rglob("*.tif"):
            copy = target / file.relative_to(seed).with_name(file.name.replace(seed.name, name))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def listed(spark: SparkSession, archive: Path, scratch: Path, known: DataFrame | None) -> None:
    settings = ScenesSettings(folder=Location.of(archive))  # type: ignore[call-arg]  # mypy sees no default in Field(x)
    products = list_archive(settings)
    products.fingerprint(state_of)
    marks = Marks(scratch / "marks")
    shutil.rmtree(marks.folder, ignore_errors=True)
    marks.folder.mkdir(parents=True)
    frame = catalogue(spark, products, Selection.of(settings), scratch=scratch, marks=marks, known=known)
    write_table(frame, scratch / "scenes", crs="EPSG:4326")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    products = -(-given.files // FILES_A_PRODUCT)
    files = products * FILES_A_PRODUCT
    with tempfile.TemporaryDirectory(prefix="sitspark-catalogue-") as folder:
        scratch = Path(folder)
        write_archive(scratch, products)
        write_archive(scratch / "small", 20)
        settings = SparkSettings(master=f"local[{given.cores}]")  # type: ignore[call-arg]  # mypy sees no default in Field(x)
        spark = session(settings, log=scratch / "spark.log")
        listed(spark, scratch / "small" / "archive", scratch, None)
        rates: dict[str, list[float]] = {"first": [], "unchanged": []}
        print(f"{files} files of {products} products\n{'':>10} {'wall s':>7} {'CPU s':>7} {'files/core-s':>13}")
        for _ in range(given.runs):
            for name in rates:
                known = read_table(spark, scratch / "scenes") if name == "unchanged" else None
                cpu, wall = cpu_seconds(os.getpid()), time.monotonic()
                listed(spark, scratch / "archive", scratch, known)
                cpu, wall = cpu_seconds(os.getpid()) - cpu, time.monotonic() - wall
                rates[name].append(files / cpu)
                print(f"{name:>10} {wall:>7.1f} {cpu:>7.1f} {files / cpu:>13.0f}", flush=True)
    print(json.dumps({"files": files, "files_per_core_s": {name: round(statistics.median(r)) for name, r in rates.items()}}))


if __name__ == "__main__":
    main()
