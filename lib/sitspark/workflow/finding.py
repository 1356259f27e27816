"""What a check tells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sitspark.errors import counted


class Verdict(Enum):
    """What becomes of what was looked at; the values are the marks beside it."""

    FINE = "✓"
    WRONG = "✗"
    LOSS = "!"  # a run goes on without it
    UNSEEN = "?"  # couldn't be looked at, for something else is wrong
    DETAIL = "-"  # a line that belongs to the check after it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    sentence: str
    verdict: Verdict = Verdict.FINE

    @property
    def wrong(self) -> bool:
        """Whether nothing can be computed with it."""
        return self.verdict is Verdict.WRONG


def in_sum(findings: Sequence[Finding]) -> str:
    """How many checks found what; what is lost, and lines on single products, belong to a check that has its own."""
    of = Counter(finding.verdict for finding in findings)
    checks = of[Verdict.FINE] + of[Verdict.WRONG] + of[Verdict.UNSEEN]
    if not of[Verdict.WRONG]:
        return f"All {checks} checks passed"
    unseen = f", {of[Verdict.UNSEEN]} couldn't be made" if of[Verdict.UNSEEN] else ""
    return f"{of[Verdict.WRONG]} of {counted(checks, 'check')} failed{unseen}"
