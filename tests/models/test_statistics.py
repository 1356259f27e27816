"""Statistics that come piece by piece against those of all samples at once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.models import statistics
from sitspark.models.statistics import QUANTILES, Moments, Spread, Statistics


def samples(count: int, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(3_000, 100, (count, 3)).astype(np.float32)


def cuts(data: st.DataObject, count: int) -> list[slice]:
    """Consecutive slices of so many samples, empty ones among them."""
    ends = sorted(data.draw(st.lists(st.integers(0, count), max_size=5)))
    return [slice(first, last) for first, last in zip([0, *ends], [*ends, count], strict=True)]


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(0, 2**32 - 1), st.data())
def test_moments_of_groups_add_up_to_those_of_all(count: int, seed: int, data: st.DataObject) -> None:
    features, whole = samples(count, seed=seed), Moments(3)
    for group in cuts(data, count):
        own = Moments(3)
        own.add(features[group])
        whole.add_those_of(own)
    exact = features.astype(np.float64)
    assert whole.count == count
    if count:
        np.testing.assert_allclose(whole.mean, exact.mean(0), rtol=1e-12)
        np.testing.assert_allclose(whole.squares, ((exact - exact.mean(0)) ** 2).sum(0), rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), st.data())
def test_every_kth_sample_is_taken_whatever_the_blocks_and_their_order(count: int, most: int, data: st.DataObject) -> None:
    before, statistics._MOST = statistics._MOST, most
    try:
        spread = Spread.of(count, 3)
    finally:
        statistics._MOST = before
    features = samples(count, seed=0)
    for block in data.draw(st.permutations(cuts(data, count))):
        spread.take(features[block], block.start)
    assert len(spread.rows) <= most
    np.testing.assert_array_equal(spread.rows, features[:: spread.step])


def test_statistics_are_those_of_numpy() -> None:
    features = samples(1000, seed=1)
    found, exact = Statistics.of_features(features), features.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.deviation, exact.std(0), rtol=1e-9)
    np.testing.assert_allclose(found.quantiles, np.quantile(features, QUANTILES, axis=0), rtol=1e-6)


def test_without_samples_all_are_zero() -> None:
    found = Statistics.of_features(np.empty((0, 3), np.float32))
    assert found.count == 0 and not found.mean.any() and not found.deviation.any() and not found.quantiles.any()
