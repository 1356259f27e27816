"""Feature spaces of several kinds, and features whose classes differ in when a peak comes."""

from datetime import date, timedelta

import numpy as np

from sitspark.kernels.feature_space import CustomFeatures, FeatureSpace, Index, SensorFeatures
from sitspark.kernels.filling import Unfilled
from sitspark.timegrid import AcquisitionDates, TimeGrid

GRID = TimeGrid(date(2018, 1, 1), date(2018, 4, 11), 10)
DATES = 11
ACQUIRED = AcquisitionDates(tuple(date(2018, 11, 1) + timedelta(9 * i) for i in range(DATES)))
NDVI = (Index("ndvi"),)


def sensor(name: str = "sentinel2", *, raw: bool = False) -> SensorFeatures:
    grid, filler = (ACQUIRED, {"filler": Unfilled()}) if raw else (GRID, {})
    return SensorFeatures(name, ("B4", "B8"), grid, NDVI, red="B4", nir="B8", swir=None, **filler)


SPACES = {
    "gap-filled": FeatureSpace((sensor(),)),
    "raw": FeatureSpace((sensor(raw=True),)),
    "two sensors and the rest": FeatureSpace(
        (
            SensorFeatures(
                "sentinel2", ("B4", "B8"), GRID, NDVI, red="B4", nir="B8", swir=None, statistics=(("ndvi", ("mean", "std")),)
            ),
            sensor("landsat8", raw=True),
        ),
        static=("elevation",),
        custom=CustomFeatures(("texture",), "0" * 64, 0),
    ),
}


def published(bands: int, dates: int) -> FeatureSpace:
    """Gap-filled series of so many bands and dates, as those that papers count weights for."""
    grid = TimeGrid(date(2018, 1, 1), date(2018, 1, 1) + timedelta(10 * (dates - 1)), 10)
    names = tuple(f"X{band}" for band in range(bands))
    return FeatureSpace((SensorFeatures("sentinel2", names, grid, (), red=None, nir=None, swir=None),))


def features_of(space: FeatureSpace, n: int, *, seed: int = 0) -> np.ndarray:
    """Reflectance-like numbers as the samples table has them: 0 where there is no valid acquisition, float32 (n, features)."""
    random = np.random.default_rng(seed)
    features = random.normal(2000, 500, (n, len(space))).astype(np.float32)
    for series, validity in validities(space):
        valid = random.random((n, len(validity))) < 0.6
        features[:, validity] = valid
        for positions in series:
            features[:, positions] *= valid
    return features


def validities(space: FeatureSpace) -> list[tuple[list[list[int]], list[int]]]:
    """Of each sensor that isn't gap-filled the positions of each series at all dates, and those of validity, by names."""
    found = []
    for own in space.sensors:
        if isinstance(own.filler, Unfilled):
            prefix = f"{own.sensor}_" if len(space.sensors) > 1 else ""
            names = [[f"{prefix}{name}_{day:%Y%m%d}" for day in own.grid.dates] for name in ("b4", "b8", "ndvi", "valid")]
            *series, valid = [[space.names.index(name) for name in of_date] for of_date in names]
            found.append((series, valid))
    return found


def peaks(space: FeatureSpace, n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Series with one peak of the same height and width, early or late; of raw acquisitions some are invalid."""
    random = np.random.default_rng(seed)
    features, late = features_of(space, n, seed=seed), random.integers(0, 2, n)
    centre = np.where(late, 7.0, 3.0) + random.uniform(-1, 1, n)
    peak = 2000 + 3000 * np.exp(-((np.arange(DATES) - centre[:, None]) ** 2) / 2)
    for own in space.sensors:
        prefix = f"{own.sensor}_" if len(space.sensors) > 1 else ""
        at = {
            name: [space.names.index(f"{prefix}{name}_{day:%Y%m%d}") for day in own.grid.dates]
            for name in ("b8", "valid")[: 1 + isinstance(own.filler, Unfilled)]
        }
        features[:, at["b8"]] = peak + random.normal(0, 200, peak.shape)
        if "valid" in at:
            features[:, at["b8"]] *= features[:, at["valid"]]
    return features, late
