"""The sieve: by hand, as an obvious slow one, and exact in any window as far as it says so."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from sitspark.kernels.sieve import sieve

WHOLE = np.zeros(4, np.bool_)


def parts_of(classes: np.ndarray) -> list[np.ndarray]:
    found = []
    for code in np.unique(classes[classes > 0]):
        labels, count = ndimage.label(classes == code)
        found += [labels == i for i in range(1, count + 1)]
    return found


def slowly(classes: np.ndarray, smallest: list[int]) -> np.ndarray:
    after = classes.copy()
    waiting, settled = [], np.zeros(classes.shape, bool)
    for part in parts_of(classes):
        if part.sum() >= smallest[classes[part][0]]:
            settled |= part
        else:
            waiting.append(part)
    while waiting:
        joining = []
        for part in waiting:
            border: Counter[int] = Counter()
            for r, c in np.argwhere(part):
                for y, x in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                    if 0 <= y < len(part) and 0 <= x < part.shape[1] and settled[y, x]:
                        border[after[y, x]] += 1
            if border:
                joining.append((part, min(border, key=lambda k: (-border[k], k))))
        if not joining:
            break
        for part, code in joining:
            after[part], settled[part] = code, True
        waiting = [part for part in waiting if not any(part is joined for joined, _ in joining)]
    return after


def sieved(classes: np.ndarray, smallest: list[int]) -> np.ndarray:
    after, exact = sieve(classes.astype(np.uint16), np.array(smallest), WHOLE)
    assert exact.all()
    return after


def test_small_parts_join_the_longest_border_and_what_is_not_classified_stays() -> None:
    pixels = np.array(
        [
            [1, 1, 1, 2, 2],
            [1, 3, 1, 2, 2],
            [1, 1, 0, 2, 2],
            [3, 3, 2, 2, 2],
            [3, 3, 1, 1, 2],
        ]
    )
    # the pair of 1 at the bottom touches 2 along three edges, 3 along one
    assert sieved(pixels, [0, 3, 3, 3]).tolist() == [
        [1, 1, 1, 2, 2],
        [1, 1, 1, 2, 2],
        [1, 1, 0, 2, 2],
        [3, 3, 2, 2, 2],
        [3, 3, 2, 2, 2],
    ]


def test_each_class_has_its_own_smallest_size() -> None:
    pixels = np.ones((5, 5), int)
    pixels[1, 1], pixels[3, 3] = 2, 3
    after = sieved(pixels, [0, 4, 1, 2])
    assert (after[1, 1], after[3, 3]) == (2, 1)


def test_an_island_of_nothing_but_small_parts_stays() -> None:
    pixels = np.zeros((5, 5), int)
    pixels[1, 1], pixels[1, 2], pixels[2, 1] = 1, 2, 3
    assert sieved(pixels, [0, 9, 9, 9]).tolist() == pixels.tolist()


@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(1, 14), st.integers(1, 4))
def test_it_is_what_looking_at_each_part_says(seed: int, rows: int, cols: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(rng.integers(0, 2), classes + 1, (rows, cols))
    smallest = rng.integers(0, 9, classes + 1).tolist()
    after = sieved(pixels, smallest)
    np.testing.assert_array_equal(after, slowly(pixels, smallest))
    np.testing.assert_array_equal(after == 0, pixels == 0)


@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_no_small_part_is_left_beside_anything_else(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(rng.integers(0, 2), 4, (12, 12))
    after = sieved(pixels, [0, least, least, least])
    islands, _ = ndimage.label(pixels > 0)
    for part in parts_of(after):
        island = islands == islands[part][0]
        alone = all(one.sum() < least for one in parts_of(np.where(island, pixels, 0)))
        assert part.sum() >= least or alone


@pytest.mark.parametrize("classes", [2, 4])
@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1))
def test_what_a_window_knows_is_what_the_whole_map_gives(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse, share = rng.integers(1, classes + 1, (6, 6)), rng.uniform(0, 0.6)
    pixels = np.kron(coarse, np.ones((6, 6), int))
    noisy = rng.random(pixels.shape) < share
    pixels[noisy] = rng.integers(0, classes + 1, noisy.sum())
    smallest = rng.integers(0, 9, classes + 1).tolist()
    whole = sieved(pixels, smallest)
    row, col = rng.integers(0, 20, 2)
    stop_row, stop_col = rng.integers(row + 1, 37), rng.integers(col + 1, 37)
    cut = np.array([row > 0, stop_row < 36, col > 0, stop_col < 36])
    window = slice(row, stop_row), slice(col, stop_col)
    after, exact = sieve(pixels[window].astype(np.uint16), np.array(smallest), cut)
    np.testing.assert_array_equal(after[exact], whole[window][exact])


def test_a_window_with_some_margin_knows_its_middle() -> None:
    rng = np.random.default_rng(1)
    pixels = np.kron(rng.integers(1, 4, (6, 6)), np.ones((20, 20), int))
    noisy = rng.random(pixels.shape) < 0.2
    pixels[noisy] = rng.integers(1, 4, noisy.sum())
    _, exact = sieve(pixels[10:-10, 10:-10].astype(np.uint16), np.array([0, 5, 5, 5]), ~WHOLE)
    assert exact[15:-15, 15:-15].all() and not exact.all()
