"""Counting confusions between two arrays of class codes."""

import numpy as np
import numpy.typing as npt


def confusion_counts(
    reference: npt.NDArray[np.integer], produced: npt.NDArray[np.integer], codes: tuple[int, ...]
) -> npt.NDArray[np.int64]:
    """Count pixels, int64 (classes, classes): rows = reference, columns = produced, both in the order of `codes`.

    Pixels whose code in either array isn't among `codes` (unclassified, unlabelled) are left out.
    """
    known = np.asarray(codes)
    row = np.searchsorted(known, reference.ravel()).clip(max=len(known) - 1)
    column = np.searchsorted(known, produced.ravel()).clip(max=len(known) - 1)
    inside = (known[row] == reference.ravel()) & (known[column] == produced.ravel())
    flat = np.bincount(row[inside] * len(known) + column[inside], minlength=len(known) ** 2)
    return flat.reshape(len(known), len(known)).astype(np.int64)
