"""The memory of the driver while an archive is catalogued and its map planned, against the number of products.

    python tests/benchmarks/catalogue_memory.py [--products 10000 1000000] [--chunk 512] [--cores 2]

No file is written or opened: products are listed with their headers, as a STAC catalogue describes them, a hundred dates a
tile. For each number, in a process of its own: listing, the scenes table, coverage, and the rows of the chunk plan, of so
many pixels a side, counted by Spark. `driver_mb` is how much the memory (resident, at its peak) of the driver's Python
grows from the start of the session on; the JVM has a heap of 4 GB, whatever the number. A line of JSON each.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sitspark.grid import ChunkShape
from sitspark.location import Location
from sitspark.marks import Marks
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.catalogue import catalogue, counts_left_out
from sitspark.scenes.choice import choose
from sitspark.scenes.chunk_plan import chunk_frame, chunk_plan, coverage
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import Contents, Header, ProductName, Source, StoredFile
from sitspark.scenes.theia import L2A
from sitspark.settings import GridSettings, ScenesSettings, SparkSettings
from sitspark.spark import session
from sitspark.workflow.tables import read_table, write_table

DATES = 100  # of a tile
SIDE = 1000  # pixels of a tile, so that ten thousand of them fit into one UTM zone
BANDS = ("B4", "B8")
START = datetime(2018, 1, 1, 10, 50, tzinfo=UTC)


def products(count: int) -> Iterator[Listed]:
    for number in range(count):
        tile, date = divmod(number, DATES)
        row, column = divmod(tile, 100)
        transform = (10.0, 0.0, 200_000 + 10.0 * SIDE * column, 0.0, -10.0, 5_500_000 - 10.0 * SIDE * row)
        header = Header("EPSG:32631", SIDE, SIDE, transform, "int16", 500, 500)
        name = f"T{tile:05d}_{date:03d}"
        files = {band: StoredFile(f"https://example.org/{name}/{band}.tif", header=header) for band in (*L2A.masks, *BANDS)}
        found = ProductName(L2A.sensor, "S2A", f"T{tile:05d}", START + timedelta(days=date))
        yield Listed(Source(name, Location(f"https://example.org/items.json#{name}"), Contents(files)), found)


def resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(count: int, *, chunk: int, cores: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sitspark-catalogue-") as folder:
        scratch = Path(folder)
        (scratch / "marks").mkdir()
        settings = SparkSettings(master=f"local[{cores}]", driver_memory="4g")  # type: ignore[call-arg]  # mypy sees no default
        spark = session(settings, log=scratch / "spark.log")
        spark.range(1).count()
        before, started = resident(), time.monotonic()
        archive = Archive.of(products(count))
        choose(archive, ScenesSettings(folder=Location("https://example.org")))  # type: ignore[call-arg]  # nor here
        archive.fingerprint(lambda source: source.scene_id)
        listed = time.monotonic()
        # as the stage does it
        frame = catalogue(spark, archive, Selection(L2A, BANDS), scratch=scratch, marks=Marks(scratch / "marks")).cache()
        write_table(frame.orderBy("sensor", "tile", "acquired", "scene_id"), scratch / "scenes", crs="EPSG:4326")
        frame.unpersist()
        scenes = read_table(spark, scratch / "scenes")
        left_out = sum(counts_left_out(scenes).values())
        written = time.monotonic()
        covered = coverage(scenes, GridSettings(), leading=L2A.sensor)  # type: ignore[call-arg]  # nor here
        chunks = chunk_frame(spark, covered, ChunkShape.square(chunk))
        rows = chunk_plan(chunks, scenes, leading=L2A.sensor, every_tile=False, padding=0).count()
        planned = time.monotonic()
        return {
            "products": count,
            "left_out": left_out,
            "tiles": len(covered.tiles),
            "plan_rows": rows,
            "driver_mb": round(resident() - before, 1),
            "list_s": round(listed - started, 1),
            "table_s": round(written - listed, 1),
            "plan_s": round(planned - written, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--chunk", type=int, default=512, help="pixels")
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    if len(given.products) == 1:
        print(json.dumps(measure(given.products[0], chunk=given.chunk, cores=given.cores)))
        return
    for count in given.products:
        arguments = ["--products", str(count), "--chunk", str(given.chunk), "--cores", str(given.cores)]
        subprocess.run([sys.executable, __file__, *arguments], check=True)


if __name__ == "__main__":
    main()
