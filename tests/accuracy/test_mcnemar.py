"""McNemar's test against worked values and scipy."""

import pytest
from scipy.stats import binomtest, chi2

from sitspark.accuracy.mcnemar import mcnemar


@pytest.mark.parametrize(
    ("first_only", "second_only", "statistic", "p_value"),
    [
        # (|121 - 59| - 1)^2 / 180 = 3721 / 180
        pytest.param(121, 59, 20.6722, 5.45e-6, id="chi-squared"),
        pytest.param(13, 12, 0.0, 1.0, id="the correction takes no more than there is"),
        pytest.param(20, 20, 0.0, 1.0, id="as many in either"),
        # 2 (C(22,0) + ... + C(22,6)) / 2^22 = 2 x 110 056 / 4 194 304
        pytest.param(6, 16, None, 0.0525, id="exact"),
        # 2 (1 + 10 + 45) / 1024
        pytest.param(8, 2, None, 0.109375, id="exact, the other way"),
        pytest.param(3, 3, None, 1.0, id="exact, as many in either"),
        pytest.param(0, 0, None, 1.0, id="the maps are right on the same pixels"),
    ],
)
def test_worked_values(first_only: int, second_only: int, statistic: float | None, p_value: float) -> None:
    found = mcnemar(first_only, second_only)
    assert found.exact == (statistic is None)
    assert found.statistic == pytest.approx(statistic, abs=1e-4)
    assert found.p_value == pytest.approx(p_value, rel=2e-3)


@pytest.mark.parametrize(
    ("first_only", "second_only"), [(0, 1), (5, 19), (12, 12), (0, 25), (9, 16), (300, 420), (50_000, 51_000)]
)
def test_as_scipy_has_it_and_alike_from_both_sides(first_only: int, second_only: int) -> None:
    found, n = mcnemar(first_only, second_only), first_only + second_only
    corrected = (abs(first_only - second_only) - 1) ** 2 / n
    expected = binomtest(first_only, n, 0.5).pvalue if n < 25 else chi2.sf(corrected, 1)
    assert found.p_value == pytest.approx(expected)
    assert mcnemar(second_only, first_only).p_value == found.p_value
