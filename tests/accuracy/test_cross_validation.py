import numpy as np
import pytest
from scipy import stats

from sitspark.accuracy.cross_validation import Spread, spread, student_95
from sitspark.accuracy.fold_scores import FoldScores, pooled
from sitspark.accuracy.matrix import ConfusionMatrix


@pytest.mark.parametrize("degrees", [*range(1, 60), 100, 1000, 10**6])
def test_student_quantile(degrees: int) -> None:
    assert student_95(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=1e-4)


def test_interval_uses_runs_less_one_degrees_of_freedom() -> None:
    scores = [0.71, 0.68, 0.74, 0.61]
    found = spread(scores)
    assert found is not None and found.half_width is not None
    low, high = stats.t.interval(0.95, 3, loc=np.mean(scores), scale=stats.sem(scores))
    assert found.mean == pytest.approx(np.mean(scores))
    assert found.deviation == pytest.approx(np.std(scores, ddof=1))
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high), abs=1e-5)


def test_undefined_scores_do_not_count() -> None:
    assert spread([None, 0.5, None]) == Spread(1, 0.5, None, None)
    assert spread([None]) is None
    assert spread([]) is None


def test_folds_count_as_much_as_they_hold_where_they_are_pooled() -> None:
    """A fold of one wrong pixel beside one of 99 right ones; a fold of classes that no other has leaves no score undefined."""
    codes, nothing = (1, 2), ConfusionMatrix.empty((1, 2))
    large, small = (ConfusionMatrix(codes, np.array(counts)) for counts in ([[99, 0], [0, 0]], [[0, 0], [1, 0]]))
    together = pooled([FoldScores(1, "a", nothing, large), FoldScores(2, "b", nothing, small)])
    assert together.counts.tolist() == [[99, 0], [1, 0]]
    assert together.overall_accuracy == 0.99
    assert together.mean_f_score == pytest.approx((2 * 99 / 199 + 0) / 2)
