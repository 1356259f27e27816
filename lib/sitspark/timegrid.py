"""The regular dates onto which irregular acquisitions are interpolated."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01, the time unit of all kernels."""
    return (day - EPOCH).days


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Dates from `start`, every `step` days, the last one not after `end`."""

    start: date
    end: date
    step: int

    def __post_init__(self) -> None:
        if self.step < 1:
            raise ValueError(f"the step of a time grid is at least one day, not {self.step}")
        if self.end < self.start:
            raise ValueError(f"a time grid can't end ({self.end}) before it starts ({self.start})")

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates, ascending."""
        return tuple(self.start + timedelta(days=offset) for offset in range(0, (self.end - self.start).days + 1, self.step))

    @property
    def days(self) -> npt.NDArray[np.int32]:
        """The dates as day numbers, int32 (steps,)."""
        return np.array([day_number(day) for day in self.dates], np.int32)

    def __len__(self) -> int:
        return (self.end - self.start).days // self.step + 1
