"""What a check tells."""

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
    """How many checks found what; lines on single products belong to a check that has its own."""
    of = {verdict: len({finding.subject for finding in findings if finding.verdict is verdict}) for verdict in Verdict}
    checks = len({finding.subject for finding in findings if finding.verdict is not Verdict.DETAIL})
    if not of[Verdict.WRONG]:
        lost = f"; a run goes on without what is marked {Verdict.LOSS.value}" if of[Verdict.LOSS] else ""
        return f"all {checks} checks passed{lost}"
    unseen = f", {of[Verdict.UNSEEN]} couldn't be made" if of[Verdict.UNSEEN] else ""
    return f"{of[Verdict.WRONG]} of {counted(checks, 'check')} failed{unseen}"
