"""From raw series to features: gap-filling and spectral indices, one pixel after the other.

The samples table and the map call the same compiled function on the same data types, so that training and mapping
cannot differ by a bit.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError
from sitspark.timegrid import TimeGrid

# changes whenever the same input may give other bits: part of the key of every stage that uses features
KERNEL_VERSION = 1

# denominators below this give an index of 0 (iota2FeatureExtraction)
SMALLEST_DENOMINATOR = 1e-5


def require_bands(indices: Sequence[str], bands: Sequence[str], *, red: str | None, nir: str | None, swir: str | None) -> None:
    """Raise SitsparkError for an index whose bands aren't all among `bands`, or aren't known (None)."""
    needed = {"ndvi": (red, nir), "ndwi": (nir, swir), "brightness": ()}
    for index in indices:
        known = [band for band in needed[index] if band is not None]
        if len(known) < len(needed[index]):
            raise SitsparkError(
                f"features.indices: {index} needs bands that scenes.description doesn't name; say which bands are red, nir "
                "and swir, or drop the index"
            )
        absent = [band for band in known if band not in bands]
        if absent:
            raise SitsparkError(
                f"features.indices: {index} needs band {', '.join(absent)}, which scenes.bands leaves out; add the band or "
                "drop the index"
            )


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """What a feature vector holds, in iota2's order: all bands date by date, then each index for all dates.

    `red`, `nir` and `swir` name the bands that NDVI and NDWI are made of.
    """

    bands: tuple[str, ...]
    grid: TimeGrid
    indices: tuple[str, ...]
    red: str | None
    nir: str | None
    swir: str | None

    def __post_init__(self) -> None:
        require_bands(self.indices, self.bands, red=self.red, nir=self.nir, swir=self.swir)

    def __len__(self) -> int:
        return len(self.grid) * (len(self.bands) + len(self.indices))

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every feature, as b4_20180321 or ndvi_20180321."""
        stamps = [f"{day:%Y%m%d}" for day in self.grid.dates]
        by_date = [f"{band.lower()}_{stamp}" for stamp in stamps for band in self.bands]
        return tuple(by_date + [f"{index}_{stamp}" for index in self.indices for stamp in stamps])

    def layout(self) -> npt.NDArray[np.int64]:
        """(red, nir, swir, first NDVI, first NDWI, first brightness) as positions; -1 for what is absent."""
        steps = len(self.grid)
        bands = [self.bands.index(name) if name in self.bands else -1 for name in (self.red, self.nir, self.swir)]
        starts = [
            steps * (len(self.bands) + self.indices.index(index)) if index in self.indices else -1
            for index in ("ndvi", "ndwi", "brightness")
        ]
        return np.array(bands + starts, np.int64)

    def to_json(self) -> str:
        """The space as JSON text, for the metadata of tables and models."""
        return json.dumps(
            {
                "bands": self.bands,
                "start": self.grid.start.isoformat(),
                "end": self.grid.end.isoformat(),
                "step": self.grid.step,
                "indices": self.indices,
                "red": self.red,
                "nir": self.nir,
                "swir": self.swir,
                "kernel_version": KERNEL_VERSION,
            }
        )

    @staticmethod
    def from_json(text: str) -> "FeatureSpace":
        """Read back what `to_json` wrote; raises SitsparkError for features of another kernel version."""
        fields: dict[str, Any] = json.loads(text)
        if fields["kernel_version"] != KERNEL_VERSION:
            raise SitsparkError(
                f"features of kernel version {fields['kernel_version']} can't be used by version {KERNEL_VERSION}; run the "
                "samples stage again"
            )
        grid = TimeGrid(date.fromisoformat(fields["start"]), date.fromisoformat(fields["end"]), fields["step"])
        return FeatureSpace(
            tuple(fields["bands"]), grid, tuple(fields["indices"]), fields["red"], fields["nir"], fields["swir"]
        )


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

    pixels int16 (count, dates, bands), valid uint8 (count, dates; 1 = usable), days int32 (dates,) ascending,
    grid int32 (steps,) ascending, layout of `FeatureSpace.layout`, out float32 (count, features).
    Before the first valid date its value holds, after the last one likewise; without any valid date all features
    are 0. Of several valid acquisitions on a grid date the first one counts. Indices after iota2:
    NDVI = 1000 (nir - red) / (nir + red), NDWI = 1000 (swir - nir) / (swir + nir), brightness = sqrt(sum of squares).
    """
    count, dates, bands = pixels.shape
    steps = grid.shape[0]
    red_band, nir_band, swir_band, ndvi_at, ndwi_at, brightness_at = layout
    usable = np.empty(dates, np.int64)
    for p in range(count):
        row = out[p]
        n = 0
        for d in range(dates):
            if valid[p, d]:
                usable[n] = d
                n += 1
        if n == 0:
            row[:] = 0
            continue
        following = 0
        for k in range(steps):
            while following < n and days[usable[following]] < grid[k]:
                following += 1
            low = usable[max(following - 1, 0)]
            high = usable[min(following, n - 1)]
            weight = np.float32(0)
            if low != high:
                weight = np.float32(grid[k] - days[low]) / np.float32(days[high] - days[low])
            squares = np.float32(0)
            at = k * bands
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
