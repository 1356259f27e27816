"""Scores over the folds or runs of a cross-validation, and how far they spread."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sitspark.accuracy.matrix import Score

# two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom (Abramowitz and Stegun 1964, table 26.10)
_STUDENT_95 = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean of so many scores, standard deviation (count - 1), half the width of the 95 % interval of the mean.

    A single score has a mean, but neither deviation nor interval: None.
    """

    count: int
    mean: float
    deviation: Score
    half_width: Score


def spread(scores: Sequence[Score]) -> Spread | None:
    """Summarise scores of folds, or of runs; undefined ones don't count, and without any defined one there is no summary.

    The interval is Student's with count - 1 degrees of freedom, which supposes that they are independent.
    """
    defined = [score for score in scores if score is not None]
    count = len(defined)
    if not count:
        return None
    mean = math.fsum(defined) / count
    if count == 1:
        return Spread(count, mean, None, None)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in defined) / (count - 1))
    return Spread(count, mean, deviation, student_95(count - 1) * deviation / math.sqrt(count))


def student_95(degrees: int) -> float:
    """The two-sided 95 % quantile of Student's t, to four decimals; `degrees` of freedom from 1 on.

    Above 30 the expansion around the normal quantile (Abramowitz and Stegun 1964, 26.7.5).
    """
    if degrees <= len(_STUDENT_95):
        return _STUDENT_95[degrees - 1]
    z = _NORMAL_95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / degrees + second / degrees**2
