"""McNemar's test: are two maps right equally often on the same pixels?"""

import math
from dataclasses import dataclass

_FEW = 25  # pixels on which they disagree, below which chi-squared is no good approximation


@dataclass(frozen=True, slots=True)
class McNemar:
    """`first_only` pixels are right in the first map alone, `second_only` in the second.

    `statistic` is chi-squared with one degree of freedom; None where `p_value` is of the exact binomial test.
    """

    first_only: int
    second_only: int
    statistic: float | None
    p_value: float

    @property
    def exact(self) -> bool:
        """Whether the p-value is that of the exact test."""
        return self.statistic is None


def mcnemar(first_only: int, second_only: int) -> McNemar:
    """Test the hypothesis that a pixel right in one map alone is as likely to be right in either; two-sided.

    Chi-squared with the continuity correction, (|b - c| - 1)^2 / (b + c), not below 0; with fewer than 25 such pixels the exact
    binomial test; without any of them p is 1. McNemar (1947), Note on the sampling error of the difference between
    correlated proportions or percentages, Psychometrika 12; for maps Foody (2004), Thematic map comparison,
    Photogrammetric Engineering & Remote Sensing 70. Pixels are taken for independent of each other.
    """
    discordant = first_only + second_only
    if discordant < _FEW:
        fewer = sum(math.comb(discordant, k) for k in range(min(first_only, second_only) + 1))
        return McNemar(first_only, second_only, None, min(1.0, 2 * fewer / 2**discordant))
    statistic = max(abs(first_only - second_only) - 1, 0) ** 2 / discordant
    # the upper tail of chi-squared with one degree of freedom
    return McNemar(first_only, second_only, statistic, math.erfc(math.sqrt(statistic / 2)))
