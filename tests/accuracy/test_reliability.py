from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sitspark.accuracy.reliability import BINS, Reliability, bins_of, deviation_by_polygon


def test_bins_hold_their_upper_edge() -> None:
    edges = np.array([0, 1 / BINS, 2 / BINS, 14 / BINS, 1])
    assert bins_of(edges).tolist() == [0, 0, 1, 13, 14]
    assert bins_of(np.array([1 / BINS + 1e-9, np.float32(1)])).tolist() == [1, 14]


# no edge of a bin is among them: 997 is prime
confidences = st.integers(0, 996).map(lambda number: (number + 0.5) / 997)


@given(st.lists(st.tuples(confidences, st.booleans()), min_size=1, max_size=60))
def test_the_error_is_that_of_the_definition(samples: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([c for c, _ in samples]), np.array([r for _, r in samples])
    expected = 0.0
    for low, high in pairwise(np.arange(BINS + 1) / BINS):
        own = (confidence > low) & (confidence <= high)
        if own.any():
            expected += own.mean() * abs(right[own].mean() - confidence[own].mean())
    found = Reliability.between(confidence, right)
    assert found.error == pytest.approx(expected, abs=1e-12)
    assert found.accuracy == pytest.approx(right.mean())
    assert found.excess == pytest.approx(confidence.mean() - right.mean(), abs=1e-12)


def test_a_model_that_is_always_as_sure_as_it_is_right_has_no_error() -> None:
    assert Reliability.between(np.full(10, 0.7), np.arange(10) < 7).error == pytest.approx(0)
    assert Reliability.between(np.full(10, 0.9), np.arange(10) < 7).excess == pytest.approx(0.2)


def test_nothing_is_known_of_no_sample() -> None:
    nothing = Reliability.between(np.empty(0), np.empty(0, bool))
    assert (nothing.samples, nothing.error, nothing.excess, nothing.accuracy, nothing.filled) == (0, None, None, None, ())


def of_polygons(samples: np.ndarray, right: np.ndarray) -> float | None:
    return deviation_by_polygon(
        len(samples),
        int(samples.sum()),
        int(right.sum()),
        squared=float((samples**2).sum()),
        right_squared=float((right**2).sum()),
        product=float((samples * right).sum()),
    )


def test_pixels_of_one_polygon_count_as_one_witness() -> None:
    # 50 polygons that are right or wrong as a whole: as sure as 50 samples, however many pixels each has
    whole = np.arange(50) < 40
    alone, many = (of_polygons(np.full(50, pixels), whole * pixels) for pixels in (1, 100))
    assert (alone, many) == pytest.approx([np.sqrt(0.8 * 0.2 / 49)] * 2)
    assert of_polygons(np.array([100]), np.array([80])) is None


def test_the_deviation_is_that_of_drawing_polygons_anew() -> None:
    random = np.random.default_rng(0)
    samples = random.integers(5, 50, 60)
    right = random.binomial(samples, random.beta(8, 2, 60))
    drawn = random.integers(0, 60, (20_000, 60))
    bootstrap = (right[drawn].sum(1) / samples[drawn].sum(1)).std()
    assert of_polygons(samples, right) == pytest.approx(bootstrap, rel=0.05)
