"""What may become of a key of iota2: settings of a run, a reason why it is none, or a value that a run can't begin with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sitspark.errors import nearest

NEEDS_NONE = "needs no setting"  # how the reason begins where leaving a key out changes nothing

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that isn't understood, or that can't be done here, and without which the run would be another one.

    Were it left out a default would take its place. `instead` is the setting to give for it; `others` would do too. Without any
    the file has to be changed.
    """

    reason: str
    instead: str | None
    others: tuple[str, ...] = ()

    def is_settled_by(self, setting: str) -> bool:
        """Whether an override of this setting says what takes the value's place: of it itself, or of a section around it."""
        return any(one is not None and f"{one}.".startswith(f"{setting}.") for one in (self.instead, *self.others))


Outcome = dict[str, Any] | str | Refused
# a key's value and those of all other keys, to settings by their names, or to why there are none
Rule = Callable[[Any, Values], Outcome]


def none_of(value: Any, known: Iterable[str], *, instead: str, others: tuple[str, ...] = ()) -> Refused:
    """A value that isn't one of those known, and the one that may be meant."""
    names = list(known)
    return Refused(f"{value} is none of {', '.join(names)}{nearest(value, names)}", instead, others)
