"""Components of a map of classes: as an independent library numbers them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sitspark.kernels.components import components


@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4))
def test_components_are_those_of_each_class(seed: int, rows: int, cols: int, classes: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, classes + 1, (rows, cols)).astype(np.uint16)
    labels, count = components(pixels)
    expected = np.zeros(pixels.shape, np.int64)
    for code in range(1, classes + 1):
        own, _ = ndimage.label(pixels == code)
        expected[own > 0] = own[own > 0] + expected.max()
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    assert ((labels == 0) == (pixels == 0)).all()
    found, first = np.unique(labels[labels > 0], return_index=True)
    assert found.tolist() == list(range(1, count + 1)) and (np.diff(first) > 0).all()
