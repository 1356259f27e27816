"""What hides the ground on a scene: clouds, their shadows, and the edge of the swath."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from sitspark.grid import Window
from sitspark.simulate.acquisitions import Acquisition
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.noise import fractal, generator_of, key_of

CLOUD_SCALE = 180.0  # pixels
OCTAVES = 5
SOFTNESS = 0.07  # rise of the noise over which a cloud becomes opaque
THINNEST, CLOUDY = 0.02, 0.06  # opacities from which MAJA's masks would flag


class Sky(NamedTuple):  # a type that compiled code can take apart
    """The sky over one window; arrays are (height, width).

    cloud: opacity of the clouds above a pixel, float32, 0-1. shadow: of the clouds between it and the sun, float32.
    foreign: whether the caster of the shadow is outside the tile, bool. unseen: beyond the swath's edge, bool, the same
    within each 20 m pixel.
    """

    cloud: np.ndarray
    shadow: np.ndarray
    foreign: np.ndarray
    unseen: np.ndarray


def sky(landscape: Landscape, acquisition: Acquisition, window: Window) -> Sky:
    """The sky over a window of the tile, of even origin and size, in pixels from the tile's upper-left corner."""
    key = key_of(landscape.seed, acquisition.product, "clouds")
    threshold = _threshold(landscape, acquisition)
    down, right = _towards_sun(landscape, acquisition)
    # one field holds both the clouds above the window and those that shade it
    above = window.shifted(min(down, 0), min(right, 0))
    field = np.empty((window.height + abs(down), window.width + abs(right)), np.float32)
    _opacity(key, above.row, above.col, threshold, field)

    def part(rows: int, cols: int) -> np.ndarray:
        row, col = rows - min(down, 0), cols - min(right, 0)
        return np.ascontiguousarray(field[row : row + window.height, col : col + window.width])

    rows = np.arange(window.row, window.stop_row)[:, None]
    cols = np.arange(window.col, window.stop_col)[None, :]
    casting_rows, casting_cols = rows + down, cols + right
    size = landscape.size
    foreign = (casting_rows < 0) | (casting_rows >= size) | (casting_cols < 0) | (casting_cols >= size)
    return Sky(part(0, 0), part(down, right), foreign, _unseen(acquisition, rows, cols))


def _unseen(acquisition: Acquisition, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    edge = acquisition.edge
    if edge is None:
        return np.zeros((len(rows), cols.shape[1]), bool)
    # by whole 20 m pixels, so that the masks of both resolutions agree
    return edge.down * (rows // 2 * 2 + 1) + edge.right * (cols // 2 * 2 + 1) > edge.offset


def _towards_sun(landscape: Landscape, acquisition: Acquisition) -> tuple[int, int]:
    """(rows, columns) from a shaded pixel to the cloud that shades it."""
    rng = generator_of(landscape.seed, acquisition.product, "cloud height")
    distance = rng.uniform(20.0, 90.0) * math.tan(math.radians(min(acquisition.sun_zenith, 70.0)))
    azimuth = math.radians(acquisition.sun_azimuth)
    return round(-distance * math.cos(azimuth)), round(distance * math.sin(azimuth))


@lru_cache(maxsize=16)
def _threshold(landscape: Landscape, acquisition: Acquisition) -> float:
    """The value of the noise above which there is a cloud, for the wanted cover of the whole tile."""
    if acquisition.cover < 0.03:
        return 2.0
    if acquisition.cover > 0.97:
        return -1.0
    step = max(landscape.size // 128, 1)
    sample = np.empty((-(-landscape.size // step),) * 2, np.float32)
    _field(key_of(landscape.seed, acquisition.product, "clouds"), step, sample)
    return float(np.quantile(sample, 1.0 - acquisition.cover))


@njit(cache=True, nogil=True)
def _field(key: np.uint64, step: int, field: npt.NDArray[np.float32]) -> None:
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            field[i, j] = fractal(key, float(i * step), float(j * step), CLOUD_SCALE, OCTAVES)


@njit(cache=True, nogil=True)
def _opacity(key: np.uint64, first_row: int, first_col: int, threshold: float, field: npt.NDArray[np.float32]) -> None:
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            if threshold > 1.0:
                field[i, j] = 0.0
                continue
            noise = fractal(key, float(first_row + i), float(first_col + j), CLOUD_SCALE, OCTAVES)
            field[i, j] = min(max((noise - threshold) / SOFTNESS, 0.0), 1.0)
