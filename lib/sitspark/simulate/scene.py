"""What the instrument measures: reflectances and masks of one window of one acquisition."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, uint64

from sitspark.grid import Window
from sitspark.simulate.acquisitions import Acquisition
from sitspark.simulate.catalogue import Cover
from sitspark.simulate.climate import Region, climate, region_of
from sitspark.simulate.ground import Ground, ground
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.noise import generator_of, hashed, key_of, mixed, normal, smooth, uniform
from sitspark.simulate.phenology import BANDS, Flora, flora, parcel_spectra
from sitspark.simulate.weather import CLOUDY, THINNEST, Sky, sky

BANDS_10M = ("B2", "B3", "B4", "B8")
BANDS_20M = ("B5", "B6", "B7", "B8A", "B11", "B12")
NODATA = -10000
SATURATED = 9800  # reflectance x 10000 at which the detector of every band is full
CLIMATE_CELL = 16  # the climate is the same within this many pixels
CLOUD_SPECTRUM = np.array([7200.0, 7100, 7200, 7300, 7400, 7450, 7500, 7550, 4800, 3600])
# MAJA's bits of the cloud mask
CLOUD_OR_SHADOW, CLOUD, THICK_CLOUD, MULTITEMPORAL_CLOUD, THIN_CLOUD, SHADOW, FOREIGN_SHADOW = 1, 2, 4, 8, 16, 32, 64
# for every band, its file's resolution (0: 10 m, 1: 20 m) and its place among the bands of that resolution
PLACE_OF_BAND = np.array([(0, BANDS_10M.index(band)) if band in BANDS_10M else (1, BANDS_20M.index(band)) for band in BANDS])


@dataclass(frozen=True, slots=True)
class Scene:
    """One window of a product.

    fine: (4, height, width) int16, BANDS_10M; coarse: (6, height / 2, width / 2) int16, BANDS_20M; reflectance x 10000,
    NODATA where not seen. A 20 m pixel is the mean of its four 10 m pixels.
    clouds, saturation, edge: masks at 10 m and at 20 m, uint8, zero where valid.
    """

    fine: np.ndarray
    coarse: np.ndarray
    clouds: tuple[np.ndarray, np.ndarray]
    saturation: tuple[np.ndarray, np.ndarray]
    edge: tuple[np.ndarray, np.ndarray]


class _Place(NamedTuple):
    """Where a window lies in the area (pixels), and the key of the ground's texture."""

    region: Region
    row: int
    col: int
    key: np.uint64


class _Light(NamedTuple):
    """What holds for a whole product: the day of the year, key of its noise, gain and offset of each band."""

    day: float
    key: np.uint64
    gain: np.ndarray
    haze: np.ndarray


class _Counts(NamedTuple):
    """What is measured: reflectances and saturation bits at both resolutions."""

    fine: np.ndarray
    coarse: np.ndarray
    fine_saturation: np.ndarray
    coarse_saturation: np.ndarray


def scene(landscape: Landscape, acquisition: Acquisition, window: Window) -> Scene:
    """One window of a product, of even origin and size, in pixels from the tile's upper-left corner."""
    extent = landscape.extents[acquisition.tile]
    place = window.shifted(extent.row, extent.col)
    height, width = window.height, window.width
    above = sky(landscape, acquisition, window)
    counts = _Counts(
        np.empty((4, height, width), np.int16),
        np.empty((6, height // 2, width // 2), np.int16),
        np.zeros((height, width), np.uint8),
        np.zeros((height // 2, width // 2), np.uint8),
    )
    _measure(
        ground(landscape, place),
        above,
        flora(),
        _light(landscape, acquisition),
        _Place(region_of(landscape), place.row, place.col, key_of(landscape.seed, "texture")),
        counts,
    )
    clouds, edge = _cloud_mask(above), above.unseen.astype(np.uint8)
    return Scene(
        counts.fine,
        counts.coarse,
        (clouds, np.bitwise_or.reduce(_quads(clouds), axis=(1, 3))),
        (counts.fine_saturation, counts.coarse_saturation),
        (edge, _quads(edge).max(axis=(1, 3))),
    )


def relief(landscape: Landscape, acquisition: Acquisition, window: Window) -> np.ndarray:
    """Illumination of the slopes relative to flat ground, (height, width) float32 about 1: SRE = FRE x relief."""
    extent = landscape.extents[acquisition.tile]
    field = np.empty((window.height, window.width), np.float32)
    contrast = 0.15 * math.tan(math.radians(min(acquisition.sun_zenith, 70.0)))
    _relief(key_of(landscape.seed, "relief"), extent.row + window.row, extent.col + window.col, contrast, field)
    return field


def _quads(mask: np.ndarray) -> np.ndarray:
    """A view (h / 2, 2, w / 2, 2) whose axes 1 and 3 run within 20 m pixels."""
    return mask.reshape(mask.shape[0] // 2, 2, mask.shape[1] // 2, 2)


def _light(landscape: Landscape, acquisition: Acquisition) -> _Light:
    rng = generator_of(landscape.seed, acquisition.product, "light")
    gain = 1.0 + rng.normal(0.0, 0.015) + rng.normal(0.0, 0.01, len(BANDS))
    # what the correction of the aerosols leaves fades with the wavelength
    haze = rng.normal(0.0, 45.0) * np.array([1.0, 0.75, 0.55, 0.45, 0.4, 0.35, 0.3, 0.3, 0.1, 0.1])
    return _Light(float(acquisition.day), key_of(landscape.seed, acquisition.product, "noise"), gain, haze)


def _cloud_mask(above: Sky) -> np.ndarray:
    mask = np.zeros(above.cloud.shape, np.uint8)
    cloud, shadow = above.cloud > CLOUDY, above.shadow > CLOUDY
    mask[cloud] |= CLOUD_OR_SHADOW | CLOUD | MULTITEMPORAL_CLOUD
    mask[above.cloud > 0.5] |= THICK_CLOUD
    mask[(above.cloud > THINNEST) & ~cloud] |= THIN_CLOUD
    mask[shadow & ~above.foreign] |= CLOUD_OR_SHADOW | SHADOW
    mask[shadow & above.foreign] |= CLOUD_OR_SHADOW | FOREIGN_SHADOW
    mask[above.unseen] = 0
    return mask


@njit(cache=True, nogil=True)
def _relief(key: np.uint64, first_row: int, first_col: int, contrast: float, field: npt.NDArray[np.float32]) -> None:
    for i in range(field.shape[0]):
        for j in range(field.shape[1]):
            field[i, j] = 1.0 + contrast * (smooth(key, float(first_row + i), float(first_col + j), 45.0) - 0.5)


@njit(cache=True, nogil=True)
def _measure(land: Ground, above: Sky, plants: Flora, light: _Light, place: _Place, counts: _Counts) -> None:
    """Fill counts from the ground and the sky, 20 m pixel by 20 m pixel."""
    green, bare, pixel, mean = np.empty(10), np.empty(10), np.empty(10), np.empty(10)
    known_parcel, known_row, known_col, known_code, share = uint64(0), -1, -1, 0, 0.0
    for i in range(counts.coarse.shape[1]):
        for j in range(counts.coarse.shape[2]):
            mean[:] = 0.0
            for quarter in range(4):
                r, c = 2 * i + quarter // 2, 2 * j + quarter % 2
                row, col = place.row + r, place.col + c
                cell_row, cell_col = row // CLIMATE_CELL, col // CLIMATE_CELL
                code, parcel = land.codes[r, c], land.parcels[r, c]
                if parcel != known_parcel or code != known_code or cell_row != known_row or cell_col != known_col:
                    known_parcel, known_code, known_row, known_col = parcel, code, cell_row, cell_col
                    here = climate(place.region, cell_row * CLIMATE_CELL, cell_col * CLIMATE_CELL)
                    share = parcel_spectra(plants, code, parcel, light.day, here, green, bare)
                growth = min(max(share * land.vigour[r, c], 0.0), 1.0)
                ripple = plants.traits[plants.first[code], 2] * normal(hashed(place.key, row, col))
                for band in range(10):
                    pixel[band] = (bare[band] + growth * (green[band] - bare[band])) * (1.0 + ripple)
                _veil(pixel, above.cloud[r, c], above.shadow[r, c])
                _sense(pixel, code, row, col, light)
                _store_fine(pixel, above.unseen[r, c], r, c, counts)
                for band in range(10):
                    mean[band] += 0.25 * pixel[band]
            _store_coarse(mean, above.unseen[2 * i, 2 * j], i, j, counts)


@njit(cache=True, inline="always")
def _veil(pixel: npt.NDArray[np.float64], cloud: np.float32, shadow: np.float32) -> None:
    """Darken by the shadow, then cover by the cloud, in place."""
    for band in range(10):
        shaded = pixel[band] * (1.0 - (0.75 - 0.02 * band) * shadow * (1.0 - cloud))
        pixel[band] = shaded + cloud * (CLOUD_SPECTRUM[band] * (0.6 + 0.55 * cloud) - shaded)


@njit(cache=True, inline="always")
def _sense(pixel: npt.NDArray[np.float64], code: int, row: int, col: int, light: _Light) -> None:
    """The instrument and the atmospheric correction: gain, haze, noise; in place. A roof may mirror the sun."""
    draw = hashed(light.key, row, col)
    glint = code == Cover.INDUSTRIAL.value and uniform(mixed(draw)) < 0.004
    for band in range(10):
        value = pixel[band] * light.gain[band] + light.haze[band]
        value += (25.0 + 0.012 * value) * normal(mixed(draw + uint64(band + 1)))
        pixel[band] = min(max(SATURATED if glint else value, 1.0), SATURATED)


@njit(cache=True, inline="always")
def _store_fine(pixel: npt.NDArray[np.float64], unseen: bool, r: int, c: int, counts: _Counts) -> None:
    for band in range(10):
        if PLACE_OF_BAND[band, 0] == 0:
            index = PLACE_OF_BAND[band, 1]
            counts.fine[index, r, c] = NODATA if unseen else int(pixel[band] + 0.5)
            if pixel[band] >= SATURATED and not unseen:
                counts.fine_saturation[r, c] |= 1 << index


@njit(cache=True, inline="always")
def _store_coarse(mean: npt.NDArray[np.float64], unseen: bool, i: int, j: int, counts: _Counts) -> None:
    for band in range(10):
        if PLACE_OF_BAND[band, 0] == 1:
            index = PLACE_OF_BAND[band, 1]
            counts.coarse[index, i, j] = NODATA if unseen else int(mean[band] + 0.5)
            if mean[band] >= SATURATED and not unseen:
                counts.coarse_saturation[i, j] |= 1 << index
