"""Scores of samples: against a slow version, the same whatever is judged beside them, and high where a label is wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.kernels.quality import Judgement, References, judge

Samples = tuple[np.ndarray, np.ndarray, np.ndarray]


def samples(seed: int, *, classes: int = 3, polygons: int = 8, pixels: int = 3, features: int = 5) -> Samples:
    """Features, labels, polygons: of random sizes, in the order of classes and polygons; a feature never varies."""
    random = np.random.default_rng(seed)
    sizes = [random.integers(1, pixels + 1, random.integers(1, polygons + 1)) for _ in range(classes)]
    labels = np.concatenate([np.full(own.sum(), 11 * code) for code, own in enumerate(sizes, 1)])
    ids = np.repeat(np.arange(sum(map(len, sizes))), np.concatenate(sizes))
    values = random.normal(0, 1, (len(labels), features)) + labels[:, None] * random.normal(0, 0.1, features)
    values[:, 0] = 5
    return (values * 100).astype(np.float32), labels, random.permutation(1000)[ids]


def judged(known: Samples, asked: Samples, neighbours: int) -> Judgement:
    return judge(*asked, References.of(*known, neighbours=neighbours), neighbours=neighbours)


def slowly(known: Samples, asked: Samples, neighbours: int) -> list[tuple[float, dict[int, float], float]]:
    """Distance to the own class, ratios to all others, for each asked; and that typical of the class."""
    features, labels, polygons = known
    low, high = np.quantile(features.astype(float), [0.01, 0.99], axis=0)
    features, judged = (values.clip(2 * low - high, 2 * high - low) for values in (features, asked[0]))
    known, asked = (features, labels, polygons), (judged, *asked[1:])
    deviation = features.std(axis=0)
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)

    def to_class(sample: np.ndarray, code: int, but: int | None) -> list[float]:
        """To the polygons of a class in their order."""
        found: dict[int, float] = {}
        for other, label, polygon in zip(features, labels, polygons, strict=True):
            if label == code and polygon != but:
                distance = np.sqrt((((sample.astype(float) - other) * scale) ** 2).sum())
                found[polygon] = min(distance, found.get(polygon, np.inf))
        return list(found.values())

    def mean(distances: list[float]) -> float:
        return float(np.mean(sorted(distances)[:neighbours])) if len(distances) >= neighbours else np.nan

    def judge_one(sample: np.ndarray, code: int, polygon: int) -> tuple[float, dict[int, float]]:
        own, ratios = to_class(sample, code, polygon), {}
        for other in set(labels.tolist()) - {code}:
            there = to_class(sample, other, None)
            equally = min(len(own), len(there))
            if equally >= neighbours:
                ratios[other] = (mean(own[:equally]) + 1e-6) / (mean(there[:equally]) + 1e-6)
        return mean(own), ratios

    typical = {
        code: np.median([judge_one(*row)[0] for row in zip(*known, strict=True) if row[1] == code])
        for code in set(labels.tolist())
    }
    return [(*judge_one(*row), typical.get(row[1], np.nan)) for row in zip(*asked, strict=True)]


@given(seed=st.integers(0, 10_000), neighbours=st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_scores_are_those_of_a_slow_search(seed: int, neighbours: int) -> None:
    known = samples(seed)
    asked = tuple(np.concatenate([ours, theirs[:20]]) for ours, theirs in zip(known, samples(seed + 1, classes=4), strict=True))
    found = judged(known, asked, neighbours)
    for row, (distance, ratios, typical) in enumerate(slowly(known, asked, neighbours)):
        assert (found.nearest[row] == 0) == (not ratios) == np.isnan(found.score[row])
        if ratios:
            assert found.score[row] == pytest.approx(max(ratios.values()), rel=1e-3)
            assert ratios[found.nearest[row]] == pytest.approx(max(ratios.values()), rel=1e-3)
        assert found.outlierness[row] == pytest.approx(distance / typical, rel=1e-3, nan_ok=True)


def test_no_bit_hangs_on_what_is_judged_beside_a_sample_or_in_which_order() -> None:
    known = samples(1, polygons=40, features=60)
    references = References.of(*known, neighbours=3)
    asked = samples(2, polygons=200, features=60)
    order = np.random.default_rng(0).permutation(len(asked[1]))
    whole = judge(*asked, references, neighbours=3)
    mixed = judge(*(column[order] for column in asked), references, neighbours=3)
    one_by_one = [judge(*(column[row : row + 1] for column in asked), references, neighbours=3) for row in range(50)]
    for name in ("score", "nearest", "outlierness"):
        values = getattr(whole, name)
        np.testing.assert_array_equal(values[order], getattr(mixed, name))
        np.testing.assert_array_equal(values[:50], np.concatenate([getattr(one, name) for one in one_by_one]))
    assert not np.isnan(whole.score).all()


def test_the_samples_of_the_own_polygon_are_no_neighbours() -> None:
    """A polygon that lies alone is as far from its class however many samples it has itself."""
    features = np.array([[0], [1], [2], [10], [11], [12], [11.5], [11.4], [13]], np.float32)
    labels, polygons = np.array([1, 1, 1, 2, 2, 2, 1, 1, 2]), np.array([1, 2, 3, 4, 5, 6, 7, 7, 8])
    order = np.lexsort((polygons, labels))
    known = features[order], labels[order], polygons[order]
    alone = judged(known, (features[6:8], labels[6:8], polygons[6:8]), 1)
    assert (alone.score > 15).all() and (alone.nearest == 2).all()
    # the same pixels vouch for those of any other polygon
    apart = judged(known, (features[6:8], labels[6:8], polygons[6:8] + 99), 1)
    assert (apart.score < 1e-2).all()


def test_a_class_of_few_polygons_is_not_far_from_everything() -> None:
    """Two classes that lie alike, one with fifty times the polygons: neither is nearer to the other than to itself."""
    random = np.random.default_rng(3)
    labels = np.repeat([1, 2], [500, 10])
    features = random.normal(0, 1, (510, 6)).astype(np.float32)
    known = features, labels, np.arange(510)
    references = References.of(*known, neighbours=3)
    asked = random.normal(0, 1, (2000, 6)).astype(np.float32)
    rare = judge(asked, np.full(2000, 2), np.full(2000, -1), references, neighbours=3)
    assert np.median(rare.score) == pytest.approx(1, abs=0.1)


def planted(seed: int) -> tuple[Samples, np.ndarray, np.ndarray]:
    """Three classes of 60 polygons of 5 samples; 5 have a wrong label, 5 are a variant far from all."""
    random = np.random.default_rng(seed)
    true = np.repeat([1, 2, 3], 60)
    centres = random.normal(0, 6, (4, 20))
    of_polygon = centres[true] + random.normal(0, 1.5, (180, 20))
    wrong, rare = np.arange(5), np.arange(70, 75)
    of_polygon[rare] += random.normal(0, 9, 20)
    labels = true.copy()
    labels[wrong] = 3
    features = np.repeat(of_polygon, 5, axis=0) + random.normal(0, 0.3, (900, 20))
    order = np.argsort(np.repeat(labels, 5), kind="stable")
    columns = features.astype(np.float32), np.repeat(labels, 5), np.repeat(np.arange(180), 5)
    return tuple(column[order] for column in columns), wrong, rare  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(5))
def test_wrong_labels_score_highest_and_rare_variants_do_not(seed: int) -> None:
    known, wrong, rare = planted(seed)
    found = judged(known, known, 5)
    polygons = known[2]
    mean = np.bincount(polygons, found.score) / np.bincount(polygons)
    unusual = np.bincount(polygons, found.outlierness) / np.bincount(polygons)
    assert set(np.argsort(-mean)[:5]) == set(wrong) and mean[wrong].min() > 1
    assert mean[rare].max() < 1 and unusual[rare].min() > 1
    assert (found.nearest[np.isin(polygons, wrong)] == 1).all()


def test_samples_of_a_class_without_references_are_not_judged() -> None:
    known = samples(0, polygons=20)
    found = judged(known, (known[0], np.full(len(known[1]), 99), known[2]), 2)
    assert np.isnan(found.score).all() and (found.nearest == 0).all() and np.isnan(found.outlierness).all()


def test_equal_samples_of_two_classes_score_one() -> None:
    features = np.array([[1], [1], [1], [1], [5], [5], [5], [5]], np.float32)
    known = features, np.array([1, 1, 2, 2, 3, 3, 3, 3]), np.arange(8)
    references = References.of(*known, neighbours=1)
    found = judge(features[:2], np.array([1, 1]), np.arange(2), references, neighbours=1)
    assert found.score.tolist() == [1, 1] and found.nearest.tolist() == [2, 2]
    assert np.isfinite(judge(*known, references, neighbours=1).outlierness).all()


def test_one_wild_value_of_an_index_changes_little() -> None:
    """A feature is a ratio: where its denominator is near zero it may be a million times the usual."""
    known, wrong, _ = planted(0)
    wild = known[0].copy()
    wild[7, 3], wild[400, 5] = 5e6, -5e6
    found = judged((wild, *known[1:]), (wild, *known[1:]), 5)
    polygons = known[2]
    mean = np.bincount(polygons, found.score) / np.bincount(polygons)
    assert set(np.argsort(-mean)[:5]) == set(wrong) and found.outlierness.max() < 20
