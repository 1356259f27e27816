"""Pixels brought onto another grid, against a slow version that is written as the definition reads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.warp import interpolated, nearest

from .slow_warp import NODATA, slow


@pytest.mark.parametrize("cubic", [True, False])
@settings(deadline=None, max_examples=60)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from([0, 0.05, 0.5]))
def test_pixels_are_those_of_the_definition(cubic: bool, height: int, width: int, seed: int, holes: float) -> None:
    rng = np.random.default_rng(seed)
    source = rng.integers(-500, 9000, (height, width)).astype(np.int16)
    source[rng.random(source.shape) < holes] = NODATA
    rows, cols = rng.uniform(-1, height + 1, 50), rng.uniform(-1, width + 1, 50)
    # centres, borders and corners
    rows[:9], cols[:9] = np.repeat([0, height / 2, height], 3), np.tile([0, width / 2, width], 3)
    found = np.empty(50, np.int16)
    interpolated(source, rows, cols, found, cubic, NODATA, -32768.0, 32767.0)
    for row, col, number in zip(rows, cols, found.tolist(), strict=True):
        wanted = slow(source, row, col, cubic=cubic)
        if wanted is None:
            assert number == NODATA
        else:
            assert abs(number - wanted) <= 0.5 + 1e-6


def test_a_centre_has_the_number_of_its_pixel_and_a_plane_stays_one() -> None:
    rows, cols = np.mgrid[0:12, 0:15].astype(float)
    source = (100 + 8 * rows + 4 * cols).astype(np.int16)
    found = np.empty(source.size, np.int16)
    interpolated(source, (rows + 0.5).ravel(), (cols + 0.5).ravel(), found, True, NODATA, -32768.0, 32767.0)
    assert (found.reshape(source.shape) == source).all()
    inner = np.s_[2:-2, 2:-2]
    interpolated(source, (rows + 0.75).ravel(), (cols + 0.25).ravel(), found, True, NODATA, -32768.0, 32767.0)
    assert (found.reshape(source.shape)[inner] == source[inner] + 2 - 1).all()


def test_overshoot_is_kept_within_the_type_and_nodata_never_arises() -> None:
    source = np.tile(np.array([0, 0, 65535, 65535, 0, 0], np.uint16), (6, 1))
    found = np.empty(1, np.uint16)
    interpolated(source, np.array([3.0]), np.array([3.0]), found, True, 7, 0.0, 65535.0)
    assert found[0] == 65535  # 1.125 times as much
    interpolated(source, np.array([3.0]), np.array([1.2]), found, True, 7, 0.0, 65535.0)
    assert found[0] == 0
    interpolated(np.full((6, 6), 5, np.uint16), np.array([3.0]), np.array([3.0]), found, True, 5, 0.0, 65535.0)
    assert found[0] == 5  # the pixel itself has no data
    steps = np.tile(np.array([4, 4, 4, 6, 6, 6], np.uint16), (6, 1))
    interpolated(steps, np.array([3.0]), np.array([3.0]), found, True, 5, 0.0, 65535.0)
    assert found[0] == 4


@pytest.mark.parametrize("place", [np.nan, np.inf, -np.inf, -0.1, 4.1])
def test_beyond_the_image_there_is_nothing(place: float) -> None:
    source = np.ones((4, 4), np.int16)
    for rows, cols in (([place], [2.0]), ([2.0], [place])):
        found = np.zeros(1, np.int16)
        interpolated(source, np.array(rows), np.array(cols), found, True, NODATA, -32768.0, 32767.0)
        assert found[0] == NODATA
        nearest(source, np.array(rows), np.array(cols), found, -5.0)
        assert found[0] == -5


def test_the_nearest_pixel_is_that_in_which_a_place_lies() -> None:
    source = np.arange(12, dtype=np.uint8).reshape(3, 4)
    found = np.empty(4, np.uint8)
    nearest(source, np.array([0.0, 0.99, 1.0, 3.0]), np.array([0.0, 3.99, 2.5, 3.0]), found, 255.0)
    assert found.tolist() == [0, 3, 6, 255]
