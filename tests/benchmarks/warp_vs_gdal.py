"""Reading cubes on a grid of another CRS: our own kernel against GDAL's warper, in turn, CPU seconds of one process.

    python tests/benchmarks/warp_vs_gdal.py [--size 1024] [--dates 12] [--chunk 512] [--pairs 3] [--crs EPSG:2154]

Both read the same windows of the same files with cubic convolution; only what brings pixels onto the grid differs (GDAL's by
WarpedVRT with exact places, chunk by chunk). The share of pixels whose numbers differ is told too. Ends with a line of JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from reader_vs_floor import scenes_of, windows_of
from timing_scenes import write_scenes

from sitspark.grid import Grid, Window
from sitspark.scenes import crossing, onto_grid
from sitspark.scenes.cube import read_cube
from sitspark.scenes.outline import transformer_of
from sitspark.scenes.product import Scene
from sitspark.scenes.theia import L2A


@contextmanager
def by_gdal() -> Iterator[None]:
    """Let GDAL warp all files."""
    ours = crossing.crossing
    setattr(onto_grid, ours.__name__, lambda *_, **__: None)
    try:
        yield
    finally:
        setattr(onto_grid, ours.__name__, ours)


def read(scenes: list[Scene], grid: Grid, chunk: int) -> tuple[float, list[np.ndarray]]:
    """CPU seconds, and the cube of each chunk."""
    started, found = time.process_time(), []
    for window in windows_of(grid.height, chunk):
        cube = read_cube(scenes, grid.cropped(window), layout=L2A, bands=L2A.bands, interpolator="cubic")
        found.append(cube.reflectance)
    return time.process_time() - started, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--dates", type=int, default=12)
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--crs", default="EPSG:2154")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        scenes = scenes_of(write_scenes(Path(root), size=options.size, dates=options.dates))
        grid = grid_within(scenes[0], options.size, options.crs)
        read(scenes, grid.cropped(Window(0, 0, 64, 64)), options.chunk)  # compiles
        rounds = []
        for _ in range(options.pairs):
            ours, cubes = read(scenes, grid, options.chunk)
            with by_gdal():
                theirs, expected = read(scenes, grid, options.chunk)
            differing = sum(np.count_nonzero(a != b) for a, b in zip(cubes, expected, strict=True))
            rounds.append({"ours": ours, "gdal": theirs, "differing": differing / sum(a.size for a in cubes)})
            print(f"ours {ours:.2f} s, GDAL {theirs:.2f} s: {theirs / ours:.1f} times; {rounds[-1]['differing']:.1e} differ")
    ratios = [one["gdal"] / one["ours"] for one in rounds]
    pixels = options.dates * len(L2A.bands) * grid.window.pixels
    print(
        json.dumps(
            {
                "times_as_fast": [round(value, 1) for value in (min(ratios), statistics.median(ratios), max(ratios))],
                "million_pixels_a_cpu_second": round(pixels / 1e6 / min(one["ours"] for one in rounds), 1),
                "by_gdal": round(pixels / 1e6 / min(one["gdal"] for one in rounds), 1),
                "differing": max(one["differing"] for one in rounds),
            }
        )
    )


def grid_within(scene: Scene, size: int, crs: str) -> Grid:
    """A grid of the files' resolution that lies within the scene, in another CRS."""
    left, _, _, top = scene.assets[0].bounds
    middle = transformer_of(scene.crs, crs).transform(left + size * 5, top - size * 5)
    side = int(size * 0.8)
    return Grid(crs, round(middle[0]) - 5.0 * side, round(middle[1]) + 5.0 * side, 10, side, side)


if __name__ == "__main__":
    main()
