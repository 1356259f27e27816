"""Ways to fill gaps: each against an obvious slow version, and by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from sitspark.kernels.filling import Filler, Linear, Median, Nearest, SavitzkyGolay, Unfilled, Whittaker
from sitspark.kernels.series import PixelSeries

FLOAT32 = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Case:
    series: PixelSeries
    edges: np.ndarray


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Irregular, often duplicated days, partly outside the dates; some pixels without a valid one; days of each pixel too."""
    dates, bands, pixels = draw(st.integers(0, 10)), draw(st.integers(1, 3)), 4
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.sampled_from([1, pixels]))
    days = np.sort(rng.integers(-20, 70, (rows, dates)), axis=1).astype(np.int32)
    low, high = draw(st.sampled_from([(-300, 12000), (-32768, 32767), (32766, 32767)]))
    reflectance = rng.integers(low, high, (pixels, dates, bands), endpoint=True).astype(np.int16)
    valid = (rng.random((pixels, dates)) < draw(st.sampled_from([0.0, 0.3, 1.0]))).astype(np.uint8)
    steps = draw(st.lists(st.integers(1, 25), min_size=5, max_size=9))
    return Case(PixelSeries(reflectance, valid, days), np.cumsum([0, *steps]).astype(np.int32))


def filled(filler: Filler, case: Case, first: int = 3) -> np.ndarray:
    """The values (pixels, dates, bands); what lies beside them in the row stays as it is."""
    pixels, _, bands = case.series.reflectance.shape
    length = (len(case.edges) - 1) * bands
    out = np.full((pixels, first + length + 2), np.nan, np.float32)
    filler.fill(case.series, case.edges, out, first)
    assert np.isnan(out[:, :first]).all() and np.isnan(out[:, first + length :]).all()
    return out[:, first : first + length].reshape(pixels, -1, bands)


def slowly(case: Case, one: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """`one` gives the values of a pixel and band by its valid days and numbers."""
    series, pixels = case.series, []
    for p in range(len(series)):
        own = series.days[0] if len(series.days) == 1 else series.days[p]
        usable = series.valid[p] == 1
        values = series.reflectance[p, usable].astype(float)
        bands = [
            one(own[usable], values[:, b], case.edges) if usable.any() else np.zeros(len(case.edges) - 1)
            for b in range(values.shape[1])
        ]
        pixels.append(np.stack(bands, axis=1))
    return np.stack(pixels)


def linear(days: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Before the first acquisition of a day, its first value; from its last on, the last."""
    found = []
    for at in edges[:-1]:
        before, since = np.flatnonzero(days < at), np.flatnonzero(days >= at)
        low = before[-1] if len(before) else since[0]
        high = since[0] if len(since) else before[-1]
        share = (at - days[low]) / (days[high] - days[low]) if days[high] > days[low] else 0
        found.append(values[low] + (values[high] - values[low]) * share)
    return np.array(found)


def nearest(days: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    # min takes the first of equals: the earlier day, and of a day the first acquisition
    return np.array([values[min(range(len(days)), key=lambda i: abs(days[i] - at))] for at in edges[:-1]])


def median(days: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    inside = [(days >= a) & (days < b) for a, b in pairwise(edges)]
    there = [k for k, members in enumerate(inside) if members.any()]
    if not there:
        return np.zeros(len(edges) - 1)
    return np.interp(edges[:-1], edges[there], [np.median(values[inside[k]]) for k in there])


def unfilled(days: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.array([next((v for d, v in zip(days, values, strict=True) if d == at), 0.0) for at in edges[:-1]])


def whittaker(smoothness: float) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    def smoothed(days: np.ndarray, values: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Least squares on stacked equations, solved whole."""
        grid, steps = edges[:-1].astype(float), len(edges) - 1
        early, late = np.flatnonzero(days <= grid[0])[:-1], np.flatnonzero(days >= grid[-1])[1:]
        first_day, last_day = days[0], days[-1]
        counting = np.setdiff1d(np.arange(len(days)), [*early, *late])
        days, values = days[counting], values[counting]
        hat = np.array([np.interp(np.clip(days, grid[0], grid[-1]), grid, unit) for unit in np.eye(steps)]).T
        second, first = np.diff(np.eye(steps), 2, axis=0), np.diff(np.eye(steps), axis=0)
        system = np.concatenate([hat, np.sqrt(smoothness) * second, np.sqrt(1e-6) * first])
        wanted = np.concatenate([values, np.zeros(len(second) + len(first))])
        found = np.linalg.lstsq(system, wanted, rcond=None)[0]
        inside = np.flatnonzero((grid >= first_day) & (grid <= last_day))
        if len(inside):
            return found[np.clip(np.arange(steps), inside[0], inside[-1])]
        after = np.flatnonzero(grid >= first_day)
        return np.full(steps, found[after[0] if len(after) else -1])

    return smoothed


@pytest.mark.parametrize(
    ("filler", "slow"),
    [(Linear(), linear), (Nearest(), nearest), (Median(), median), (Unfilled(), unfilled)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_filler_is_what_its_slow_version_is(filler: Filler, slow: Callable) -> None:
    @given(cases())
    @settings(max_examples=100, deadline=None)
    def holds(case: Case) -> None:
        scale = 2 * np.abs(case.series.reflectance.astype(float)).max(initial=1)
        np.testing.assert_allclose(filled(filler, case), slowly(case, slow), rtol=0, atol=4 * FLOAT32 * scale)

    holds()


@pytest.mark.parametrize("smoothness", [0.1, 10.0, 1000.0])
def test_whittaker_is_the_least_squares_solution(smoothness: float) -> None:
    @given(cases())
    @settings(max_examples=60, deadline=None)
    def holds(case: Case) -> None:
        wanted = slowly(case, whittaker(smoothness))
        # normal equations square the condition; extremes are of 65 000
        np.testing.assert_allclose(filled(Whittaker(smoothness), case), wanted, rtol=1e-4, atol=1)

    holds()


@given(cases())
@settings(max_examples=60, deadline=None)
def test_savitzky_golay_is_scipys_filter_of_the_linear_series(case: Case) -> None:
    before = filled(Linear(), case).astype(float)
    wanted = savgol_filter(before, 5, 2, axis=1, mode="interp")
    scale = np.abs(before).max(initial=1)
    np.testing.assert_allclose(filled(SavitzkyGolay(5, 2), case), wanted, rtol=0, atol=30 * FLOAT32 * scale)


@given(cases())
@settings(max_examples=60, deadline=None)
def test_validity_says_on_which_dates_there_is_a_valid_acquisition(case: Case) -> None:
    series = case.series
    out = np.full((len(series), len(case.edges) + 1), np.nan, np.float32)
    Unfilled().validity(series, case.edges, out, 1)
    for p in range(len(series)):
        own = series.days[0] if len(series.days) == 1 else series.days[p]
        there = set(own[series.valid[p] == 1].tolist())
        assert out[p, 1:-1].tolist() == [float(day in there) for day in case.edges[:-1].tolist()]


def one_pixel(days: list[int], values: list[int], valid: list[int] | None = None) -> PixelSeries:
    usable = np.array([valid or [1] * len(days)], np.uint8)
    return PixelSeries(np.array(values, np.int16).reshape(1, -1, 1), usable, np.array([days], np.int32))


@pytest.mark.parametrize(
    ("filler", "wanted"),
    [
        (Linear(), [100, 150, 250, 400]),  # day 10 lies a quarter of the way from 100 on day 5 to 300 on day 25
        (Nearest(), [100, 100, 300, 400]),  # day 20 is as near to 25 as 10 to 5
        (Median(), [100, 237.5, 375, 375]),  # of 100, and of 300, 375 and 400; the second period lies between, the last after
    ],
    ids=str,
)
def test_one_pixel_by_hand(filler: Filler, wanted: list[float]) -> None:
    """A cloud on day 15; three acquisitions between days 20 and 30."""
    series = one_pixel([5, 15, 25, 26, 29], [100, 9999, 300, 375, 400], [1, 0, 1, 1, 1])
    edges = np.array([0, 10, 20, 30, 40], np.int32)
    np.testing.assert_allclose(filled(filler, Case(series, edges))[0, :, 0], wanted, rtol=1e-6)


def test_a_straight_line_stays_one_whatever_the_smoothness() -> None:
    days = [0, 7, 13, 28, 40]
    series = one_pixel(days, [100 + 10 * day for day in days])
    edges = np.array([0, 10, 20, 30, 40, 50], np.int32)
    for smoothness in (0.01, 1.0, 100.0):
        found = filled(Whittaker(smoothness), Case(series, edges))[0, :, 0]
        np.testing.assert_allclose(found, [100, 200, 300, 400, 500], rtol=1e-3)


def test_smoothing_takes_less_of_an_outlier_the_smoother_it_is() -> None:
    days, values = list(range(0, 100, 10)), [1000] * 10
    values[5] = 3000
    edges = np.arange(0, 101, 10).astype(np.int32)
    peaks = [filled(Whittaker(s), Case(one_pixel(days, values), edges))[0, 5, 0] for s in (0.01, 1.0, 10.0, 100.0)]
    assert peaks == sorted(peaks, reverse=True) and peaks[0] > 2800 and peaks[-1] < 1400


def test_what_was_seen_long_before_the_first_date_does_not_pull_at_it() -> None:
    days = [-90, -80, -70, -60, -5, 0, 10, 20, 30]
    series = one_pixel(days, [9000] * 4 + [1000] * 5)
    edges = np.array([0, 10, 20, 30, 40], np.int32)
    for filler in (Linear(), Nearest(), Whittaker(10)):
        np.testing.assert_allclose(filled(filler, Case(series, edges))[0, :, 0], [1000] * 4, rtol=1e-4)
