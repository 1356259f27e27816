"""The paired bootstrap: what is whole stays whole, what is alike differs by nothing."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest

from sitspark.accuracy.paired_bootstrap import Difference, Differences, PairedCounts, paired_bootstrap

CLASSES = np.array([3, 7, 11, 200])


def campaign(seed: int = 0, polygons: int = 60, better: float = 0.1) -> PairedCounts:
    """Polygons of one class each; the second map is right more often by `better`."""
    random = np.random.default_rng(seed)
    rows = []
    for polygon in range(polygons):
        reference = random.choice(CLASSES[:3])
        for first in (reference, random.choice(CLASSES)):
            second = reference if random.random() < 0.5 + better else random.choice(CLASSES)
            rows.append((1000 - polygon, reference, first, second, random.integers(1, 50)))
    return PairedCounts(*np.array(rows, np.int64).T)


def every(found: Differences) -> tuple[Difference, ...]:
    return (found.overall_accuracy, found.kappa, found.mean_f_score, *found.f_score)


def test_scores_are_those_of_the_confusion_matrices() -> None:
    counts = campaign()
    found = paired_bootstrap(counts, seed=0, replicates=10)
    for matrix, side in zip(counts.matrices, ("first", "second"), strict=True):
        scores = [getattr(difference, side) for difference in every(found)]
        expected = [matrix.overall_accuracy, matrix.kappa, matrix.mean_f_score, *matrix.f_score]
        assert scores == [pytest.approx(score) if score is not None else None for score in expected]
    assert found.codes == tuple(CLASSES) and sum(found.polygons) == 60 and found.polygons[-1] == 0
    assert found.f_score[-1] == Difference(None, None, None, None, None)  # no reference has it


def test_a_map_differs_from_itself_by_nothing() -> None:
    counts = campaign()
    found = paired_bootstrap(replace(counts, second=counts.first), seed=1, replicates=200)
    told = [(d.difference, d.low, d.high) for d in every(found) if d.first is not None]
    assert told == [(0.0, 0.0, 0.0)] * 6


def test_the_other_way_round_it_is_the_mirror_image() -> None:
    counts = campaign()
    found = paired_bootstrap(counts, seed=2, replicates=300)
    mirrored = paired_bootstrap(replace(counts, first=counts.second, second=counts.first), seed=2, replicates=300)
    for one, other in zip(every(found), every(mirrored), strict=True):
        if one.difference is not None:
            assert (other.first, other.second) == (one.second, one.first)
            assert (-other.difference, -other.high, -other.low) == pytest.approx((one.difference, one.low, one.high))


def test_neither_the_order_of_rows_nor_how_they_are_summed_counts() -> None:
    counts = campaign()
    order = np.random.default_rng(5).permutation(2 * len(counts.pixels)) // 2
    ones = replace(counts, pixels=2 * counts.pixels)
    halves = PairedCounts(*(getattr(counts, name)[order] for name in ("polygon", "reference", "first", "second", "pixels")))
    assert astuple(paired_bootstrap(halves, seed=3, replicates=100)) == astuple(paired_bootstrap(ones, seed=3, replicates=100))


def test_a_polygon_tells_no_more_for_having_more_pixels() -> None:
    counts = campaign()
    small, large = (
        paired_bootstrap(replace(counts, pixels=factor * counts.pixels), seed=4, replicates=200) for factor in (1, 1000)
    )
    assert small.overall_accuracy.low == pytest.approx(large.overall_accuracy.low)
    assert small.overall_accuracy.high == pytest.approx(large.overall_accuracy.high)


def test_with_polygons_of_one_pixel_the_interval_is_the_textbooks() -> None:
    n, random = 3000, np.random.default_rng(6)
    reference = np.ones(n, np.int64)
    first, second = (np.where(random.random(n) < right, 1, 2) for right in (0.8, 0.83))
    found = paired_bootstrap(PairedCounts(np.arange(n), reference, first, second, reference), seed=7).overall_accuracy
    per_pixel = (second == 1).astype(float) - (first == 1)
    half = 1.96 * per_pixel.std() / math.sqrt(n)
    assert found.difference == pytest.approx(per_pixel.mean())
    assert found.low == pytest.approx(per_pixel.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(per_pixel.mean() + half, abs=0.1 * half)


def test_of_one_polygon_there_is_no_interval() -> None:
    counts = campaign(polygons=1)
    found = paired_bootstrap(counts, seed=0).overall_accuracy
    assert found.difference is not None and found.low is None and found.high is None


def test_few_polygons_have_no_interval() -> None:
    """Of four in all there is none; of a class with four of ten neither."""
    four, ten = (np.arange(n, dtype=np.int64) for n in (4, 10))
    ones = np.ones(10, np.int64)
    reference = np.where(ten < 4, 2, 1)
    few = PairedCounts(four, ones[:4], ones[:4], np.array([1, 1, 1, 2]), ones[:4])
    many = PairedCounts(ten, reference, reference, np.where(ten % 3 == 0, 3 - reference, reference), ones)
    assert paired_bootstrap(few, seed=0).overall_accuracy.low is None
    found = paired_bootstrap(many, seed=0)
    assert found.polygons == (6, 4) and found.overall_accuracy.low is not None
    assert found.f_score[0].low is not None and found.f_score[1].low is found.f_score[1].high is None
