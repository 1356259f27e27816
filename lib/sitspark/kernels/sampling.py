"""Which of many positions are taken: the rules of OTB's samplers in closed form, so that each is decided by itself."""

import numpy as np
import numpy.typing as npt

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hashes(values: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """A pseudo-random number from 0 to 2^63 - 1 for each value, (n,); different values differ but in 1 of 2^62 pairs.

    Splitmix64 (Steele, Lea and Flood, 2014) of value and seed, without its last bit: Spark has no unsigned numbers.
    """
    state = values.astype(np.uint64) + _mixed(np.array([(seed + 1) * _GOLDEN % 2**64], np.uint64))
    return (_mixed(state) >> np.uint64(1)).astype(np.int64)


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


def periodic(
    ranks: npt.NDArray[np.int64], wanted: int, available: int, *, jitter: int = 0, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Which of the ranks (n,; from 0 to available - 1) are among exactly `wanted` ones, evenly spread.

    OTB's PeriodicSampler: the k-th one taken is floor(k N / n + offset). The offset is 0; with a `jitter` it is drawn for
    each k between 0 and the smaller of jitter and N / n - 1.
    """
    if wanted >= available:
        return np.ones(len(ranks), np.bool_)
    if wanted == 0:
        return np.zeros(len(ranks), np.bool_)
    # the only ones that may be taken at rank j begin at, or up to a period before, it
    before = ranks * wanted // available
    taken = np.zeros(len(ranks), np.bool_)
    for k in (before, before + 1):
        taken |= (k < wanted) & (_place(k, wanted, available, jitter, seed) == ranks)
    return taken


def _place(k: npt.NDArray[np.int64], wanted: int, available: int, jitter: int, seed: int) -> npt.NDArray[np.int64]:
    """The rank of the k-th one taken."""
    if jitter == 0:
        return k * available // wanted
    spread = min(float(jitter), available / wanted - 1)
    offset = hashes(k, seed) / 2**63 * spread
    begin, rest = np.divmod(k * available, wanted)
    return begin + np.floor(rest / wanted + offset).astype(np.int64)
