"""Gap-filling and indices against the floor's: the same pixels, one thread, CPU seconds side by side, in one process.

    python tests/benchmarks/features_vs_floor.py [--pixels 131072] [--dates 24] [--pairs 7]

Both turn (date, band, pixel) arrays round and fill 1024 pixels at a time: ten bands onto the dates of a 10-day grid over 316
days, with NDVI, NDWI and brightness. The other lines are the same kernel with other settings. Ends with a line of JSON.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from floor import fill, turn

from sitspark.kernels.feature_space import FeatureSpace, Index, SensorFeatures
from sitspark.kernels.features import FeatureKernel
from sitspark.kernels.filling import Median, Nearest, SavitzkyGolay, Unfilled, Whittaker
from sitspark.kernels.series import PixelSeries, pixel_major
from sitspark.scenes.theia import L2A
from sitspark.timegrid import AcquisitionDates, TimeGrid, day_number

_BLOCK = 1024
_START, _PERIOD, _STEP = date(2018, 1, 1), 315, 10
_BUILT_IN = tuple(map(Index, ("ndvi", "ndwi", "brightness")))
_EXPRESSIONS = (
    Index("ndre", "(B8-B5)/(B8+B5)"),
    Index("evi", "2.5*(B8-B4)/(B8+6*B4-7.5*B2+1)"),
    Index("savi", "1.5*(B8-B4)/(B8+B4+0.5)"),
)
_STATISTICS = (("ndvi", ("mean", "std", "q10", "q50", "q90", "harmonic2")),)


def variants(acquired: AcquisitionDates) -> dict[str, SensorFeatures]:
    """Features by what they are called in the table; the first are those of the floor."""
    grid = TimeGrid(_START, _START + timedelta(days=_PERIOD), _STEP)
    usual = SensorFeatures(L2A.sensor, L2A.bands, grid, _BUILT_IN, L2A.red, L2A.nir, L2A.swir)
    return {
        "linear": usual,
        "without indices": replace(usual, indices=()),
        "three expressions": replace(usual, indices=_EXPRESSIONS),
        "nearest": replace(usual, filler=Nearest()),
        "median": replace(usual, filler=Median()),
        "whittaker": replace(usual, filler=Whittaker(10)),
        "savitzky_golay": replace(usual, filler=SavitzkyGolay(5, 2)),
        "none": replace(usual, filler=Unfilled(), grid=acquired),
        "relative": replace(usual, relative=True),
        "statistics of ndvi": replace(usual, statistics=_STATISTICS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pixels", type=int, default=131_072)
    parser.add_argument("--dates", type=int, default=24)
    parser.add_argument("--pairs", type=int, default=7)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    offsets = np.linspace(0, _PERIOD, given.dates).round().astype(int).tolist()
    acquired = AcquisitionDates(tuple(_START + timedelta(days=offset) for offset in offsets))
    cube = rng.integers(0, 5000, (given.dates, len(L2A.bands), given.pixels)).astype(np.int16)
    valid = (rng.random((given.dates, given.pixels)) < 0.7).astype(np.uint8)
    pixels = np.empty((_BLOCK, given.dates, len(L2A.bands)), np.int16)
    usable = np.empty((_BLOCK, given.dates), np.uint8)

    def of_floor() -> None:
        times = acquired.days.astype(np.float32)
        wanted = np.arange(times[0], times[-1] + 1, _STEP, dtype=np.float32)
        out = np.empty((_BLOCK, len(wanted) * (len(L2A.bands) + len(_BUILT_IN))), np.float32)
        cloudy = 1 - valid
        for first in range(0, given.pixels, _BLOCK):
            turn(cube, cloudy, first, pixels, usable)
            fill(pixels, usable, times, wanted, out)

    def of_kernel(features: SensorFeatures) -> Callable[[], None]:
        kernel, nothing = FeatureKernel.of(FeatureSpace((features,))), np.empty((_BLOCK, 0), np.float32)
        out = np.empty((_BLOCK, len(features)), np.float32)

        def run() -> None:
            for first in range(0, given.pixels, _BLOCK):
                pixel_major(cube, valid, first, pixels, usable)
                kernel.features([PixelSeries(pixels, usable, acquired.days[None])], nothing, nothing, out)

        return run

    assert day_number(_START) == acquired.days[0]
    works = {"floor": of_floor} | {name: of_kernel(features) for name, features in variants(acquired).items()}
    for work in works.values():
        work()  # compiles
    speeds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(given.pairs):
        for name, work in works.items():
            started = time.process_time()
            work()
            speeds[name].append(given.pixels / (time.process_time() - started))
    print(f"{'':20} {'min':>6} {'median':>6} {'max':>6}   1000 pixels a core-second")
    for name, found in speeds.items():
        low, middle, high = min(found), statistics.median(found), max(found)
        print(f"{name:20} {low / 1000:6.0f} {middle / 1000:6.0f} {high / 1000:6.0f}")
    ratios = [ours / floors for ours, floors in zip(speeds["linear"], speeds["floor"], strict=True)]
    print(json.dumps({"speed_over_floor": [round(r, 2) for r in (min(ratios), statistics.median(ratios), max(ratios))]}))


if __name__ == "__main__":
    main()
