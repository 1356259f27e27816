"""The series of pixels, as kernels take them."""

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PixelSeries:
    """The series of some pixels as one sensor saw them.

    reflectance x 10 000 int16 (pixels, dates, bands), valid uint8 (pixels, dates; 1 = usable), days int32 (1 or pixels,
    dates), ascending: one row where all pixels of an image are of one day.
    """

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.uint8]
    days: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.reflectance)


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
