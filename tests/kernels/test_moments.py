"""Moments over blocks against those of all samples at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.moments import add_moments


def moments(samples: np.ndarray, ends: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and squared deviations of samples that come in blocks up to these ends."""
    mean, squares = np.zeros(samples.shape[1]), np.zeros(samples.shape[1])
    for first, last in zip([0, *ends], [*ends, len(samples)], strict=True):
        add_moments(samples[first:last], first, mean, squares)
    return mean, squares


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 5), st.integers(0, 2**32 - 1), st.data())
def test_they_are_those_of_all_samples_whatever_the_blocks(count: int, features: int, seed: int, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, count), max_size=4)))
    # a deviation that is a ten-thousandth of the mean: sums of squares in float32 would lose it
    samples = np.random.default_rng(seed).normal(10_000, 1, (count, features)).astype(np.float32)
    mean, squares = moments(samples, ends)
    exact = samples.astype(np.longdouble)
    np.testing.assert_allclose(mean, exact.mean(0).astype(float), rtol=1e-13)
    np.testing.assert_allclose(squares, ((exact - exact.mean(0)) ** 2).sum(0).astype(float), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_somewhere_has_no_finite_mean(broken: float) -> None:
    samples = np.ones((300, 3), np.float32)
    samples[200, 1] = broken
    mean, _ = moments(samples, [150])
    assert np.isfinite(mean).tolist() == [True, False, True]
