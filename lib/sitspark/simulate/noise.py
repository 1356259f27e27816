"""Randomness as a function of position: the same pixel gets the same number from whatever window it is computed.

Compiled code is cached by its own file alone: after a change of a compiled function or constant here, in `climate` or in
`phenology`, remove the package's __pycache__, for its callers in other modules keep the old one.
"""

import hashlib
import math
from typing import Any

import numpy as np
from numba import njit, uint64

# the constants of splitmix64 (Steele, Lea and Flood 2014)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
PRIME = np.uint64(0xD6E8FEB86659FD93)
S11, S27, S30, S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
S16, S32, S48, LOW_16 = np.uint64(16), np.uint64(32), np.uint64(48), np.uint64(0xFFFF)


def key_of(*parts: Any) -> np.uint64:
    """A 64-bit key from a seed and names: equal parts give equal keys on every machine."""
    digest = hashlib.blake2b("/".join(str(part) for part in parts).encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


def generator_of(*parts: Any) -> np.random.Generator:
    """A random generator that belongs to a seed and names."""
    return np.random.default_rng(int(key_of(*parts)))


@njit(cache=True, inline="always")
def mixed(value: np.uint64) -> np.uint64:
    """Splitmix64's finaliser: uint64 to uint64, every bit depends on every bit."""
    value = (value ^ (value >> S30)) * MIX_1
    value = (value ^ (value >> S27)) * MIX_2
    return value ^ (value >> S31)


@njit(cache=True, inline="always")
def hashed(key: np.uint64, row: int, col: int) -> np.uint64:
    """The uint64 of a key at a lattice position; negative positions are allowed."""
    return mixed(mixed(key + uint64(row) * GOLDEN) ^ (uint64(col) * PRIME))


@njit(cache=True, inline="always")
def uniform(value: np.uint64) -> float:
    """A uint64 as a number in [0, 1)."""
    return float(value >> S11) * (1.0 / 9007199254740992.0)


@njit(cache=True, inline="always")
def normal(value: np.uint64) -> float:
    """A uint64 as a nearly normal number of mean 0 and deviation 1: the sum of its four 16-bit quarters."""
    total = float(value & LOW_16) + float((value >> S16) & LOW_16) + float((value >> S32) & LOW_16) + float(value >> S48)
    return (total / 65536.0 - 2.0) * 1.7320508075688772


@njit(cache=True)
def smooth(key: np.uint64, row: float, col: float, scale: float) -> float:
    """Value noise in [0, 1): random numbers on a lattice of `scale` pixels, joined smoothly."""
    y, x = row / scale, col / scale
    i, j = math.floor(y), math.floor(x)
    v, u = y - i, x - j
    v, u = v * v * (3.0 - 2.0 * v), u * u * (3.0 - 2.0 * u)
    above = uniform(hashed(key, i, j)) * (1.0 - u) + uniform(hashed(key, i, j + 1)) * u
    below = uniform(hashed(key, i + 1, j)) * (1.0 - u) + uniform(hashed(key, i + 1, j + 1)) * u
    return above * (1.0 - v) + below * v


@njit(cache=True)
def fractal(key: np.uint64, row: float, col: float, scale: float, octaves: int) -> float:
    """Value noise in [0, 1) with finer and fainter noise upon it, each octave of half the scale and weight."""
    total, weight, sum_of_weights = 0.0, 1.0, 0.0
    for octave in range(octaves):
        total += weight * smooth(mixed(key + uint64(octave)), row, col, scale)
        sum_of_weights += weight
        weight *= 0.5
        scale *= 0.5
    return total / sum_of_weights
