"""Falling through trees: bit for bit what scikit-learn and LightGBM say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from sitspark.kernels.forest import Leaves, Trees, sums_of_leaves


def arrays_of(forest: RandomForestClassifier | ExtraTreesClassifier) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Trees of scikit-learn's, every node a leaf number of its own."""
    trees = [estimator.tree_ for estimator in forest.estimators_]
    ends = np.cumsum([0, *(tree.node_count for tree in trees)])
    columns = (
        np.concatenate([tree.feature.clip(0) for tree in trees]).astype(np.int32),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate([tree.children_left for tree in trees]).astype(np.int32),
        np.concatenate([tree.children_right for tree in trees]).astype(np.int32),
        np.arange(ends[-1], dtype=np.int32),
        ends,
    )
    return columns, np.concatenate([tree.value[:, 0, :] for tree in trees])


def mean_of_leaves(features: np.ndarray, trees: Trees, rows: np.ndarray) -> np.ndarray:
    return sums_of_leaves(features, trees, Leaves.of(rows), rows.shape[1]) / (len(trees.ends) - 1)


def evaluated(forest: RandomForestClassifier | ExtraTreesClassifier, features: np.ndarray) -> np.ndarray:
    columns, distributions = arrays_of(forest)
    return mean_of_leaves(features, Trees.packed(*columns), distributions)


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from([RandomForestClassifier, ExtraTreesClassifier]),
    samples=st.integers(1, 200),
    features=st.integers(1, 9),
    classes=st.integers(1, 6),
    distinct=st.sampled_from([1, 2, 5, 10**6]),
    depth=st.sampled_from([1, 2, 5, None]),
    leaf=st.sampled_from([1, 3]),
    trees=st.integers(1, 7),
    asked=st.sampled_from([0, 1, 31, 32, 33, 1024, 1500]),
    seed=st.integers(0, 2**20),
)
def test_probabilities_are_those_of_scikit_learn_bit_for_bit(
    kind: type[RandomForestClassifier],
    samples: int,
    features: int,
    classes: int,
    distinct: int,
    depth: int | None,
    leaf: int,
    trees: int,
    asked: int,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    # few distinct values: many equal thresholds, and values that lie on them
    x = random.integers(-distinct, distinct + 1, (samples, features)).astype(np.float32) / np.float32(7)
    y = random.integers(0, classes, samples)
    forest = kind(trees, max_depth=depth, min_samples_leaf=leaf, random_state=seed).fit(x, y)
    new = random.choice(x.ravel(), (asked, features))
    found = evaluated(forest, new)
    if asked:
        np.testing.assert_array_equal(found, forest.predict_proba(new))
        np.testing.assert_array_equal(forest.classes_[found.argmax(1)], forest.predict(new))
    assert found.shape == (asked, len(forest.classes_))


def one_decision(threshold: float) -> Trees:
    """Leaf 0 for values up to the threshold, leaf 1 above."""
    minus = np.array([1, -1, -1], np.int32)
    return Trees.packed(
        np.zeros(3, np.int32),
        np.array([threshold, 0, 0]),
        minus,
        np.array([2, -1, -1], np.int32),
        np.array([0, 0, 1], np.int32),
        np.array([0, 3]),
    )


@pytest.mark.parametrize(
    "threshold",
    [0.0, -0.0, 0.1, -0.1, 1e-46, -1e-46, 1e-310, 16777217.0, 1e39, -1e39, 3.4028235677973366e38, np.inf, 5e-324, 2.5, -2.5],
)
def test_a_float32_is_compared_with_the_float64_threshold(threshold: float) -> None:
    near = np.float32(np.clip(threshold, -3e38, 3e38))
    largest = np.finfo(np.float32).max
    values = [0, -0.0, near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf)), largest, -largest]
    x = np.array(values, np.float32).reshape(-1, 1)
    found = mean_of_leaves(x, one_decision(threshold), np.eye(2)).argmax(1)
    np.testing.assert_array_equal(found, (x[:, 0].astype(np.float64) > threshold).astype(int))


def test_a_tree_that_is_a_leaf_says_the_same_of_all() -> None:
    minus, nought = np.array([-1], np.int32), np.array([0], np.int32)
    stump = Trees.packed(nought, np.zeros(1), minus, minus, nought, np.array([0, 1]))
    found = mean_of_leaves(np.array([[-1e30], [0], [1e30]], np.float32), stump, np.array([[0.25, 0.75]]))
    np.testing.assert_array_equal(found, [[0.25, 0.75]] * 3)


def test_trees_add_what_their_leaves_say() -> None:
    """Two decisions at 0 and 1 by hand, that say something of one class each."""
    two = Trees.packed(
        np.zeros(6, np.int32),
        np.array([0.0, 0, 0, 1, 0, 0]),
        np.array([1, -1, -1, 1, -1, -1], np.int32),
        np.array([2, -1, -1, 2, -1, -1], np.int32),
        np.array([0, 0, 1, 0, 2, 3], np.int32),
        np.array([0, 3, 6]),
    )
    x = np.array([[0], [0.5], [2]], np.float32)
    leaves = Leaves.of(np.array([[10.0, 0], [20, 0], [0, 3], [0, 4]]))
    found = sums_of_leaves(x, two, leaves, 2)
    np.testing.assert_array_equal(found, [[10, 3], [20, 3], [20, 4]])


def test_a_pixel_gets_the_same_bits_in_any_company() -> None:
    random = np.random.default_rng(1)
    x, y = random.normal(size=(300, 12)).astype(np.float32), random.integers(0, 4, 300)
    forest = RandomForestClassifier(9, random_state=0).fit(x, y)
    columns, distributions = arrays_of(forest)
    trees = Trees.packed(*columns)
    whole = mean_of_leaves(x, trees, distributions)
    for size in (1, 31, 33, 100):
        parts = [mean_of_leaves(x[i : i + size], trees, distributions) for i in range(0, 300, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_trees_that_can_not_be_named_in_32_bits_are_refused() -> None:
    large = np.array([2**31 - 1, 0, 0], np.int32)
    with pytest.raises(ValueError, match=r"trees of 3 nodes of 2147483648 features are too large"):
        minus = np.array([1, -1, -1], np.int32)
        Trees.packed(large, np.zeros(3), minus, np.array([2, -1, -1], np.int32), np.zeros(3, np.int32), np.array([0, 3]))
