"""Mean and squared deviations of every feature, over blocks of samples that are in the cache (Chan, Golub and LeVeque 1983)."""

import numba
import numpy as np
import numpy.typing as npt

_ROWS = 128  # samples seen twice while they are in the cache: of 481 features 250 kB


@numba.njit(cache=True, nogil=True)
def add_moments(
    block: npt.NDArray[np.float32], count: int, mean: npt.NDArray[np.float64], squares: npt.NDArray[np.float64]
) -> None:
    """Add a block of samples, float32 (n, features), to the mean and the sum of squared deviations of `count` others.

    Both, float64 (features,), are changed in place, and are stable for any mean. A feature that isn't finite in some sample has
    a mean that isn't.
    """
    samples, features = block.shape
    own, around = np.empty(features), np.empty(features)
    for first in range(0, samples, _ROWS):
        last = min(first + _ROWS, samples)
        own[:] = 0.0
        for row in range(first, last):
            for feature in range(features):
                own[feature] += block[row, feature]
        added = last - first
        own /= added
        around[:] = 0.0
        for row in range(first, last):
            for feature in range(features):
                apart = block[row, feature] - own[feature]
                around[feature] += apart * apart
        total = count + added
        for feature in range(features):
            step = own[feature] - mean[feature]
            squares[feature] += around[feature] + step * step * (count * added / total)
            mean[feature] += step * (added / total)
        count = total
