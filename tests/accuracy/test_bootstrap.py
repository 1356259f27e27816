"""Intervals by polygons hold the truth as often as they say, whatever the order of rows, and say nothing of too little."""

from dataclasses import dataclass

import numpy as np
import pytest

from sitspark.accuracy.bootstrap import (
    FEWEST,
    Interval,
    ScoreIntervals,
    intervals_of,
    pixel_intervals_of,
    resampled,
)
from sitspark.accuracy.scores import BY_CLASS, SUMMARY, ScoreArrays, scores_of
from sitspark.accuracy.unit_counts import UnitCounts

CODES = (3, 5, 8, 13)
_CAMPAIGNS, _POLYGONS = 200, 240
# how often a pixel of a class (row) is given each class, on the average of polygons
_GIVEN = np.array([[0.9, 0.05, 0.03, 0.02], [0.08, 0.82, 0.05, 0.05], [0.1, 0.1, 0.75, 0.05], [0.15, 0.1, 0.05, 0.7]])
_SHARES = np.array([0.4, 0.3, 0.2, 0.1])


@dataclass(frozen=True)
class Land:
    """Polygons of unequal size, each mapped with luck of its own: pixels (polygons, 4) by produced class, and labels."""

    label: np.ndarray
    pixels: np.ndarray

    def campaign(self, chosen: np.ndarray) -> UnitCounts:
        unit, produced = (of.ravel() for of in np.indices((len(chosen), len(CODES))))
        codes = np.array(CODES)
        return UnitCounts(unit, codes[self.label[chosen][unit]], codes[produced], self.pixels[chosen].ravel())


@pytest.fixture(scope="module")
def land() -> Land:
    random = np.random.default_rng(20)
    label = random.choice(len(CODES), 20_000, p=_SHARES)
    size = np.ceil(np.exp(random.normal(3, 0.7, len(label)))).astype(int)
    given = np.stack([random.dirichlet(5 * _GIVEN[of]) for of in label])
    return Land(label, random.multinomial(size, given))


def truth_of(land: Land) -> ScoreArrays:
    matrix = np.stack([land.pixels[land.label == row].sum(axis=0) for row in range(len(CODES))])
    return scores_of(matrix[None].astype(float))


def each(intervals: ScoreIntervals) -> list[Interval | None]:
    of_classes = [interval for name in BY_CLASS for interval in getattr(intervals, name)]
    return [getattr(intervals, name) for name in SUMMARY] + of_classes


def test_intervals_hold_the_truth_in_95_of_100_campaigns_and_naive_ones_do_not(land: Land) -> None:
    random = np.random.default_rng(7)
    found = truth_of(land)
    truth = [getattr(found, name)[0] for name in SUMMARY] + [score for name in BY_CLASS for score in getattr(found, name)[0]]
    by_polygon, by_pixel = np.zeros(len(truth)), np.zeros(len(truth))
    for campaign in range(_CAMPAIGNS):
        counts = land.campaign(random.integers(0, len(land.label), _POLYGONS))
        by_polygon += _held(intervals_of(counts, CODES, seed=campaign), truth)
        by_pixel += _held(pixel_intervals_of(counts.matrix(CODES), seed=campaign), truth)
    held, naive = (_by_score(count / _CAMPAIGNS) for count in (by_polygon, by_pixel))
    assert (held >= 0.91).all() and (held <= 0.98).all(), held
    assert (naive < 0.8).all(), naive


def _held(intervals: ScoreIntervals, truth: list[float]) -> np.ndarray:
    pairs = zip(each(intervals), truth, strict=True)
    return np.array([of is not None and of.low <= true <= of.high for of, true in pairs])


def _by_score(shares: np.ndarray) -> np.ndarray:
    """Those of classes averaged: of seventeen shares of 200 campaigns one strays by four points, by chance alone."""
    whole, of_classes = np.split(shares, [len(SUMMARY)])
    return np.concatenate([whole, of_classes.reshape(len(BY_CLASS), -1).mean(axis=1)])


def test_neither_the_order_of_rows_nor_their_division_changes_an_interval(land: Land) -> None:
    counts = land.campaign(np.arange(60))
    order = np.random.default_rng(1).permutation(len(counts.unit))
    halves = [counts.pixels[order] // 2, counts.pixels[order] - counts.pixels[order] // 2]
    shuffled = UnitCounts(
        *(np.concatenate([of[order], of[order]]) for of in (counts.unit, counts.reference, counts.produced)),
        np.concatenate(halves),
    )
    assert intervals_of(shuffled, CODES, seed=3) == intervals_of(counts, CODES, seed=3) != intervals_of(counts, CODES, seed=4)


def test_a_draw_has_whole_units(land: Land) -> None:
    counts = land.campaign(np.arange(7))
    draws = resampled(counts, CODES, seed=0)
    sizes = land.pixels[:7].sum(axis=1)
    possible = {0}
    for _ in range(7):
        possible = {total + size for total in possible for size in sizes.tolist()}
    assert set(draws.sum(axis=(1, 2)).tolist()) <= possible
    assert np.array_equal(draws, np.rint(draws)) and len(draws) == 2000


def test_a_unit_may_hold_several_classes_and_have_a_name() -> None:
    blocks = np.array(["0/1", "0/1", "2/-3", "2/-3"])
    counts = UnitCounts(blocks, np.array([3, 5, 3, 5]), np.array([3, 5, 3, 3]), np.array([10, 20, 30, 40]))
    first, second = np.diag([10.0, 20, 0, 0]), np.zeros((4, 4))
    second[0, 0], second[1, 0] = 30, 40
    draws = resampled(counts, CODES, seed=0)
    assert {draw.tobytes() for draw in draws} == {m.tobytes() for m in (2 * first, first + second, 2 * second)}
    assert counts.matrix(CODES).counts.tolist() == (first + second).tolist()


def test_what_is_none_of_the_classes_counts_nowhere(land: Land) -> None:
    counts = land.campaign(np.arange(50))
    more = UnitCounts(
        np.append(counts.unit, [3, 99, 98]),
        np.append(counts.reference, [3, 3, 77]),
        np.append(counts.produced, [0, 0, 3]),
        np.append(counts.pixels, [1000, 1000, 1000]),
    )
    assert intervals_of(more, CODES, seed=0) == intervals_of(counts, CODES, seed=0)


def test_few_polygons_have_no_interval_and_one_that_outweighs_all_makes_it_wide(land: Land) -> None:
    chosen = np.flatnonzero(land.label == 0)[: FEWEST - 1]
    few = intervals_of(land.campaign(chosen), CODES, seed=0)
    assert few.units == FEWEST - 1 and not any(each(few))
    counts = land.campaign(np.arange(100))
    alike = intervals_of(counts, CODES, seed=0).overall_accuracy
    lake = UnitCounts(counts.unit, counts.reference, counts.produced, counts.pixels * np.where(counts.unit == 7, 2000, 1))
    outweighed = intervals_of(lake, CODES, seed=0).overall_accuracy
    assert alike is not None and outweighed is not None
    assert outweighed.high - outweighed.low > 2 * (alike.high - alike.low)


def test_what_is_right_everywhere_tells_no_interval() -> None:
    codes = np.array([3, 5] * 10)
    counts = UnitCounts(np.arange(20), codes, codes, np.full(20, 9))
    assert not any(each(intervals_of(counts, CODES, seed=0)))
    assert not any(each(pixel_intervals_of(counts.matrix(CODES), seed=0)))


def test_nothing_compared_has_no_interval() -> None:
    nothing = UnitCounts(*(np.zeros(0, np.int64),) * 4)
    for found in (intervals_of(nothing, CODES, seed=0), pixel_intervals_of(nothing.matrix(CODES), seed=0)):
        assert found.units == 0 and not any(each(found)) and len(found.recall) == len(CODES)
