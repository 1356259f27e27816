"""What a check tells."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What becomes of what was looked at; the values are the marks beside it."""

    FINE = "✓"
    WRONG = "✗"
    LOSS = "!"  # a run goes on without it
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
