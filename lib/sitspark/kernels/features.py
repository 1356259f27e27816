"""From raw series to features: gap-filling and spectral indices, one pixel after the other.

The samples table and the map call the same compiled function on the same data types, so that training and mapping
cannot differ by a bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from sitspark.kernels.feature_space import FeatureSpace

# denominators below this give an index of 0 (iota2FeatureExtraction)
SMALLEST_DENOMINATOR = 1e-5


@dataclass(frozen=True, slots=True)
class PixelSeries:
    """The series of some pixels as one sensor saw them.

    reflectance x 10 000 int16 (pixels, dates, bands), valid uint8 (pixels, dates; 1 = usable), days int32 (1 or pixels,
    dates), ascending: one row where all pixels of an image are of one day.
    """

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.uint8]
    days: npt.NDArray[np.int32]


def features_of(
    series: Sequence[PixelSeries], static: npt.NDArray[np.float32], space: FeatureSpace, out: npt.NDArray[np.float32]
) -> None:
    """Fill `out`, float32 (pixels, features): the series of each sensor of the space, then `static` (pixels, layers)."""
    for one, place in zip(series, space.places, strict=True):
        features_of_pixels(one.reflectance, one.valid, one.days, place.days, place.layout, out)
    if space.static:
        out[:, -len(space.static) :] = static


@numba.njit(nogil=True, cache=True)
def pixel_major(
    series: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    first: int,
    pixels: npt.NDArray[np.int16],
    pixels_valid: npt.NDArray[np.uint8],
) -> None:
    """Transpose series (dates, bands, all pixels) from pixel `first` into pixels (count, dates, bands); valid alike."""
    dates, bands, _ = series.shape
    for d in range(dates):
        # bands inside: as many streams are read as one line of the cache is written with
        for p in range(pixels.shape[0]):
            for b in range(bands):
                pixels[p, d, b] = series[d, b, first + p]
            pixels_valid[p, d] = valid[d, first + p]


# no 'nnan' and 'ninf': a NaN must stay visible; the others only let the compiler fuse and reorder
@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def features_of_pixels(
    pixels: npt.NDArray[np.int16],
    valid: npt.NDArray[np.uint8],
    days: npt.NDArray[np.int32],
    grid: npt.NDArray[np.int32],
    layout: npt.NDArray[np.int64],
    out: npt.NDArray[np.float32],
) -> None:
    """Gap-fill each pixel linearly in time onto the grid and append its indices.

    pixels, valid and days as in `PixelSeries`; grid int32 (steps,) ascending, layout of `SensorFeatures.layout`, out
    float32 (count, features), of which only the sensor's own are written. Before the first valid date its value holds,
    after the last one likewise; without any valid date all of them are 0. Of several valid acquisitions on a grid date
    the first one counts. Indices after iota2: NDVI = 1000 (nir - red) / (nir + red), NDWI = 1000 (swir - nir) /
    (swir + nir), brightness = sqrt(sum of squares).
    """
    count, dates, bands = pixels.shape
    steps = grid.shape[0]
    red_band, nir_band, swir_band, ndvi_at, ndwi_at, brightness_at, bands_at, end = layout
    one_day = days.shape[0] == 1
    usable = np.empty(dates, np.int64)
    for p in range(count):
        row = out[p]
        own = days[0] if one_day else days[p]
        n = 0
        for d in range(dates):
            if valid[p, d]:
                usable[n] = d
                n += 1
        if n == 0:
            row[bands_at:end] = 0
            continue
        following = 0
        for k in range(steps):
            while following < n and own[usable[following]] < grid[k]:
                following += 1
            low = usable[max(following - 1, 0)]
            high = usable[min(following, n - 1)]
            weight = np.float32(0)
            if low != high:
                weight = np.float32(grid[k] - own[low]) / np.float32(own[high] - own[low])
            squares = np.float32(0)
            at = bands_at + k * bands
            for b in range(bands):
                before = np.float32(pixels[p, low, b])
                value = before + (np.float32(pixels[p, high, b]) - before) * weight
                row[at + b] = value
                squares += value * value
            if ndvi_at >= 0:
                row[ndvi_at + k] = _normalised_difference(row[at + nir_band], row[at + red_band])
            if ndwi_at >= 0:
                row[ndwi_at + k] = _normalised_difference(row[at + swir_band], row[at + nir_band])
            if brightness_at >= 0:
                row[brightness_at + k] = np.sqrt(squares)


@numba.njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _normalised_difference(a: np.float32, b: np.float32) -> np.float32:
    total = a + b
    if abs(total) < SMALLEST_DENOMINATOR:
        return np.float32(0)
    return np.float32(1000) * (a - b) / total
