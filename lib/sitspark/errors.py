"""The one exception that a user is meant to read, and how its sentence names and counts things."""

import difflib
import itertools
from collections.abc import Iterable

_ALIKE = 0.6  # twice the letters that two names share, of those of both; a name of other letters was not meant


class SitsparkError(Exception):
    """One sentence for the user: what is wrong, where (file, tile, band, feature id, settings key), what to do.

    Raised in a Python worker, it reaches the command line as that sentence, so it stays on one line.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(" ".join(sentence.split()))


def some(names: Iterable[str], *, most: int = 5, separator: str = ", ") -> str:
    """The first names of a list as a sentence takes them; the rest is counted."""
    iterator = iter(names)
    first = list(itertools.islice(iterator, most))
    rest = sum(1 for _ in iterator)
    more = f"{separator if separator != ', ' else ' '}and {rest} more" if rest else ""
    return separator.join(first) + more


def nearest(name: object, known: Iterable[str]) -> str:
    """The end of a sentence on a name that isn't known: the first of those that it resembles most; empty where none does."""

    def likeness(other: str) -> float:
        return difflib.SequenceMatcher(None, other.lower(), str(name).lower()).ratio()

    best = max(known, key=likeness, default="")
    return f"; did you mean {best}?" if likeness(best) >= _ALIKE else ""


def counted(count: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is one; also where more words go before the noun."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
