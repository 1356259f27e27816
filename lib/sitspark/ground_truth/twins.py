"""Features with one and the same geometry, whatever vertex it begins with and whichever way its rings turn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Twins:
    """Those of several of one shape that don't stay, as positions; `other` is the one that each goes for.

    `conflict` says whether one goes because labels differ: then the other is the first of another label, else the first.
    """

    lost: Integers
    other: Integers
    conflict: npt.NDArray[np.bool_]


def twins(shape: Integers, order: Integers, label: npt.NDArray[np.int32], *, keep_first: bool) -> Twins:
    """Of those of one shape (a key) the first in their order stays; of several labels none, or with `keep_first` that one."""
    ranked = np.lexsort((order, shape))
    shape, label = shape[ranked], label[ranked]
    if not len(shape):
        return Twins(ranked, ranked, np.zeros(0, bool))
    starts = np.flatnonzero(np.r_[True, shape[1:] != shape[:-1]])
    count = np.diff(np.r_[starts, len(shape)])
    first = np.repeat(starts, count)
    several = np.repeat(np.minimum.reduceat(label, starts) != np.maximum.reduceat(label, starts), count)
    conflict = label != label[first] if keep_first else several
    place = np.arange(len(shape))
    lost = (place > first) | conflict
    differs = label != label[first]
    first_that_differs = np.repeat(np.minimum.reduceat(np.where(differs, place, len(place)), starts), count)
    other = np.where(conflict & ~differs, first_that_differs, first)
    return Twins(ranked[lost], ranked[other[lost]], conflict[lost])
