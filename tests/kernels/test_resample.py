"""Doubling a grid: the same numbers as GDAL, and the same bits in a window as in the whole."""

import warnings

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

from sitspark.errors import SitsparkError
from sitspark.kernels.resample import upsample_2x, upsample_2x_at

NODATA = -10000
KINDS = ("nearest", "bilinear", "cubic")


def doubled(source: np.ndarray, kind: str) -> np.ndarray:
    out = np.empty((2 * source.shape[0], 2 * source.shape[1]), np.int16)
    upsample_2x(source, out, row0=0, col0=0, kind=kind, nodata=NODATA)
    return out


def doubled_by_gdal(source: np.ndarray, kind: str, nodata: int | None = NODATA) -> np.ndarray:
    rows, cols = source.shape
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with memory.open(driver="GTiff", height=rows, width=cols, count=1, dtype="int16", nodata=nodata) as written:
            written.write(source, 1)
        with memory.open() as dataset:
            return dataset.read(1, out_shape=(2 * rows, 2 * cols), resampling=Resampling[kind])


@st.composite
def images(draw: st.DrawFn, least: int = 1) -> np.ndarray:
    rows, cols = draw(st.integers(least, 24)), draw(st.integers(least, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    source = rng.integers(-300, 12000, (rows, cols)).astype(np.int16)
    source[rng.random((rows, cols)) < draw(st.sampled_from([0.0, 0.02, 0.3, 0.8]))] = NODATA
    if draw(st.booleans()):  # the edge of a swath
        source[np.add.outer(np.arange(rows), np.arange(cols)) > draw(st.integers(0, 40))] = NODATA
    return source


@pytest.mark.parametrize("kind", KINDS)
@given(source=images())
@settings(max_examples=150, deadline=None)
def test_equals_gdal_within_one_at_borders_and_holes_too(kind: str, source: np.ndarray) -> None:
    ours, theirs = doubled(source, kind).astype(int), doubled_by_gdal(source, kind).astype(int)
    has_data = doubled(source, "nearest") != NODATA
    assert (np.abs(ours - theirs)[has_data] <= 1).all()
    assert (ours[~has_data] == NODATA).all()


def test_gdal_would_fill_pixels_whose_own_coarse_pixel_has_no_data() -> None:
    """The one deliberate difference; if GDAL changes here, the module's first sentences must change too."""
    source = np.full((6, 6), 1000, np.int16)
    source[:, 3:] = NODATA
    assert (doubled(source, "cubic")[:, 6:] == NODATA).all()
    assert (doubled_by_gdal(source, "cubic")[:, 6] == 1000).all()


@pytest.mark.parametrize("kind", KINDS)
@given(source=images(least=5), data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_window_with_margin_has_the_bits_of_the_whole(kind: str, source: np.ndarray, data: st.DataObject) -> None:
    rows, cols = source.shape
    row, col = data.draw(st.integers(0, 2 * rows - 1)), data.draw(st.integers(0, 2 * cols - 1))
    height, width = data.draw(st.integers(1, 2 * rows - row)), data.draw(st.integers(1, 2 * cols - col))
    top, left = max(row // 2 - 2, 0), max(col // 2 - 2, 0)
    bottom, right = -(-(row + height) // 2) + 2, -(-(col + width) // 2) + 2
    out = np.empty((height, width), np.int16)
    upsample_2x(source[top:bottom, left:right], out, row0=row - 2 * top, col0=col - 2 * left, kind=kind, nodata=NODATA)
    np.testing.assert_array_equal(out, doubled(source, kind)[row : row + height, col : col + width])


@pytest.mark.parametrize("kind", KINDS)
@given(source=images())
@settings(max_examples=100, deadline=None)
def test_a_pixel_by_itself_has_the_bits_of_the_whole(kind: str, source: np.ndarray) -> None:
    whole = doubled(source, kind)
    rows, cols = (places.ravel().astype(np.int64) for places in np.indices(whole.shape))
    found = np.empty(whole.size, np.int16)
    upsample_2x_at(source, rows, cols, found, kind=kind, nodata=NODATA)
    assert (found == whole.ravel()).all()


def test_writes_into_a_strided_view() -> None:
    source = np.arange(48, dtype=np.int16).reshape(6, 8)
    frame = np.full((20, 20), -1, np.int16)
    upsample_2x(source, frame[3:15, 2:18], row0=0, col0=0, kind="cubic", nodata=NODATA)
    np.testing.assert_array_equal(frame[3:15, 2:18], doubled(source, "cubic"))
    assert (frame[:3] == -1).all() and (frame[:, 18:] == -1).all()


def test_saturates_and_never_makes_nodata_of_data() -> None:
    rng = np.random.default_rng(5)
    source = rng.choice(np.array([-32768, 32767, NODATA, NODATA - 1, NODATA + 1], np.int16), (40, 40))
    ours, has_data = doubled(source, "cubic"), doubled(source, "nearest") != NODATA
    kept = has_data & (doubled_by_gdal(source, "cubic") != NODATA)  # pixels without enough valid neighbours have none
    assert (ours[kept] != NODATA).all()
    assert ours.max() == 32767 and ours.min() == -32768
    assert (np.abs(ours.astype(int) - doubled_by_gdal(source, "cubic"))[has_data] <= 1).all()


def test_a_constant_stays_constant() -> None:
    source = np.full((7, 5), -37, np.int16)
    for kind in KINDS:
        assert (doubled(source, kind) == -37).all()


def test_refuses_unknown_interpolators_and_windows_outside() -> None:
    source, out = np.zeros((4, 4), np.int16), np.zeros((4, 4), np.int16)
    with pytest.raises(SitsparkError, match="nearest, bilinear or cubic"):
        upsample_2x(source, out, row0=0, col0=0, kind="lanczos", nodata=NODATA)
    with pytest.raises(ValueError, match="outside"):
        upsample_2x(source, out, row0=5, col0=0, kind="cubic", nodata=NODATA)
