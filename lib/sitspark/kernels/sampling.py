"""Stable pseudo-random order: a hash of the seed and an identifier, never of positions in a table."""

import numpy as np
import numpy.typing as npt


def hash_order(seed: int, identifiers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """A uint64 for each identifier, uniform and independent of the others (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        z = identifiers.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        for multiplier, shift in ((0xBF58476D1CE4E5B9, 30), (0x94D049BB133111EB, 27)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(multiplier)
        return z ^ (z >> np.uint64(31))
