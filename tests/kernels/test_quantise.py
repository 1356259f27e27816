"""Eight bits: rounded, bounded, column by column."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sitspark.kernels.quantise import quantise, to_bfloat16

NUMBERS = st.floats(-1e4, 1e4, width=32)


@settings(deadline=None)
@given(arrays(np.float32, (5, 7), elements=NUMBERS), arrays(np.float32, 7, elements=st.floats(-2, 2, width=32)))
def test_equals_rounding_and_clipping(values: np.ndarray, scale: np.ndarray) -> None:
    shift, out = np.full(7, 128, np.float32), np.empty((5, 7), np.uint8)
    quantise(values, scale, shift, out)
    exact = values.astype(np.float64) * scale + 128
    np.testing.assert_allclose(out, exact.clip(0, 255), atol=0.501)
    assert (out[exact <= 0] == 0).all() and (out[exact >= 255] == 255).all()


def test_by_hand() -> None:
    out = np.empty((2, 3), np.uint8)
    values = np.array([[0, 1, -1], [300, 2.4, 0.26]], np.float32)
    quantise(values, np.array([1, 10, 2], np.float32), np.array([128, 0, 5], np.float32), out)
    assert out.tolist() == [[128, 10, 3], [255, 24, 6]]


@settings(deadline=None)
@given(arrays(np.float32, (5, 7), elements=st.floats(width=32)))
def test_bfloat16_is_rounded_as_torch_rounds(values: np.ndarray) -> None:
    out = np.empty((5, 7), np.uint16)
    to_bfloat16(values, np.ones(7, np.float32), np.zeros(7, np.float32), out)
    found = torch.from_numpy(out.view(np.int16)).view(torch.bfloat16)
    expected = torch.from_numpy(values + np.float32(0)).bfloat16()
    torch.testing.assert_close(found, expected, atol=0, rtol=0, equal_nan=True)


def test_bfloat16_of_scaled_columns_by_hand() -> None:
    """8 significant bits: 257 lies between 256 and 258, and goes to the even one; 259 between 258 and 260."""
    out = np.empty((1, 4), np.uint16)
    values, scale = np.array([[1, 257, 259, 3]], np.float32), np.array([2, 1, 1, -1], np.float32)
    to_bfloat16(values, scale, np.array([0.5, 0, 0, 1], np.float32), out)
    assert torch.from_numpy(out.view(np.int16)).view(torch.bfloat16).tolist() == [[2.5, 256, 260, -2]]
