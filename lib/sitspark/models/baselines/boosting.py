"""Gradient boosting: LightGBM fits it and gives its text; the trees are read from that and evaluated by `kernels.forest`.

So the map needs no LightGBM.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sitspark.errors import SitsparkError
from sitspark.kernels.forest import Leaves, Trees, sums_of_leaves
from sitspark.models.baselines.base import Baseline, LearningSet, Task, random_state, softmax
from sitspark.settings.baselines import LightgbmSettings

_CATEGORICAL, _ZERO_IS_MISSING = 1, 4  # bits of decision_type (include/LightGBM/tree.h)


@dataclass(frozen=True, slots=True, eq=False)
class Boosting(Baseline):
    """Trees in turn of each class that there was, whose values add up to its score.

    `text` is LightGBM's own form of the model; `present`, int64 (classes that there were,), are their positions among
    `classes`.
    """

    text: str
    present: npt.NDArray[np.int64]
    classes: int
    trees: Trees
    leaves: Leaves

    @classmethod
    def fitted(cls, settings: LightgbmSettings, samples: LearningSet, monitored: LearningSet, task: Task) -> Self:
        """See `Baseline`; monitored samples say when to stop."""
        lightgbm = library()
        present, positions = np.unique(samples.positions, return_inverse=True)
        if len(present) < 2:
            raise SitsparkError("training: lightgbm needs samples of two classes or more; check the ground truth")
        parameters = {
            "objective": "multiclass",
            "num_class": len(present),
            "num_leaves": settings.leaves,
            "learning_rate": settings.learning_rate,
            "min_data_in_leaf": settings.min_samples_leaf,
            "feature_fraction": settings.feature_share,
            "num_threads": task.threads,
            "seed": random_state(task.seed),
            "deterministic": True,
            "force_row_wise": True,  # else LightGBM measures which way is faster: a race
            "verbosity": -1,
        }
        fitted = lightgbm.Dataset(samples.features, positions, weight=samples.weights, params=parameters)
        # a class that isn't fitted to has no trees, and no score that could be watched
        known = np.flatnonzero(np.isin(monitored.positions, present))
        watched = []
        if settings.patience is not None and len(known):
            seen = np.searchsorted(present, monitored.positions[known])
            watched = [lightgbm.Dataset(monitored.features[known], seen, reference=fitted, params=parameters)]
        callbacks = [lambda state: task.progress(state.iteration + 1)]
        if watched:
            callbacks.append(lightgbm.early_stopping(settings.patience, verbose=False))
        booster = lightgbm.train(parameters, fitted, settings.trees, valid_sets=watched, callbacks=callbacks)
        # best_iteration is 0 where nothing was watched, which means all
        return cls._made(booster.model_to_string(num_iteration=booster.best_iteration or None), present, task.classes)

    @staticmethod
    def sample_bytes(features: int, classes: int) -> int:
        """See `Baseline`: features, their bins of one byte, and of each class score, gradient and curvature."""
        return 5 * features + 16 * classes + 16

    @staticmethod
    def steps(settings: LightgbmSettings) -> int:
        """See `Baseline`: rounds."""
        return settings.trees

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """LightGBM's raw scores of the classes that there were, float64 (n, present)."""
        return sums_of_leaves(features, self.trees, self.leaves, len(self.present))

    def probabilities(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """See `Baseline`: the softmax of the scores."""
        found = np.zeros((len(features), self.classes))
        found[:, self.present] = softmax(self.scores(features))
        return found

    def tensors(self) -> Mapping[str, Tensor]:
        """See `Baseline`; `lightgbm` are the bytes of the text, as lightgbm.Booster(model_str=...) takes it."""
        return {
            "lightgbm": torch.from_numpy(np.frombuffer(self.text.encode(), np.uint8).copy()),
            "present": torch.from_numpy(self.present),
            "classes": torch.tensor(self.classes),
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """See `Baseline`."""
        text = tensors["lightgbm"].numpy().tobytes().decode()
        return cls._made(text, tensors["present"].numpy(), int(tensors["classes"]))

    @classmethod
    def _made(cls, text: str, present: npt.NDArray[np.int64], classes: int) -> Self:
        return cls(text, present, classes, *_read(text, len(present)))

    @property
    def size(self) -> int:
        """See `Baseline`: features and thresholds of decisions, and the values of leaves."""
        return 2 * (len(self.trees.nodes) - len(self.leaves.values)) + len(self.leaves.values)


def library() -> ModuleType:
    """LightGBM; its wheel wants libgomp.so.1, which slim systems lack.

    Torch, imported above, brings a library of that name in its builds for CUDA, and then the loader takes that one.
    """
    try:
        import lightgbm
    except OSError as error:
        raise SitsparkError(
            f"training: LightGBM can't be loaded ({error}); install the system's OpenMP library "
            "(apt-get install libgomp1, or dnf install libgomp), or choose another training.baseline"
        ) from None
    return lightgbm


def _read(text: str, classes: int) -> tuple[Trees, Leaves]:
    """The trees of LightGBM's text, leaves numbered through, and what they say: tree t of class t % classes."""
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ("feature", "threshold", "left", "right", "leaf", "value")}
    counts = []
    leaves_before = 0
    for tree in _blocks(text):
        leaves = int(tree["num_leaves"])
        inner = leaves - 1
        decisions = _numbers(tree["decision_type"], np.int64) if inner else np.empty(0, np.int64)
        if int(tree["num_cat"]) or (decisions & (_CATEGORICAL | _ZERO_IS_MISSING)).any():
            raise SitsparkError("a model of LightGBM has decisions that sitspark doesn't make; train it again")
        # inner nodes come first; a child below 0 is the complement of a leaf's number
        for name, key in (("left", "left_child"), ("right", "right_child")):
            child = _numbers(tree[key], np.int32) if inner else np.empty(0, np.int32)
            parts[name].append(np.append(np.where(child < 0, inner + ~child, child), np.full(leaves, -1)).astype(np.int32))
        feature = _numbers(tree["split_feature"], np.int32) if inner else np.empty(0, np.int32)
        threshold = _numbers(tree["threshold"], np.float64) if inner else np.empty(0)
        parts["feature"].append(np.append(feature, np.zeros(leaves, np.int32)))
        parts["threshold"].append(np.append(threshold, np.zeros(leaves)))
        parts["leaf"].append(np.append(np.zeros(inner, np.int32), leaves_before + np.arange(leaves, dtype=np.int32)))
        parts["value"].append(_numbers(tree["leaf_value"], np.float64))
        counts.append(inner + leaves)
        leaves_before += leaves
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    values = joined.pop("value")
    of_class = np.repeat(np.arange(len(counts)) % classes, (np.array(counts) + 1) // 2).astype(np.int32)
    return Trees.packed(**joined, ends=np.cumsum([0, *counts])), Leaves(np.arange(len(values) + 1), of_class, values)


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """The lines `key=value` of each tree."""
    body = text.partition("end of trees")[0]
    for block in body.split("\nTree=")[1:]:
        yield dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)


def _numbers(text: str, dtype: type[np.generic]) -> npt.NDArray[Any]:
    return np.array(text.split(), dtype)
