import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitspark.scenes.product import Asset, in_order_of_versions

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


@pytest.mark.parametrize(
    ("number", "height", "dtypes", "words"),
    [
        (1, 40, ["int16"], None),
        (2, 40, ["uint8", "int16"], None),
        (1, 20, ["int16"], "it holds 20 x 50 pixels of int16, not 40 x 50 of int16 as the catalogue found or was told"),
        (1, 40, ["uint8"], "it holds 40 x 50 pixels of uint8, not 40 x 50 of int16 as the catalogue found or was told"),
        (2, 40, ["int16"], "it has 1 band, not 2"),
    ],
)
def test_a_file_that_was_replaced_by_another_kind_is_refused(
    number: int, height: int, dtypes: list[str], words: str | None
) -> None:
    asset = Asset("B4", "B4.tif", 40, 50, (10, 0, 0, 0, -10, 0), "int16", -10000, 1, 0, 40, 50, number)
    if words is None:
        asset.refuse_other(height, 50, dtypes)
    else:
        with pytest.raises(OSError, match=words):
            asset.refuse_other(height, 50, dtypes)


@pytest.mark.parametrize(
    ("older", "newer"), [("9-0", "10-0"), ("2-2", "2-10"), ("", "1"), ("05.09", "05.10"), ("02.14 2019", "02.14 2020")]
)
def test_versions_follow_their_numbers(older: str, newer: str) -> None:
    assert in_order_of_versions(older) < in_order_of_versions(newer)
