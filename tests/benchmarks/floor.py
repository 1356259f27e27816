"""The floor: one process, one thread, the leanest honest way from Theia scenes to a class map.

    python tests/benchmarks/floor.py TILE_FOLDER [--weights MODEL/weights.safetensors] [--chunk 512] [--out map.tif]

What anybody would write who needs one map of one tile and nothing else: GDAL reads windows and brings 20 m bands to
10 m, two loops compiled by numba fill gaps and compute indices, torch applies the network, GDAL writes. There is no
plan, no check, no restart, no Spark and nothing of sitspark: whatever a system costs beyond this is its overhead.

The last line is JSON: CPU seconds by phase (importing and compiling apart) and pixels per core-second.
"""

import argparse
import json
import resource
import time
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np
import rasterio
import torch
from rasterio.enums import Resampling
from rasterio.windows import Window
from safetensors.torch import load_file
from torch import nn

BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
RED, NIR, SWIR = BANDS.index("B4"), BANDS.index("B8"), BANDS.index("B11")
MASKS = ("CLM", "SAT", "EDG")
NODATA = -10000
STEP = 10  # days
INDICES = 3
TOGETHER = 64  # pixels whose series are turned round together


@numba.njit(nogil=True, cache=True)
def turn(cube: Any, cloudy: Any, start: int, series: Any, gaps: Any) -> None:
    """Cube (dates, bands, pixels) from pixel `start` on -> series (pixels, dates, bands); cloudy -> gaps alike."""
    for near in range(0, len(series), TOGETHER):
        far = min(near + TOGETHER, len(series))
        for date_ in range(cube.shape[0]):
            for band in range(cube.shape[1]):
                for pixel in range(near, far):
                    series[pixel, date_, band] = cube[date_, band, start + pixel]
            for pixel in range(near, far):
                gaps[pixel, date_] = cloudy[date_, start + pixel]


@numba.njit(nogil=True, cache=True)
def fill(series: Any, gaps: Any, times: Any, wanted: Any, out: Any) -> None:
    """Linear interpolation in time of series (pixels, dates, bands) at `wanted`, and NDVI, NDWI, brightness."""
    pixels, dates, bands = series.shape
    steps = len(wanted)
    clear = np.empty(dates, np.int64)
    for pixel in range(pixels):
        features = out[pixel]
        found = 0
        for date_ in range(dates):
            if gaps[pixel, date_] == 0:
                clear[found] = date_
                found += 1
        if found == 0:
            features[:] = 0
            continue
        later = 0
        for step in range(steps):
            while later < found and times[clear[later]] < wanted[step]:
                later += 1
            a, b = clear[max(later - 1, 0)], clear[min(later, found - 1)]
            share = np.float32(0) if a == b else (wanted[step] - times[a]) / (times[b] - times[a])
            squares = np.float32(0)
            for band in range(bands):
                from_, to = np.float32(series[pixel, a, band]), np.float32(series[pixel, b, band])
                value = from_ + (to - from_) * share
                features[step * bands + band] = value
                squares += value * value
            red, nir, swir = (features[step * bands + RED], features[step * bands + NIR], features[step * bands + SWIR])
            at = steps * bands + step
            features[at] = 1000 * (nir - red) / (nir + red) if abs(nir + red) > 1e-5 else 0
            features[at + steps] = 1000 * (swir - nir) / (swir + nir) if abs(swir + nir) > 1e-5 else 0
            features[at + 2 * steps] = np.sqrt(squares)


def network(features: int, classes: int, weights: Path | None) -> nn.Sequential:
    """The multi-layer perceptron n, n/2, 3k, 3k, k; its first layer standardises too."""
    state = load_file(weights) if weights else {}
    if weights:
        classes = min(len(tensor) for name, tensor in state.items() if name.endswith(".bias"))
    widths = (features, features // 2, 3 * classes, 3 * classes, classes)
    layers = [nn.Linear(before, after) for before, after in pairwise(widths)]
    if weights:
        given = sorted({name.removesuffix(".bias") for name in state if name.endswith(".bias")})
        for layer, name in zip(layers, given, strict=True):
            layer.load_state_dict({part: state[f"{name}.{part}"] for part in ("weight", "bias")})
        mean, deviation = state["standardise.mean"].double(), state["standardise.deviation"].double()
        with torch.no_grad():
            scaled = layers[0].weight.double() / deviation
            layers[0].bias.copy_(layers[0].bias.double() - scaled @ mean)
            layers[0].weight.copy_(scaled)
    modules = [module for layer in layers for module in (layer, nn.ReLU(inplace=True))]
    return nn.Sequential(*modules[:-1]).eval()


class Laps:
    """CPU seconds of this process by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.mark = time.process_time()

    def __call__(self, phase: str) -> None:
        now = time.process_time()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self.mark
        self.mark = now


def draw(
    tile: Path, out: str, *, chunk: int, block: int, interpolator: str, classes: int, weights: Path | None
) -> dict[str, object]:
    """Map one tile; gives what the last line says."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    products = sorted((folder for folder in tile.iterdir() if folder.is_dir()), key=lambda folder: folder.name.split("_")[1])
    times = np.array([date.fromisoformat(p.name.split("_")[1][:8]).toordinal() for p in products], np.float32)
    wanted = np.arange(times[0], times[-1] + 1, STEP, dtype=np.float32)
    width = len(wanted) * (len(BANDS) + INDICES)
    model = network(width, classes, weights)
    series, gaps = np.zeros((block, len(products), len(BANDS)), np.int16), np.zeros((block, len(products)), np.uint8)
    features = np.empty((block, width), np.float32)
    turn(np.zeros((len(products), len(BANDS), block), np.int16), np.zeros((len(products), block), np.uint8), 0, series, gaps)
    fill(series, gaps, times, wanted, features)

    lap = Laps()
    bands = [[rasterio.open(p / f"{p.name}_FRE_{band}.tif") for band in BANDS] for p in products]
    masks = [[rasterio.open(p / "MASKS" / f"{p.name}_{mask}_R1.tif") for mask in MASKS] for p in products]
    fine = bands[0][0]
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 2, "height": fine.height, "width": fine.width, "crs": fine.crs}
    profile |= {"transform": fine.transform, "tiled": True, "compress": "deflate"}
    memory = np.empty(len(products) * len(BANDS) * min(chunk, fine.height) * min(chunk, fine.width), np.int16)
    lap("open")
    one_thread = rasterio.Env(GDAL_NUM_THREADS="1")
    with one_thread, rasterio.open(out, "w", **profile) as target, torch.inference_mode():
        for row in range(0, fine.height, chunk):
            for col in range(0, fine.width, chunk):
                rows, cols = min(chunk, fine.height - row), min(chunk, fine.width - col)
                cube = memory[: len(products) * len(BANDS) * rows * cols].reshape(len(products), len(BANDS), rows, cols)
                cloudy = np.zeros((len(products), rows, cols), np.uint8)
                for i in range(len(products)):
                    for mask in masks[i]:
                        cloudy[i] |= mask.read(1, window=Window(col, row, cols, rows))
                    for j, band in enumerate(bands[i]):
                        ratio = fine.width / band.width
                        window = Window(col / ratio, row / ratio, cols / ratio, rows / ratio)
                        band.read(1, window=window, out=cube[i, j], resampling=Resampling[interpolator])
                    cloudy[i] |= (cube[i] == NODATA).any(axis=0)
                lap("decode")
                flat, flat_cloudy = cube.reshape(*cube.shape[:2], -1), cloudy.reshape(len(products), -1)
                drawn = np.empty((2, rows * cols), np.uint8)
                for start in range(0, rows * cols, block):
                    stop = min(start + block, rows * cols)
                    count = stop - start
                    turn(flat, flat_cloudy, start, series[:count], gaps[:count])
                    fill(series[:count], gaps[:count], times, wanted, features[:count])
                    lap("features")
                    sure, best = model(torch.from_numpy(features[:count])).softmax(1).max(1)
                    drawn[0, start:stop] = best.numpy() + 1
                    drawn[1, start:stop] = np.rint(sure.numpy() * 100)
                    lap("network")
                target.write(drawn.reshape(2, rows, cols), window=Window(col, row, cols, rows))
                lap("write")
    lap("write")
    total = sum(lap.seconds.values())
    return {
        "pixels": fine.height * fine.width,
        "dates": len(products),
        "features": width,
        "cpu_s": {phase: round(seconds, 2) for phase, seconds in lap.seconds.items()},
        "cpu_total_s": round(total, 3),
        "pixels_per_core_s": round(fine.height * fine.width / total),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tile", type=Path)
    parser.add_argument("--weights", type=Path, help="of a model of this project; without it they are random")
    parser.add_argument("--classes", type=int, default=23, help="of a random network")
    parser.add_argument("--chunk", type=int, default=512, help="pixels a side; 1024 costs 7 % more, for page faults")
    parser.add_argument("--block", type=int, default=1024, help="pixels that pass the network together")
    parser.add_argument("--interpolator", choices=("nearest", "bilinear", "cubic"), default="cubic")
    parser.add_argument("--out", default="/vsimem/floor.tif")
    given = vars(parser.parse_args())
    print(json.dumps(draw(given.pop("tile"), given.pop("out"), **given)))
