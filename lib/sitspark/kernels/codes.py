"""Arrays of class codes of any values: which codes occur, and how often two of them meet."""

import numpy as np
import numpy.typing as npt

_SPAN = 2**20  # codes further apart are sorted instead of counted

Codes = npt.NDArray[np.integer]


def distinct(codes: Codes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The codes that occur, ascending (k,), and the position of each element's code among them (flat)."""
    flat = codes.ravel().astype(np.int64)
    if not flat.size:
        return flat, flat
    low, high = int(flat.min()), int(flat.max())
    if high - low > _SPAN:
        values, position = np.unique(flat, return_inverse=True)
        return values, position.astype(np.int64)
    flat -= low
    there = np.bincount(flat) > 0
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[flat]


def pair_counts(first: Codes, second: Codes) -> dict[tuple[int, int], int]:
    """How often each pair of codes stands at one place of two arrays of equal shape."""
    of_first, at_first = distinct(first)
    of_second, at_second = distinct(second)
    counts = np.bincount(at_first * len(of_second) + at_second, minlength=len(of_first) * len(of_second))
    counts = counts.reshape(len(of_first), len(of_second))
    return {(int(of_first[i]), int(of_second[j])): int(counts[i, j]) for i, j in np.argwhere(counts)}
