"""Reading cubes against the floor's decoding: the same scenes and windows, CPU seconds side by side, in one process.

    python tests/benchmarks/reader_vs_floor.py [--size 2048] [--dates 24] [--pairs 3] [--chunk 512]

The floor (floor.py) reads all bands of all dates through GDAL, which brings 20 m bands to 10 m by cubic convolution.
`read_cube` reads masks first, drops the dates without a clear pixel in the window, and has a kernel of its own for 20 m
bands. The dates of an archive range from clear to overcast, with the given mean, and clouds are 5 km across: of each mean
an archive is written and read. Ends with a line of JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow
from timing_scenes import write_scenes

from sitspark.grid import Window
from sitspark.location import Location
from sitspark.scenes.archive import Archive
from sitspark.scenes.cube import read_cube
from sitspark.scenes.folders import search
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import NODATA, Scene
from sitspark.scenes.theia import L2A

CLOUD_COVERS = (0.0, 0.3, 0.6)
CLOUD_SIZE = 512  # pixels


def covers_of(mean: float, dates: int) -> list[float]:
    """Clouded shares from clear to overcast with about this mean."""
    return [0.0] * dates if mean == 0 else (np.linspace(0, 1, dates) ** ((1 - mean) / mean)).tolist()


def windows_of(size: int, chunk: int) -> Iterator[Window]:
    for row in range(0, size, chunk):
        for col in range(0, size, chunk):
            yield Window(row, col, min(chunk, size - row), min(chunk, size - col))


def floor_seconds(scenes: list[Scene], size: int, chunk: int) -> float:
    started = time.process_time()
    opened = [{asset.name: rasterio.open(asset.path) for asset in scene.assets} for scene in scenes]
    with rasterio.Env(GDAL_NUM_THREADS="1"):
        for window in windows_of(size, chunk):
            cube = np.empty((len(scenes), len(L2A.bands), window.height, window.width), np.int16)
            cloudy = np.zeros((len(scenes), window.height, window.width), np.uint8)
            for i, files in enumerate(opened):
                for mask in L2A.masks:
                    cloudy[i] |= files[mask].read(1, window=_raster_window(window, 1))
                for j, band in enumerate(L2A.bands):
                    ratio = size / files[band].width
                    files[band].read(1, window=_raster_window(window, ratio), out=cube[i, j], resampling=Resampling.cubic)
                cloudy[i] |= (cube[i] == NODATA).any(axis=0)
    return time.process_time() - started


def _raster_window(window: Window, ratio: float) -> RasterWindow:
    return RasterWindow(window.col / ratio, window.row / ratio, window.width / ratio, window.height / ratio)


def reader_seconds(scenes: list[Scene], size: int, chunk: int) -> float:
    grid = scenes[0].assets[0].grid(scenes[0].crs)
    assert grid is not None
    started = time.process_time()
    for window in windows_of(size, chunk):
        read_cube(scenes, grid.cropped(window), layout=L2A, bands=L2A.bands, interpolator="cubic")
    return time.process_time() - started


def scenes_of(tile: Path) -> list[Scene]:
    found = []
    for product in Archive.of(search(Location.of(tile), L2A)).products:
        inspected = inspect_product(product.source, Selection(L2A, L2A.bands))
        assert inspected.crs is not None
        found.append(Scene(product.scene_id, product.name.tile, product.acquired, inspected.crs, inspected.assets))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="pixels a side at 10 m")
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--chunk", type=int, default=512)
    given = parser.parse_args()
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="sitspark-reader-") as scratch:
        print(f"{'clouds':>6} {'floor':>8} {'reader':>8} {'ratio':>6}   CPU seconds")
        for mean in CLOUD_COVERS:
            covers = covers_of(mean, given.dates)
            tile = write_scenes(
                Path(scratch, f"{mean}"), size=given.size, dates=given.dates, covers=covers, cloud_size=CLOUD_SIZE
            )
            scenes = scenes_of(tile)
            reader_seconds(scenes[:2], 64, 64)  # compiles the kernels
            for _ in range(given.pairs):
                floor = floor_seconds(scenes, given.size, given.chunk)
                reader = reader_seconds(scenes, given.size, given.chunk)
                ratios.setdefault(f"{np.mean(covers):.2f}", []).append(reader / floor)
                print(f"{np.mean(covers):>6.0%} {floor:>8.2f} {reader:>8.2f} {reader / floor:>6.2f}", flush=True)
    print(json.dumps({"median_ratio": {cover: round(statistics.median(found), 3) for cover, found in ratios.items()}}))


if __name__ == "__main__":
    main()
