"""Bayesian smoothing: by the formula, and the same in any window with its margin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.smoothing import gaussian, logits, smooth

NODATA = 65535


def slowly(probability: np.ndarray, scale: int, radius: int, smoothness: list[float]) -> tuple[np.ndarray, np.ndarray]:
    count, rows, cols = probability.shape
    known, x = probability[0] != NODATA, logits(scale)[np.where(probability == NODATA, 0, probability)]
    best, share = np.zeros((rows, cols), int), np.zeros((rows, cols))
    for r, c in np.argwhere(known):
        square = slice(max(r - radius, 0), r + radius + 1), slice(max(c - radius, 0), c + radius + 1)
        y, z = np.mgrid[square[0].start : min(square[0].stop, rows), square[1].start : min(square[1].stop, cols)]
        weight = np.exp(-2 * ((y - r) ** 2 + (z - c) ** 2) / max(radius, 1) ** 2) * known[square]
        p = np.zeros(count)
        for k in range(count):
            mean = np.average(x[k][square], weights=weight)
            variance = np.average((x[k][square] - mean) ** 2, weights=weight)
            posterior = (variance * x[k, r, c] + smoothness[k] * mean) / (variance + smoothness[k])
            p[k] = 1 / (1 + np.exp(-posterior))
        best[r, c], share[r, c] = p.argmax() + 1, p.max() / p.sum()
    return best, share


def smoothed(probability: np.ndarray, scale: int, radius: int, smoothness: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return smooth(probability.astype(np.uint16), logits(scale), gaussian(radius), np.array(smoothness))


def drawn(seed: int, shape: tuple[int, int], classes: int, scale: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    p = np.moveaxis(rng.dirichlet(np.ones(classes), shape), -1, 0)
    written = np.rint(p * scale).astype(int)
    written[:, rng.random(shape) < 0.2] = NODATA
    return written


@pytest.mark.parametrize("scale", [100, 1000])
@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 9), st.integers(0, 3))
def test_it_is_the_formula(scale: int, seed: int, rows: int, cols: int, radius: int) -> None:
    probability, smoothness = drawn(seed, (rows, cols), 3, scale), [10.0, 1.0, 40.0]
    best, share = smoothed(probability, scale, radius, smoothness)
    expected, sure = slowly(probability, scale, radius, smoothness)
    np.testing.assert_allclose(share, sure, rtol=1e-5)
    # two classes may be equally probable but for rounding
    clear = np.abs(sure - 0.5) > 1e-6
    np.testing.assert_array_equal(best[clear], expected[clear])


def test_a_doubtful_pixel_follows_neighbours_that_agree_and_a_sure_one_does_not() -> None:
    probability = np.stack([np.full((5, 5), 900), np.full((5, 5), 100)])
    probability[:, 2, 2] = 450, 550
    assert smoothed(probability, 1000, 2, [10.0, 10.0])[0].tolist() == [[1] * 5] * 5
    probability[:, 2, 2] = 0, 1000
    best, _ = smoothed(probability, 1000, 2, [0.1, 0.1])
    assert best[2, 2] == 2 and (np.delete(best.ravel(), 12) == 1).all()


def test_where_nothing_is_classified_there_is_no_class() -> None:
    probability = np.full((2, 3, 3), NODATA)
    probability[:, 1, 1] = 400, 600
    best, share = smoothed(probability, 1000, 1, [10.0, 10.0])
    assert best.tolist() == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert share[1, 1] == pytest.approx(0.6, abs=1e-3) and share.sum() == share[1, 1]


@settings(deadline=None)  # kernels are compiled at the first call
@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_a_window_with_its_margin_gives_the_same_bytes(seed: int, radius: int) -> None:
    rng = np.random.default_rng(seed)
    probability, smoothness = drawn(seed, (25, 25), 3, 1000), [10.0, 10.0, 10.0]
    row, col, side = rng.integers(0, 18, 3)
    top, left = max(row - radius, 0), max(col - radius, 0)
    whole = smoothed(probability, 1000, radius, smoothness)
    window = probability[:, top : row + side + radius, left : col + side + radius]
    part = smoothed(window, 1000, radius, smoothness)
    for mine, theirs in zip(part, whole, strict=True):
        inside = mine[row - top : row - top + side, col - left : col - left + side]
        assert inside.tobytes() == theirs[row : row + side, col : col + side].tobytes()
