"""Arrays of faults: of each feature the first one that is found, or None."""

import numpy as np
import numpy.typing as npt

Faults = npt.NDArray[np.object_]


def sound(faults: Faults) -> npt.NDArray[np.bool_]:
    """Which features have no fault."""
    return np.asarray(faults == None, bool)  # noqa: E711  # compares element by element


def blame(faults: Faults, faulty: npt.NDArray[np.bool_], fault: str) -> None:
    """Write a fault where there is none yet."""
    faults[faulty & sound(faults)] = fault


def present(owner: npt.NDArray[np.intp], features: int) -> npt.NDArray[np.bool_]:
    """Which of so many features own a piece, `owner` being the feature of each piece."""
    found = np.zeros(features, bool)
    found[owner] = True
    return found
