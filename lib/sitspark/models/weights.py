"""What each sample weighs in the loss."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt


def weights_of(
    classes: npt.NDArray[np.int64],
    polygons: npt.NDArray[np.int64],
    balance: Collection[str],
    own: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float32]:
    """The weight of each sample in the loss, float32 (n,), whose mean is 1.

    Balanced polygons of a class weigh the same, whatever their numbers of samples, and together as much as the class has;
    balanced classes weigh the same. That is multiplied by the samples' `own` weights (n,), of which one at least is above 0.
    """
    weights = np.ones(len(classes))
    if "polygon" in balance:
        (of, _), place, count = np.unique(np.stack([classes, polygons]), axis=1, return_inverse=True, return_counts=True)
        per_polygon = np.bincount(classes)[of] / np.bincount(of)[of] / count
        weights = per_polygon[place.reshape(-1)]
    if "class" in balance:
        there, place, count = np.unique(classes, return_inverse=True, return_counts=True)
        weights *= (len(classes) / len(there) / count)[place]
    if own is not None:
        weights *= own
        weights /= weights.mean()
    return weights.astype(np.float32)
