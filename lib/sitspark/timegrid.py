"""The regular dates onto which irregular acquisitions are interpolated."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01, the time unit of all kernels."""
    return (day - EPOCH).days


def days_near(day: date, days_of_year: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Day numbers of days of the year (1 to 366), each in the year that brings it nearest to `day`."""
    near = day_number(day)
    years = [day_number(date(year, 1, 1)) + days_of_year - 1 for year in (day.year - 1, day.year, day.year + 1)]
    before, same, after = years
    half = 183  # days: half a year
    found: npt.NDArray[np.int32] = np.where(same - near > half, before, np.where(near - same > half, after, same))
    return found.astype(np.int32)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day."""

    first: date
    last: date

    @staticmethod
    def around(periods: Iterable["Period"]) -> "Period":
        """The period that holds all of some."""
        all_of_them = list(periods)
        return Period(min(period.first for period in all_of_them), max(period.last for period in all_of_them))


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
