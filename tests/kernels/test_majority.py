"""The majority filter: by hand, as an obvious slow one, and the same in any window with its margin."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.majority import majority


def slowly(classes: np.ndarray, group: list[int], radius: list[int], passes: int) -> np.ndarray:
    for _ in range(passes):
        after = classes.copy()
        for r, c in np.argwhere(classes > 0):
            own, side = classes[r, c], radius[classes[r, c]]
            square = classes[max(r - side, 0) : r + side + 1, max(c - side, 0) : c + side + 1].ravel()
            counts = Counter(k for k in square.tolist() if k > 0 and group[k] == group[own])
            leading = [k for k, n in counts.items() if n == max(counts.values())]
            after[r, c] = leading[0] if len(leading) == 1 else own
        classes = after
    return classes


def filtered(classes: np.ndarray, group: list[int], radius: list[int], passes: int) -> np.ndarray:
    return majority(classes.astype(np.uint16), np.array(group), np.array(radius), passes)


def test_a_lone_pixel_goes_and_what_is_not_classified_stays() -> None:
    pixels = np.array(
        [
            [1, 1, 1, 2, 2],
            [1, 3, 1, 2, 2],
            [1, 1, 0, 2, 2],
            [1, 1, 2, 2, 2],
            [1, 2, 1, 2, 2],
        ]
    )
    assert filtered(pixels, [0] * 4, [1] * 4, 1).tolist() == [
        [1, 1, 1, 2, 2],
        [1, 1, 1, 2, 2],
        [1, 1, 0, 2, 2],
        [1, 1, 2, 2, 2],
        [1, 1, 2, 2, 2],
    ]


def test_only_classes_of_one_group_replace_each_other() -> None:
    pixels = np.ones((5, 5), int)
    pixels[2, 2] = 2
    assert filtered(pixels, [0, 0, 1], [1, 1, 1], 1)[2, 2] == 2
    assert filtered(pixels, [0, 0, 0], [1, 1, 1], 1)[2, 2] == 1
    # a road of which the majority knows nothing
    assert filtered(pixels, [0, 0, 0], [1, 1, 0], 1)[2, 2] == 2


CASES = st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 14), st.integers(1, 4), st.integers(1, 3)


@settings(deadline=None)  # kernels are compiled at the first call
@given(*CASES)
def test_it_is_what_counting_says(seed: int, rows: int, cols: int, classes: int, passes: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, classes + 1, (rows, cols))
    group, radius = rng.integers(0, 2, classes + 1).tolist(), rng.integers(0, 4, classes + 1).tolist()
    np.testing.assert_array_equal(filtered(pixels, group, radius, passes), slowly(pixels, group, radius, passes))


@pytest.mark.parametrize("passes", [1, 3])
@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1))
def test_a_window_with_its_margin_gives_what_the_whole_gives(passes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 4, (30, 30))
    group, radius = rng.integers(0, 2, 4).tolist(), rng.integers(0, 3, 4).tolist()
    whole, margin = filtered(pixels, group, radius, passes), 2 * passes
    row, col, side = rng.integers(0, 20, 3)
    top, left = max(row - margin, 0), max(col - margin, 0)
    part = filtered(pixels[top : row + side + margin, left : col + side + margin], group, radius, passes)
    inside = part[row - top : row - top + side, col - left : col - left + side]
    np.testing.assert_array_equal(inside, whole[row : row + side, col : col + side])
