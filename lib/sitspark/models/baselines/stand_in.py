"""Baselines of random numbers, as large as fitted ones: what a map with one takes is measured before there is one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sitspark.kernels.forest import Leaves, Trees
from sitspark.models.baselines.base import Baseline
from sitspark.models.baselines.boosting import Boosting
from sitspark.models.baselines.forest import Forest
from sitspark.models.baselines.linear import LinearSvm
from sitspark.settings.baselines import BaselineSettings, ForestSettings, LightgbmSettings

_REFLECTANCE, _SPREAD = 2000, 1000  # thresholds are where features are


def stand_in(settings: BaselineSettings, features: int, classes: int, *, samples: int) -> Baseline:
    """What says something of pixels as fast as a baseline that is fitted to so many samples, and nothing true.

    Trees are complete; fitted ones are somewhat deeper on some paths.
    """
    random = np.random.default_rng(0)
    if isinstance(settings, ForestSettings):
        # half as many leaves as there could be: some hold more samples than the least
        leaves = max(samples // (2 * settings.min_samples_leaf), 1)
        if settings.max_depth is not None:
            leaves = min(leaves, 2**settings.max_depth)
        # two classes in a leaf are usual
        rows = np.eye(classes) + np.roll(np.eye(classes), 1, axis=1)
        return Forest.of_arrays(_complete(settings.trees, leaves, features), Leaves.of(rows / rows.sum(axis=1)), classes)
    if isinstance(settings, LightgbmSettings):
        arrays = _complete(settings.trees * classes, settings.leaves, features)
        return Boosting("", np.arange(classes), classes, Trees.packed(**arrays), Leaves.of(np.eye(classes)))
    return LinearSvm(random.random((classes, features)), random.random(classes))


def _complete(trees: int, leaves: int, features: int) -> dict[str, npt.NDArray[Any]]:
    """Trees in which node i has the children 2i + 1 and 2i + 2, as `Trees.packed` takes them; all leaves have number 0."""
    random = np.random.default_rng(0)
    nodes = 2 * leaves - 1
    node = np.arange(nodes, dtype=np.int32)
    inner = node < leaves - 1
    return {
        "feature": random.integers(0, features, trees * nodes).astype(np.int32),
        "threshold": random.normal(_REFLECTANCE, _SPREAD, trees * nodes),
        "left": np.tile(np.where(inner, 2 * node + 1, -1).astype(np.int32), trees),
        "right": np.tile(np.where(inner, 2 * node + 2, -1).astype(np.int32), trees),
        "leaf": np.zeros(trees * nodes, np.int32),
        "ends": np.arange(trees + 1, dtype=np.int64) * nodes,
    }
