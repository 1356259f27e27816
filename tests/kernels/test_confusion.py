"""Counting confusions: rows are the reference, and what has no class is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.confusion import confusion_counts

CODES = (1, 3, 7, 300)


def test_rows_are_the_reference() -> None:
    reference = np.array([[1, 1, 3], [3, 7, 7]], np.uint16)
    produced = np.array([[1, 3, 3], [3, 3, 1]], np.uint16)
    counts = confusion_counts(reference, produced, (1, 3, 7))
    assert counts.tolist() == [[1, 1, 0], [0, 2, 0], [1, 1, 0]]
    assert counts.dtype == np.int64


@pytest.mark.parametrize(("reference", "produced"), [(0, 1), (1, 0), (2, 3), (3, 400), (255, 255), (0, 0)])
def test_pixels_without_a_known_class_on_either_side_are_left_out(reference: int, produced: int) -> None:
    counts = confusion_counts(np.array([reference, 3], np.uint16), np.array([produced, 7], np.uint16), CODES)
    assert counts.sum() == counts[1, 2] == 1


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 3, 7, 300, 999]), st.sampled_from([0, 1, 2, 3, 7, 300])), max_size=60))
@settings(deadline=None)
def test_equals_counting_one_by_one(pairs: list[tuple[int, int]]) -> None:
    reference, produced = np.array([r for r, _ in pairs], np.int32), np.array([p for _, p in pairs], np.uint16)
    counts = confusion_counts(reference, produced, CODES)
    for i, row in enumerate(CODES):
        for j, column in enumerate(CODES):
            assert counts[i, j] == pairs.count((row, column))


def test_uint8_maps_and_codes_beyond_them_go_together() -> None:
    counts = confusion_counts(np.array([1, 44], np.uint8), np.array([1, 1], np.uint8), CODES)
    assert counts.sum() == 1  # 44 is 300 modulo 256
