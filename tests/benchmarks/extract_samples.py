"""Reading chosen pixels: against decoding the blocks that hold them, and against reading everything; CPU seconds.

    python tests/benchmarks/extract_samples.py [--size 2560] [--dates 24] [--pairs 3]

One tile of timing scenes (Theia layout, blocks of 512 x 512). First as many pixels as 300 000 of a full-size tile (10 980 x
10 980), all over it: `read_pixels` chunk by chunk, against unpacking each block of each band and mask once and nothing else.
Then pixels in one chunk out of all (of 25: 4 % of the blocks), against `read_cube` of all chunks. In one process, in turn.
Ends with a line of JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from reader_vs_floor import covers_of, scenes_of, windows_of
from timing_scenes import TILE, write_scenes

from sitspark.features.recipe import Recipe
from sitspark.grid import Grid, Window
from sitspark.kernels.feature_space import FeatureSpace, SensorFeatures
from sitspark.samples.extract import read_pixels
from sitspark.scenes.cube import read_cube
from sitspark.scenes.layouts import Selection
from sitspark.scenes.open_files import block_file
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading
from sitspark.scenes.theia import L2A
from sitspark.scenes.tiff import BlockCache
from sitspark.timegrid import TimeGrid

_CHUNK = 512
_DENSITY = 300_000 / 10_980**2
_CLOUDED, _CLOUD_SIZE = 0.3, 512
_DATES = TimeGrid(date(2018, 1, 1), date(2018, 12, 31), 10)
_RECIPE = Recipe(FeatureSpace((SensorFeatures(L2A.sensor, L2A.bands, _DATES, (), L2A.red, L2A.nir, L2A.swir),)))


def seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def extract(scenes: Sequence[Scene], windows: Iterable[Window], grid: Grid) -> None:
    """Read pixels of each window, as a worker does for a chunk: evenly spread, as the periodic sampler's."""
    reading = Reading((Selection(L2A, L2A.bands),), L2A.sensor, "cubic", grid)
    for window in windows:
        rng = np.random.default_rng(window.row * 10_000 + window.col)
        chosen = np.sort(rng.choice(window.pixels, max(round(window.pixels * _DENSITY), 1), replace=False))
        rows, cols = np.divmod(chosen, window.width)
        read_pixels({L2A.sensor: scenes}, rows + window.row, cols + window.col, reading, _RECIPE, window=window, tile=TILE)


def decode(scenes: Sequence[Scene]) -> None:
    """Unpack every block of every file once."""
    cache = BlockCache()
    for scene in scenes:
        for asset in scene.assets:
            blocks = block_file(asset.path)
            assert blocks is not None
            header = blocks.header
            for row in range(0, header.height, _CHUNK):
                out = np.empty((min(_CHUNK, header.height - row), header.width), asset.dtype)
                blocks.read(Window(row, 0, *out.shape), out, cache=cache)


def read_all(scenes: Sequence[Scene], windows: Iterable[Window], grid: Grid) -> None:
    for window in windows:
        read_cube(scenes, grid.cropped(window), layout=L2A, bands=L2A.bands, interpolator="cubic")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2560, help="pixels a side at 10 m")
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args()
    windows = list(windows_of(given.size, _CHUNK))
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="sitspark-extract-") as scratch:
        for mean in (0.0, _CLOUDED):
            covers = covers_of(mean, given.dates)
            folder = Path(scratch, f"{mean}")
            tile = write_scenes(folder, size=given.size, dates=given.dates, covers=covers, cloud_size=_CLOUD_SIZE)
            scenes = scenes_of(tile)
            grid = scenes[0].assets[0].grid(scenes[0].crs)
            assert grid is not None
            extract(scenes[:2], windows[:1], grid)  # compiles
            some = [windows[len(windows) // 2]]
            print(f"mean cloud cover {np.mean(covers):.0%}, {len(windows)} chunks, CPU seconds")
            print(f"{'decode':>8} {'extract':>8} {'ratio':>6}   {'all':>8} {'one':>8} {'share':>6}")
            for _ in range(given.pairs):
                decoded = seconds(lambda scenes=scenes: decode(scenes))  # type: ignore[misc]
                everywhere = seconds(lambda scenes=scenes, grid=grid: extract(scenes, windows, grid))  # type: ignore[misc]
                whole = seconds(lambda scenes=scenes, grid=grid: read_all(scenes, windows, grid))  # type: ignore[misc]
                one = seconds(lambda scenes=scenes, grid=grid, some=some: extract(scenes, some, grid))  # type: ignore[misc]
                ratios.setdefault(f"extract/decode, {np.mean(covers):.0%} clouds", []).append(everywhere / decoded)
                ratios.setdefault(f"one of {len(windows)} chunks/all, {np.mean(covers):.0%} clouds", []).append(one / whole)
                print(f"{decoded:>8.2f} {everywhere:>8.2f} {everywhere / decoded:>6.2f}", end="   ")
                print(f"{whole:>8.2f} {one:>8.3f} {one / whole:>6.1%}", flush=True)
    print(json.dumps({"median": {name: round(statistics.median(found), 3) for name, found in ratios.items()}}))


if __name__ == "__main__":
    main()
