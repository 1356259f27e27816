"""More samples of rare classes from those that there are, after OTB's SampleAugmentation (no file, no Spark).

Each function gives the positions of the parents, int64 (count,), and the features of the children, float32 (count, features).
"""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]
Name = TypeVar("Name")

_BLOCK_BYTES = 64e6  # of distances that are held at a time


def replicate(features: Floats, count: int, random: np.random.Generator) -> tuple[Positions, Floats]:
    """Copies of samples, of each equally many or one more."""
    turn = random.permutation(len(features))
    parents = turn[np.arange(count) % len(features)].astype(np.int64)
    return parents, features[parents]


def jitter(features: Floats, count: int, random: np.random.Generator, *, std_factor: float) -> tuple[Positions, Floats]:
    """Samples drawn with replacement, with Gaussian noise: of each feature its standard deviation divided by `std_factor`."""
    parents = random.integers(len(features), size=count)
    noise = random.standard_normal((count, features.shape[1]), np.float32)
    return parents, features[parents] + noise * (features.std(axis=0, dtype=np.float64) / std_factor).astype(np.float32)


def smote(features: Floats, count: int, random: np.random.Generator, *, neighbours: int) -> tuple[Positions, Floats]:
    """Places on the way from a sample drawn with replacement to one of its nearest neighbours.

    Chawla, Bowyer, Hall and Kegelmeyer 2002 (doi:10.1613/jair.953). Of fewer samples than `neighbours` + 1 all others are
    neighbours; a sample that is alone is copied. All samples are compared with those drawn: seconds for ten thousand, minutes
    for a hundred thousand.
    """
    parents = random.integers(len(features), size=count)
    ways = random.random((count, 1), np.float32)
    few = min(neighbours, len(features) - 1)
    if few == 0:
        return parents, features[parents]
    drawn, place = np.unique(parents, return_inverse=True)
    near = nearest(features, drawn, few)[place, random.integers(few, size=count)]
    return parents, features[parents] + ways * (features[near] - features[parents])


def nearest(features: Floats, of: Positions, count: int) -> Positions:
    """The nearest other samples of some, by Euclidean distance, int64 (len(of), count); of equally near ones the first."""
    values = features.astype(np.float64)
    squares = np.einsum("ij,ij->i", values, values)
    found = np.empty((len(of), count), np.int64)
    rows = max(1, int(_BLOCK_BYTES // (8 * len(values))))
    for start in range(0, len(of), rows):
        own = of[start : start + rows]
        distance = squares[None] - 2 * values[own] @ values.T
        distance[np.arange(len(own)), own] = np.inf
        found[start : start + rows] = np.argsort(distance, axis=1, kind="stable")[:, :count]
    return found


def shares(available: Mapping[Name, int], total: int) -> dict[Name, int]:
    """A total divided in proportion, exactly: what is over goes to the largest remainders, of equal ones in their order."""
    everyone = sum(available.values())
    exact = {name: total * count / everyone for name, count in available.items()}
    found = {name: int(share) for name, share in exact.items()}
    over = sorted(exact, key=lambda name: found[name] - exact[name])
    for name in over[: total - sum(found.values())]:
        found[name] += 1
    return found
