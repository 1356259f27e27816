"""The area of applicability against its definition, computed the slow way, and what any approximation of it has to keep."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist

from sitspark.errors import SitsparkError
from sitspark.models.applicability import AreaOfApplicability, FoldedSamples, nearest, nearest_of_others

FEATURES = 12
WEIGHTS = np.linspace(0, 1, FEATURES)


def samples(count: int = 400, seed: int = 0) -> FoldedSamples:
    """Four folds of samples that differ in a few directions, each fold somewhere else."""
    random = np.random.default_rng(seed)
    folds = random.integers(0, 4, count)
    directions = np.random.default_rng(99).normal(size=(3, FEATURES))
    values = (random.normal(size=(count, 3)) + 0.3 * folds[:, np.newaxis]) @ directions * 900 + random.normal(
        0, 40, (count, FEATURES)
    )
    return FoldedSamples((values + 2000).astype(np.float32), folds)


def slow_index(known: FoldedSamples, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """The index of samples, and the threshold, as Meyer and Pebesma (2021) define them."""
    deviation = known.features.std(axis=0, dtype=float)
    scaled, of_asked = (
        (one.astype(float) - known.features.mean(axis=0, dtype=float)) / deviation * WEIGHTS for one in (known.features, asked)
    )
    unit = pdist(scaled).mean()
    others = np.where(known.folds[:, None] == known.folds, np.inf, cdist(scaled, scaled)).min(axis=1) / unit
    lower, upper = np.quantile(others, [0.25, 0.75])
    return cdist(of_asked, scaled).min(axis=1) / unit, min(upper + 1.5 * (upper - lower), others.max())


@pytest.fixture(scope="module")
def known() -> FoldedSamples:
    return samples()


@pytest.fixture(scope="module")
def area(known: FoldedSamples) -> AreaOfApplicability:
    return AreaOfApplicability.fit(known, WEIGHTS, dimensions=6, cells=60)


def test_an_example_by_hand() -> None:
    """Values 0 and 2 of one fold, 4 and 10 of another: distances are in units of 32 / 6, the mean of all six."""
    line = FoldedSamples(np.array([[0], [2], [4], [10]], np.float32), np.array([0, 0, 1, 1]))
    found = AreaOfApplicability.fit(line, np.array([3.0]), dimensions=1, cells=4)
    assert found.left_out_index(line) == pytest.approx([0.75, 0.375, 0.375, 1.5])
    # the upper quartile and 1.5 interquartile ranges are 0.9375 + 1.5 * 0.5625, more than the largest
    assert found.threshold == pytest.approx(1.5)
    assert found.index(np.array([[0], [3], [7], [20]], np.float32)) == pytest.approx([0, 0.1875, 0.5625, 1.875])


def test_with_all_directions_and_one_cell_it_is_exact(known: FoldedSamples) -> None:
    exact = AreaOfApplicability.fit(known, WEIGHTS, dimensions=FEATURES, cells=1)
    asked = samples(300, seed=1).features
    index, threshold = slow_index(known, asked)
    np.testing.assert_allclose(exact.index(asked), index, rtol=1e-3, atol=1e-4)
    assert exact.threshold == pytest.approx(threshold, rel=1e-3)


def test_few_directions_and_near_cells_say_nearly_the_same(known: FoldedSamples, area: AreaOfApplicability) -> None:
    near = samples(300, seed=1).features
    asked = np.concatenate([near, near + np.random.default_rng(0).normal(0, 900, near.shape).astype(np.float32)])
    index, threshold = slow_index(known, asked)
    inside, exact = area.index(asked) <= area.threshold, index <= threshold
    assert 0.2 < exact.mean() < 0.8 and (inside == exact).mean() > 0.95


def test_a_training_sample_is_at_no_distance(known: FoldedSamples) -> None:
    every = AreaOfApplicability.fit(known, WEIGHTS, dimensions=4, cells=60)
    assert every.index(known.features).max() < 1e-4


@pytest.mark.parametrize("feature", [1, 5, FEATURES - 1])
def test_what_is_far_in_any_feature_that_counts_is_outside(
    known: FoldedSamples, area: AreaOfApplicability, feature: int
) -> None:
    """Also in directions that no axis has."""
    far = known.features[:10].copy()
    far[:, feature] += 1e6
    assert (area.index(far) > 10 * area.threshold).all()


def test_what_is_far_in_a_feature_without_weight_is_as_before(known: FoldedSamples, area: AreaOfApplicability) -> None:
    moved = known.features[:10].copy()
    moved[:, 0] += 1e6
    assert (area.index(moved) == area.index(known.features[:10])).all()


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_pixel_has_its_index_whatever_others_come_with_it(count: int, seed: int) -> None:
    known = samples(100)
    area = AreaOfApplicability.fit(known, WEIGHTS, dimensions=3, cells=40)
    asked = samples(count, seed=seed % 1000).features
    order = np.random.default_rng(seed).permutation(count)
    whole = area.index(asked)
    assert (area.index(asked[order]) == whole[order]).all()
    cut = count // 2
    assert (np.concatenate([area.index(part) for part in (asked[:cut], asked[cut:]) if len(part)]) == whole).all()


def test_the_nearest_of_another_fold_is_no_nearer_than_the_nearest(known: FoldedSamples, area: AreaOfApplicability) -> None:
    assert (area.left_out_index(known) >= area.index(known.features) - 1e-6).all()


def test_nearest_against_all_pairs() -> None:
    random = np.random.default_rng(7)
    points, among = random.normal(size=(333, 9)).astype(np.float32), random.normal(size=(77, 9)).astype(np.float32)
    own, folds = random.integers(0, 3, 333), random.integers(0, 3, 77)
    pairs = cdist(points, among)
    np.testing.assert_allclose(nearest(points, among), pairs.min(axis=1), rtol=1e-5)
    others = np.where(own[:, None] == folds, np.inf, pairs).min(axis=1)
    np.testing.assert_allclose(nearest_of_others(points, own, among=among, folds=folds), others, rtol=1e-5)
    alone = nearest_of_others(points, np.zeros(333, np.int64), among=among, folds=np.zeros(77, np.int64))
    assert np.isinf(alone).all()


def test_it_is_read_back_as_it_was_written(area: AreaOfApplicability, known: FoldedSamples, tmp_path: Path) -> None:
    area.save(tmp_path / "area.safetensors")
    again = AreaOfApplicability.load(tmp_path / "area.safetensors")
    assert again.threshold == area.threshold and (again.index(known.features) == area.index(known.features)).all()
    assert (again.left_out_index(known) == area.left_out_index(known)).all()


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "area.safetensors"
    broken.write_bytes(b"nothing of the kind")
    with pytest.raises(SitsparkError, match=r"area\.safetensors: can't be read .*; delete it and run again"):
        AreaOfApplicability.load(broken)


@pytest.mark.parametrize(
    ("features", "folds", "fault"),
    [
        pytest.param([[1.0], [2.0], [3.0]], [0, 0, 0], "are of one fold, or one polygon", id="one fold"),
        pytest.param([[1.0], [1.0], [1.0]], [0, 1, 1], "alike in all that the model needs", id="no differences"),
    ],
)
def test_samples_that_say_nothing_are_refused(features: list[list[float]], folds: list[int], fault: str) -> None:
    with pytest.raises(SitsparkError, match=fault):
        AreaOfApplicability.fit(
            FoldedSamples(np.array(features, np.float32), np.array(folds)), np.ones(1), dimensions=1, cells=10
        )


def test_one_that_stands_in_takes_features_of_that_number() -> None:
    found = AreaOfApplicability.stand_in(5, samples=100, dimensions=16, cells=30)
    assert len(found.centres) == 30 and np.isfinite(found.index(np.ones((3, 5), np.float32))).all()
