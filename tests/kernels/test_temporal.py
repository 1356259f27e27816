"""Statistics over time: numpy's, and least squares for waves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.temporal import is_statistic, names_of, statistics_of, summarise

DAYS = np.arange(17532, 17532 + 365, 10).astype(np.int32)
ALL = ("mean", "std", "min", "max", "amplitude", "q0", "q7", "q50", "q100", "harmonic2")


def summary(series: np.ndarray, names: tuple[str, ...], days: np.ndarray = DAYS) -> np.ndarray:
    """series (pixels, dates); they lie every third number, from the second on."""
    of = statistics_of(names, days)
    spread = np.full((len(series), 2 + 3 * series.shape[1]), np.nan, np.float32)
    spread[:, 1 : 1 + 3 * series.shape[1] : 3] = series
    out = np.full((len(series), len(of.kinds) + 2), np.nan, np.float32)
    summarise(spread, 1, 3, of.kinds, of.parameters, of.weights, out, 1)
    assert np.isnan(out[:, [0, -1]]).all()
    return out[:, 1:-1]


@given(st.integers(0, 2**32 - 1), st.sampled_from([(0, 5000), (-32768, 32767), (3, 4)]))
@settings(max_examples=60, deadline=None)
def test_each_statistic_is_numpys(seed: int, bounds: tuple[int, int]) -> None:
    series = np.random.default_rng(seed).uniform(*bounds, (4, len(DAYS))).astype(np.float32)
    exact = series.astype(float)
    angle = 2 * np.pi * DAYS[:, None] / 365.25
    design = np.concatenate([np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    waves = np.linalg.lstsq(design, exact.T, rcond=None)[0][1:].T
    plain = [exact.mean(1), exact.std(1), exact.min(1), exact.max(1), np.ptp(exact, axis=1)]
    wanted = np.stack([*plain, *(np.quantile(exact, q, axis=1) for q in (0, 0.07, 0.5, 1)), *waves.T], axis=1)
    np.testing.assert_allclose(summary(series, ALL), wanted, rtol=1e-5, atol=1e-5 * np.abs(exact).max())


def test_a_wave_of_a_year_has_its_own_coefficients() -> None:
    angle = 2 * np.pi * DAYS / 365.25
    series = (3000 + 700 * np.cos(angle) - 250 * np.sin(angle))[None]
    np.testing.assert_allclose(summary(series, ("mean", "harmonic1"))[0, 1:], [700, -250], rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("mean", True), ("q5", True), ("q100", True), ("q101", False), ("q", False), ("harmonic9", True), ("harmonic0", False),
     ("harmonic10", False), ("Mean", False), ("median", False)],
)  # fmt: skip
def test_names_of_statistics(name: str, is_one: bool) -> None:
    assert is_statistic(name) == is_one


def test_a_harmonic_gives_two_numbers_an_order() -> None:
    names = names_of(("mean", "harmonic2"))
    assert names == ("mean", "harmonic2_cos1", "harmonic2_sin1", "harmonic2_cos2", "harmonic2_sin2")
    assert len(statistics_of(("mean", "harmonic2"), DAYS).kinds) == len(names)


@pytest.mark.parametrize(("days", "order"), [(DAYS[:4], 2), (DAYS[:6], 1), (DAYS[:12], 3)])
def test_waves_that_so_few_days_do_not_determine_are_refused(days: np.ndarray, order: int) -> None:
    with pytest.raises(ValueError, match=rf"asks for harmonic{order}, whose .* {len(days)} dates over"):
        statistics_of((f"harmonic{order}",), days)
