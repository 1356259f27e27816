"""Scenes for timing: the Theia layout with numbers that compress like reflectances do, and with clouds.

    python tests/benchmarks/timing_scenes.py FOLDER --size 2048 --dates 24

The content means nothing; what counts for the time is what real scenes have too: bands at 10 m and 20 m in blocks with
deflate and predictor 2, a compression of 1.3 to 1.6, and clouds over 30 % of the pixels in blobs, so that neighbours
have different valid dates. First and last date lie 360 days apart: 37 dates of a 10-day grid, 481 features.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import from_origin

TILE = "31TCJ"
_FIRST, _PERIOD = date(2018, 1, 3), 360
_BANDS_10M, _BANDS_20M = ("B2", "B3", "B4", "B8"), ("B5", "B6", "B7", "B8A", "B11", "B12")
_MASKS = ("CLM", "SAT", "EDG")
_LEFT, _TOP = 300000, 4900020
_NOISE = 40.0  # digital numbers; decides the compression
_CLOUDED = 0.3
_DONE = "timing_scenes.json"


def write_scenes(
    folder: Path,
    *,
    size: int,
    dates: int,
    seed: int = 0,
    covers: Sequence[float] | None = None,
    cloud_size: int = 64,
    overcast: int = 0,
) -> Path:
    """Write the products of one tile unless the same ones are there; gives the tile's folder.

    `covers` are the clouded shares of the dates, 0.3 each unless given; `cloud_size` is in pixels. With
    `overcast` every second date is wholly clouded in every second square of so many pixels a side.
    """
    covers = list(covers or [_CLOUDED] * dates)
    wanted = {"size": size, "dates": dates, "seed": seed, "covers": covers, "cloud_size": cloud_size, "overcast": overcast}
    done, tile = folder / _DONE, folder / TILE
    if done.is_file() and json.loads(done.read_text())["made_with"] == wanted:
        return tile
    rng = np.random.default_rng(seed)
    phase = np.pi * _smooth(rng, size, 32)
    between = rng.choice(np.arange(1, _PERIOD), dates - 2, replace=False)
    stored = raw = 0
    for number, (cover, day) in enumerate(zip(covers, sorted([0, *between.tolist(), _PERIOD]), strict=True)):
        name = f"SENTINEL2A_{_FIRST + timedelta(days=day):%Y%m%d}-105429-123_L2A_T{TILE}_C_V2-2"
        (tile / name / "MASKS").mkdir(parents=True, exist_ok=True)
        season = 1500 + 1200 * np.sin(2 * np.pi * day / 365 + phase)
        for position, band in enumerate((*_BANDS_10M, *_BANDS_20M)):
            ratio = 1 if band in _BANDS_10M else 2
            smooth = season[::ratio, ::ratio] * (1 + position / 10)
            pixels = (smooth + rng.normal(0, _NOISE, smooth.shape)).astype(np.int16)
            stored += _write(tile / name / f"{name}_FRE_{band}.tif", pixels, 10 * ratio, -10000)
            raw += pixels.nbytes
        cloud = _smooth(rng, size, cloud_size)
        clouded = (cloud >= np.quantile(cloud, 1 - cover)).astype(np.uint8) * 2
        if overcast and number % 2:
            squares = np.arange(size) // overcast
            clouded[(squares[:, None] + squares) % 2 == 1] = 2
        for mask in _MASKS:
            pixels = clouded if mask == "CLM" else np.zeros_like(clouded)
            _write(tile / name / "MASKS" / f"{name}_{mask}_R1.tif", pixels, 10, None)
    done.write_text(json.dumps({"made_with": wanted, "compression": round(raw / stored, 2)}))
    return tile


def _smooth(rng: np.random.Generator, size: int, scale: int) -> npt.NDArray[np.float64]:
    """Noise between -1 and 1 (about), interpolated linearly from a grid that is `scale` times as coarse."""
    coarse = rng.uniform(-1, 1, (size // scale + 2, size // scale + 2))
    at, knots = np.arange(size) / scale, np.arange(len(coarse))
    rows = np.stack([np.interp(at, knots, column) for column in coarse.T], axis=1)
    return np.stack([np.interp(at, knots, row) for row in rows])


def _write(path: Path, pixels: npt.NDArray[np.generic], resolution: int, nodata: int | None) -> int:
    height, width = pixels.shape
    block = min(512, height // 16 * 16)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype=pixels.dtype,
        count=1,
        height=height,
        width=width,
        crs="EPSG:32631",
        transform=from_origin(_LEFT, _TOP, resolution, resolution),
        nodata=nodata,
        tiled=True,
        blockxsize=block,
        blockysize=block,
        compress="deflate",
        predictor=2,
        num_threads="all_cpus",
    ) as raster:
        raster.write(pixels, 1)
    return path.stat().st_size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, default=2048, help="pixels a side at 10 m")
    parser.add_argument("--dates", type=int, default=24)
    given = parser.parse_args()
    write_scenes(given.folder, size=given.size, dates=given.dates)
    print((given.folder / _DONE).read_text())
