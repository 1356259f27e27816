import numpy as np
import pytest
from scipy import stats

from sitspark.accuracy.cross_validation import Spread, spread, student_95


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
