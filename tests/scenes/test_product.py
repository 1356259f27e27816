import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sitspark.scenes.product import Asset

PIXEL = 20.0  # metres


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    block=st.tuples(st.integers(1, 20), st.integers(1, 70)),
    corner=st.tuples(st.integers(-20, 70), st.integers(-20, 70)),
    extent=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    margin=st.integers(0, 3),
)
def test_decoded_blocks_are_those_that_a_window_and_its_margin_touch(
    size: tuple[int, int], block: tuple[int, int], corner: tuple[int, int], extent: tuple[int, int], margin: int
) -> None:
    left, top = 300_000.0, 5_000_000.0
    asset = Asset("B5", "B5.tif", *size, (PIXEL, 0, left, 0, -PIXEL, top), "int16", 0, 1.0, 0.0, *block)
    (row, col), (height, width) = corner, extent
    bounds = (left + col * PIXEL, top - (row + height) * PIXEL, left + (col + width) * PIXEL, top - row * PIXEL)
    touched = {
        (r // block[0], c // block[1])
        for r in range(max(row - margin, 0), min(row + height + margin, size[0]))
        for c in range(max(col - margin, 0), min(col + width + margin, size[1]))
    }
    expected = len(touched) * block[0] * block[1] * np.dtype("int16").itemsize
    assert asset.block_bytes(bounds, margin * PIXEL) == expected
