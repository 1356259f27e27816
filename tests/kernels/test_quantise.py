"""Eight bits: rounded, bounded, column by column."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sitspark.kernels.quantise import quantise

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
