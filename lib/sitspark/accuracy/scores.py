"""The scores of many confusion matrices at a time, as arrays: what ConfusionMatrix says of one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SUMMARY = ("overall_accuracy", "kappa", "mean_f_score", "weighted_f_score", "balanced_accuracy")
BY_CLASS = ("precision", "recall", "f_score")


@dataclass(frozen=True, slots=True, eq=False)
class ScoreArrays:
    """Scores of n matrices of k classes, float64; NaN: undefined. Definitions and undefined cases as in ConfusionMatrix.

    Those named in SUMMARY have the shape (n,), those in BY_CLASS (n, k).
    """

    overall_accuracy: Floats
    kappa: Floats
    mean_f_score: Floats
    weighted_f_score: Floats
    balanced_accuracy: Floats
    precision: Floats
    recall: Floats
    f_score: Floats


def scores_of(matrices: Floats) -> ScoreArrays:
    """The scores of matrices (n, k, k) of counts or weighted counts; rows = reference, columns = produced."""
    reference, produced = matrices.sum(axis=2), matrices.sum(axis=1)
    correct = np.diagonal(matrices, axis1=1, axis2=2)
    total = reference.sum(axis=1)
    recall = ratio(correct, reference)
    f_score = ratio(2 * correct, np.where(reference > 0, reference + produced, 0))
    overall = ratio(correct.sum(axis=1), total)
    chance = ratio((reference * produced).sum(axis=1), total**2)
    return ScoreArrays(
        overall_accuracy=overall,
        kappa=ratio(overall - chance, 1 - chance),
        mean_f_score=_mean_of_defined(f_score),
        weighted_f_score=ratio((np.nan_to_num(f_score) * reference).sum(axis=1), total),
        balanced_accuracy=_mean_of_defined(recall),
        precision=ratio(correct, produced),
        recall=recall,
        f_score=f_score,
    )


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where the whole is nothing."""
    shares: Floats = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _mean_of_defined(scores: Floats) -> Floats:
    defined = ~np.isnan(scores)
    return ratio(np.nan_to_num(scores).sum(axis=1), defined.sum(axis=1).astype(np.float64))
