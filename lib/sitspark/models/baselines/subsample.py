"""Which samples are taken where not all fit into memory."""

import numpy as np
import numpy.typing as npt

from sitspark.kernels.sampling import hashes


def stratified(positions: npt.NDArray[np.int64], limit: int, *, seed: int) -> npt.NDArray[np.intp]:
    """The places, ascending, of about `limit` of the samples whose class positions, int64 (n,), these are; all if they fit.

    Each class keeps the share limit / n of its samples, rounded down, but one at least: those with the least hashes of seed
    and place in the table, so that chance decides, the same each time.
    """
    if len(positions) <= limit:
        return np.arange(len(positions))
    drawn = np.argsort(hashes(np.arange(len(positions)), seed), kind="stable")
    taken = []
    for position in np.unique(positions):
        members = drawn[positions[drawn] == position]
        taken.append(members[: max(len(members) * limit // len(positions), 1)])
    return np.sort(np.concatenate(taken))
