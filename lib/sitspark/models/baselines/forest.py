"""Random forests and extremely randomised trees: scikit-learn fits them, `kernels.forest` evaluates them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sitspark.errors import SitsparkError
from sitspark.kernels.forest import Leaves, Trees, sums_of_leaves
from sitspark.models.baselines.base import Baseline, LearningSet, Task, random_state
from sitspark.settings.baselines import ForestSettings

_ROUNDS = 20  # in so many parts the trees are fitted: scikit-learn checks all features at the beginning of each


@dataclass(frozen=True, slots=True, eq=False)
class Forest(Baseline):
    """A forest whose nodes are numbered tree by tree.

    An entry a node: `feature` int32, `threshold` float64, `left` and `right` (places in the tree, int32; -1: a leaf), `leaf`
    int32 (number of the leaf, 0 elsewhere). The nodes of tree t are those from `ends[t]` to `ends[t + 1]`, int64. Leaf i has
    the `shares`, float64, from `leaf_ends[i]` to `leaf_ends[i + 1]`, int64, of the `leaf_classes`, int32, at the same places;
    leaves that say the same are one.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    leaf: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int64]
    leaf_ends: npt.NDArray[np.int64]
    leaf_classes: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float64]
    classes: int
    trees: Trees

    @classmethod
    def fitted(cls, settings: ForestSettings, samples: LearningSet, monitored: LearningSet, task: Task) -> Self:
        """See `Baseline`; monitored samples change nothing."""
        # takes a second to import, and the map needs none of it
        from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

        if isinstance(settings.max_features, int) and settings.max_features > samples.features.shape[1]:
            raise SitsparkError(
                f"training.baseline.max_features is {settings.max_features} and samples have {samples.features.shape[1]} "
                "features; lower it"
            )
        kind = RandomForestClassifier if settings.kind == "random_forest" else ExtraTreesClassifier
        forest = kind(
            max_depth=settings.max_depth,
            min_samples_leaf=settings.min_samples_leaf,
            min_samples_split=settings.min_samples_split,
            max_features=None if settings.max_features == "all" else settings.max_features,
            n_jobs=task.threads,
            random_state=random_state(task.seed),
            warm_start=True,
        )
        grown: list[dict[str, npt.NDArray[Any]]] = []
        part = max(task.threads, -(-settings.trees // _ROUNDS))
        while len(grown) < settings.trees:
            forest.set_params(n_estimators=min(len(grown) + part, settings.trees))
            forest.fit(samples.features, samples.positions, sample_weight=samples.weights)
            new = slice(len(grown), None)
            grown += [_compact(tree.tree_, forest.classes_, task.classes) for tree in forest.estimators_[new]]
            # scikit-learn's own tree holds a number a class and node, many times more: to go on it needs their count alone
            forest.estimators_[new] = [None] * len(forest.estimators_[new])
            task.progress(len(grown))
        joined = {name: np.concatenate([tree[name] for tree in grown]) for name in ("feature", "threshold", "left", "right")}
        distributions, leaf = _each_once(grown)
        ends = np.cumsum([0, *(len(tree["left"]) for tree in grown)])
        return cls.of_arrays(joined | {"leaf": leaf, "ends": ends}, Leaves.of(distributions), task.classes)

    @staticmethod
    def sample_bytes(features: int, classes: int) -> int:
        """See `Baseline`: features, and what a tree notes of each sample (place, value, weight, count)."""
        return 4 * features + 64

    @staticmethod
    def steps(settings: ForestSettings) -> int:
        """See `Baseline`: trees."""
        return settings.trees

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """See `Baseline`: the mean of the distributions in the trees' leaves, as scikit-learn's predict_proba."""
        leaves = Leaves(self.leaf_ends, self.leaf_classes, self.shares)
        return sums_of_leaves(features, self.trees, leaves, self.classes) / (len(self.ends) - 1)

    def tensors(self) -> Mapping[str, Tensor]:
        """See `Baseline`."""
        arrays = {name: torch.from_numpy(getattr(self, name)) for name in (*_OF_TREES, *_OF_LEAVES)}
        return arrays | {"classes": torch.tensor(self.classes)}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """See `Baseline`."""
        arrays = {name: tensors[name].numpy() for name in (*_OF_TREES, *_OF_LEAVES)}
        leaves = Leaves(*(arrays[name] for name in _OF_LEAVES))
        return cls.of_arrays({name: arrays[name] for name in _OF_TREES}, leaves, int(tensors["classes"]))

    @classmethod
    def of_arrays(cls, trees: Mapping[str, npt.NDArray[Any]], leaves: Leaves, classes: int) -> Self:
        """A forest of the arrays of trees, by their names, and leaves; raises SitsparkError for trees that are too large."""
        try:
            packed = Trees.packed(**trees)
        except ValueError as error:
            raise SitsparkError(
                f"training: {error}; raise training.baseline.min_samples_leaf, or lower its max_depth"
            ) from None
        return cls(
            **trees, leaf_ends=leaves.ends, leaf_classes=leaves.classes, shares=leaves.values, classes=classes, trees=packed
        )

    @property
    def size(self) -> int:
        """See `Baseline`: features and thresholds of decisions, and shares of classes."""
        return 2 * int(np.count_nonzero(self.left >= 0)) + len(self.shares)


_OF_TREES = ("feature", "threshold", "left", "right", "leaf", "ends")
_OF_LEAVES = ("leaf_ends", "leaf_classes", "shares")


def _compact(tree: Any, present: npt.NDArray[np.int64], classes: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one tree of scikit-learn's, with distributions over all classes, those of its own leaves each once."""
    inner = tree.children_left >= 0
    shares = np.zeros((np.count_nonzero(~inner), classes))
    shares[:, present] = tree.value[~inner, 0, :]
    distributions, number = _distinct(shares)
    leaf = np.zeros(len(inner), np.int32)
    leaf[~inner] = number
    return {
        "feature": np.where(inner, tree.feature, 0).astype(np.int32),
        "threshold": np.where(inner, tree.threshold, 0.0),
        "left": tree.children_left.astype(np.int32),
        "right": tree.children_right.astype(np.int32),
        "leaf": leaf,
        "distributions": distributions,
    }


def _each_once(grown: list[dict[str, npt.NDArray[Any]]]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """The distributions of all trees, each once, and which of them each node has."""
    firsts = np.cumsum([0, *(len(tree["distributions"]) for tree in grown)])
    distributions, number = _distinct(np.concatenate([tree["distributions"] for tree in grown]))
    leaf = [np.where(tree["left"] < 0, number[first + tree["leaf"]], 0) for tree, first in zip(grown, firsts[:-1], strict=True)]
    return distributions, np.concatenate(leaf).astype(np.int32)


def _distinct(rows: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """The rows that differ, and which of them each row is; compared as bytes, which takes a tenth of the time."""
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.strides[0]))).ravel()
    _, first, number = np.unique(whole, return_index=True, return_inverse=True)
    return rows[first], number
