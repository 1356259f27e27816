"""More samples of rare classes: by definition, against imbalanced-learn, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE

from sitspark.kernels.augmentation import jitter, nearest, replicate, shares, smote

RARE = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)


def random() -> np.random.Generator:
    return np.random.default_rng(7)


def ways(parents: np.ndarray, children: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How far each child lies on the way from its parent to each of some ends, NaN where it lies beside it."""
    step = ends - parents[:, None]
    way = np.einsum("ijk,ijk->ij", (children - parents)[:, None], step) / np.einsum("ijk,ijk->ij", step, step)
    beside = np.abs(parents[:, None] + way[..., None] * step - children[:, None]).max(-1) > 1e-4
    return np.where(beside, np.nan, way)


def test_replicas_are_equally_many_of_each_sample_or_one_more() -> None:
    parents, children = replicate(RARE, 100, random())
    assert np.bincount(parents, minlength=40).tolist().count(2) == 20 and set(np.bincount(parents)) == {2, 3}
    assert (children == RARE[parents]).all()


def test_noise_is_that_of_the_class_divided_by_the_factor() -> None:
    scaled = RARE * np.array([1, 10, 100, 1000, 0, 1], np.float32)
    parents, children = jitter(scaled, 20_000, random(), std_factor=10)
    noise = children - scaled[parents]
    assert noise.std(0) == pytest.approx(scaled.std(0) / 10, rel=0.02)
    # a mean of 20 000 strays by a hundredth of their deviation, and hardly ever by four
    assert (np.abs(noise.mean(0)) <= 0.04 * noise.std(0)).all()


@given(count=st.integers(2, 25), dimensions=st.integers(1, 3), neighbours=st.integers(1, 4), seed=st.integers(0, 99))
def test_nearest_are_those_that_a_slow_search_finds(count: int, dimensions: int, neighbours: int, seed: int) -> None:
    features = np.random.default_rng(seed).integers(0, 5, (count, dimensions)).astype(np.float32)
    neighbours = min(neighbours, count - 1)
    for own, found in enumerate(nearest(features, np.arange(count), neighbours)):
        distances = [(((features[own] - features[other]) ** 2).sum(), other) for other in range(count) if other != own]
        assert found.tolist() == [other for _, other in sorted(distances)[:neighbours]]


def test_smote_is_that_of_imbalanced_learn() -> None:
    """Neither draws as the other does: both lie on the way to the same neighbours, spread over all of it alike."""
    common = np.random.default_rng(1).normal(size=(3040, 6)).astype(np.float32) + 9
    theirs = SMOTE(k_neighbors=5, random_state=0)
    made, _ = theirs.fit_resample(np.concatenate([RARE, common]), np.repeat([1, 0], [40, 3040]))
    made = made[3080:]
    near = theirs.nn_k_.kneighbors(RARE, return_distance=False)[:, 1:]
    assert (np.sort(near) == np.sort(nearest(RARE, np.arange(40), 5))).all()
    parents, children = smote(RARE, 3000, random(), neighbours=5)
    own = ways(RARE[parents], children, RARE[near[parents]])
    of_each = np.stack(
        [ways(np.repeat(RARE[i : i + 1], 3000, 0), made, np.repeat(RARE[near[i]][None], 3000, 0)) for i in range(40)]
    )
    other = np.nanmax(np.where((of_each < 0) | (of_each > 1), np.nan, of_each), axis=(0, 2))
    assert np.nanmin(own) >= 0 and np.nanmax(own) <= 1 and not np.isnan(own).all(1).any() and not np.isnan(other).any()
    assert np.bincount(parents, minlength=40).min() > 40
    assert np.nanmean(own) == pytest.approx(0.5, abs=0.05)


def test_smote_of_few_samples_takes_the_others_and_copies_one_that_is_alone() -> None:
    parents, children = smote(RARE[:2], 50, random(), neighbours=5)
    assert not np.isnan(ways(RARE[parents], children, RARE[1 - parents][:, None])).any()
    _, copies = smote(RARE[:1], 3, random(), neighbours=5)
    assert (copies == RARE[0]).all()


@pytest.mark.parametrize("method", [replicate, lambda *a: jitter(*a, std_factor=10), lambda *a: smote(*a, neighbours=3)])
def test_the_same_seed_makes_the_same_children(method) -> None:
    first, again = method(RARE, 30, random()), method(RARE, 30, random())
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all() and first[1].dtype == np.float32
    assert (method(RARE, 30, np.random.default_rng(8))[0] != first[0]).any()


@given(available=st.dictionaries(st.text(max_size=2), st.integers(1, 50), min_size=1), total=st.integers(0, 99))
def test_shares_are_exact_and_in_proportion(available: dict[str, int], total: int) -> None:
    found = shares(available, total)
    assert sum(found.values()) == total and found.keys() == available.keys()
    assert all(abs(found[name] - total * count / sum(available.values())) < 1 for name, count in available.items())
