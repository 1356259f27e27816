"""What may become of a key of iota2: settings of a run, a reason why it is none, or a value that a run can't begin with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sitspark.errors import nearest

NEEDS_NONE = "needs no setting"  # how the reason begins where leaving a key out changes nothing

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A value that can't be done as it is written, and without which the run would be another one.

    Were it left out a default would take its place; so the setting `instead` has to be given.
    """

    reason: str
    instead: str


Outcome = dict[str, Any] | str | Wrong
# a key's value and those of all other keys, to settings by their names, or to why there are none
Rule = Callable[[Any, Values], Outcome]


def none_of(value: Any, known: Iterable[str], *, instead: str) -> Wrong:
    """A value that isn't one of those known, and the one that may be meant."""
    names = list(known)
    return Wrong(f"{value} is none of {', '.join(names)}{nearest(value, names)}", instead)
