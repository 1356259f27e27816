import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist

from sitspark.kernels.dissimilarity import furthest_first, mean_distance, nearest_in_cells, outlier_free_maximum


@st.composite
def places(draw: st.DrawFn) -> np.ndarray:
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.integers(2, 60)), draw(st.integers(1, 5))
    # whole numbers give ties and repetitions
    values = random.integers(-3, 4, shape) if draw(st.booleans()) else random.normal(0, 10, shape)
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("line", "count", "chosen"),
    [
        pytest.param([0, 1, 10, 4], 3, [2, 0, 3], id="from the furthest off the mean inwards"),
        pytest.param([0, 1, 10, 4], 9, [2, 0, 3, 1], id="no more than there are"),
        pytest.param([5, 5, 5, 9, 9], 4, [3, 0], id="one of those that are equal"),
        pytest.param([7], 3, [0], id="one"),
    ],
)
def test_the_furthest_is_chosen_next(line: list[float], count: int, chosen: list[int]) -> None:
    assert furthest_first(np.array(line, np.float32)[:, np.newaxis], count).tolist() == chosen


@given(places(), st.integers(1, 30))
def test_no_place_is_further_from_the_chosen_than_these_are_from_each_other(all_: np.ndarray, count: int) -> None:
    chosen = all_[furthest_first(all_, count)]
    covered = cdist(all_, chosen).min(axis=1).max()
    if len(chosen) > 1:
        assert pdist(chosen).min() >= covered * (1 - 1e-5)
    assert covered == 0 or len(chosen) == count


@given(places())
def test_the_mean_distance_is_that_of_all_pairs(all_: np.ndarray) -> None:
    assert mean_distance(all_) == pytest.approx(pdist(all_).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([0, 1, 2, 3, 4], 4, id="without outliers the largest"),
        pytest.param([0, 1, 2, 3, 100], 3 + 1.5 * 2, id="an outlier doesn't count"),
        pytest.param([2, 2, 2, 2, 9], 2, id="those that don't differ"),
    ],
)
def test_the_largest_index_is_no_outlier(values: list[float], expected: float) -> None:
    assert outlier_free_maximum(np.array(values)) == expected


@given(places(), st.integers(1, 12))
def test_the_nearest_is_sought_in_a_points_cells_alone(all_: np.ndarray, count: int) -> None:
    """Cells may be empty, but not all of those of a point."""
    random = np.random.default_rng(len(all_))
    cell = np.sort(random.integers(0, count, len(all_)))
    starts = np.searchsorted(cell, np.arange(count + 1))
    points = random.normal(0, 5, (9, all_.shape[1])).astype(np.float32)
    cells = np.stack([random.choice(cell, 9), random.integers(0, count, 9)], axis=1)
    own = (cell[np.newaxis, :, np.newaxis] == cells[:, np.newaxis, :]).any(axis=2)
    expected = np.where(own, cdist(points, all_), np.inf).min(axis=1)
    np.testing.assert_allclose(nearest_in_cells(points, cells, all_, starts), expected, rtol=1e-5)
