"""Masks to validity: every bit of Theia's masks, chosen bits of Landsat's, nodata in any band."""

import numpy as np
import pytest

from sitspark.kernels import masks


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_bit_of_a_mask_invalidates(dtype: type) -> None:
    bits = 8 * np.dtype(dtype).itemsize
    mask = np.array([[0, *(1 << bit for bit in range(bits)), (1 << bits) - 1]], dtype)
    valid = np.ones(mask.shape, np.uint8)
    masks.any_bits(mask, (1 << bits) - 1, valid)
    assert valid.tolist() == [[1] + [0] * (bits + 1)]


def test_only_the_chosen_bits_invalidate() -> None:
    mask = np.array([[1 << bit for bit in range(16)] + [0xFFFF, 0]], np.uint16)
    valid = np.ones(mask.shape, np.uint8)
    masks.any_bits(mask, 1 << 0 | 1 << 4 | 1 << 15, valid)
    assert np.flatnonzero(valid[0] == 0).tolist() == [0, 4, 15, 16]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_only_the_listed_classes_invalidate(dtype: type) -> None:
    mask = np.array([[0, 1, 2, 3, 4, 11, 255, *([300] if dtype == np.uint16 else [])]], dtype)
    excluded = np.zeros(256, np.bool_)
    excluded[[0, 3, 255]] = True
    valid = np.ones(mask.shape, np.uint8)
    masks.listed(mask, excluded, False, valid)
    assert mask[0, valid[0] == 0].tolist() == [0, 3, 255]


@pytest.mark.parametrize(("others", "invalid"), [(False, [3]), (True, [-1, 3, 4, 300])])
def test_values_beyond_the_table_are_all_alike(others: bool, invalid: list[int]) -> None:
    mask = np.array([[-1, 0, 3, 4, 300]], np.int16)
    valid = np.ones(mask.shape, np.uint8)
    masks.listed(mask, np.array([False, False, False, True]), others, valid)
    assert mask[0, valid[0] == 0].tolist() == invalid


def test_no_data_in_one_band_invalidates_the_date() -> None:
    bands = np.full((3, 2, 2), 100, np.int16)
    bands[0, 0, 1] = bands[2, 1, 0] = -10000
    bands[1, 1, 1] = -9999
    valid = np.ones((2, 2), np.uint8)
    masks.nodata(bands, -10000, valid)
    assert valid.tolist() == [[1, 0], [0, 1]]


def test_no_mask_makes_a_pixel_valid_again() -> None:
    valid = np.zeros((2, 3), np.uint8)
    masks.listed(np.zeros((2, 3), np.uint8), np.zeros(256, np.bool_), False, valid)
    masks.any_bits(np.zeros((2, 3), np.uint16), 0xFFFF, valid)
    masks.nodata(np.zeros((1, 2, 3), np.int16), -10000, valid)
    assert not valid.any()
