"""The dates for which features are made of irregular acquisitions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from sitspark.errors import counted

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


Step = int | Literal["month", "dekad"]
_STARTS = {"month": (1,), "dekad": (1, 11, 21)}  # days of the month on which a calendar step begins


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Dates from `start`, every `step` days, the last one not after `end`.

    With a step of the calendar: from the beginning of the month or dekad (days 1-10, 11-20, 21 to the end of a month) that
    `start` lies in, at the beginning of each.
    """

    start: date
    end: date
    step: Step

    def __post_init__(self) -> None:
        if isinstance(self.step, int) and self.step < 1:
            raise ValueError(f"the step of a time grid is at least one day, not {self.step}")
        if self.end < self.start:
            raise ValueError(f"a time grid can't end ({self.end}) before it starts ({self.start})")

    def _beginnings(self) -> Iterator[date]:
        """The dates, without an end."""
        if isinstance(self.step, int):
            yield from (self.start + timedelta(days=offset) for offset in itertools.count(0, self.step))
        else:
            months = itertools.count(12 * self.start.year + self.start.month - 1)
            begun = (date(month // 12, month % 12 + 1, day) for month in months for day in _STARTS[self.step])
            # the last one of those that aren't after the start is the first
            one, following = next(begun), next(begun)
            while following <= self.start:
                one, following = following, next(begun)
            yield from itertools.chain((one, following), begun)

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates, ascending."""
        return tuple(itertools.takewhile(lambda day: day <= self.end, self._beginnings()))

    @property
    def days(self) -> npt.NDArray[np.int32]:
        """The dates as day numbers, int32 (steps,)."""
        return np.array([day_number(day) for day in self.dates], np.int32)

    @property
    def edges(self) -> npt.NDArray[np.int32]:
        """Where the steps begin, and the last one ends: day numbers, int32 (steps + 1,)."""
        beginnings = itertools.islice(self._beginnings(), len(self) + 1)
        return np.array([day_number(day) for day in beginnings], np.int32)

    def __len__(self) -> int:
        return len(self.dates)

    def __str__(self) -> str:
        """As every 10 days, each month."""
        return f"every {counted(self.step, 'day')}" if isinstance(self.step, int) else f"each {self.step}"


@dataclass(frozen=True, slots=True)
class AcquisitionDates:
    """The dates on which something was acquired, ascending."""

    dates: tuple[date, ...]

    def __post_init__(self) -> None:
        if not self.dates or list(self.dates) != sorted(set(self.dates)):
            raise ValueError("dates of acquisitions are ascending, and at least one")

    @property
    def days(self) -> npt.NDArray[np.int32]:
        """The dates as day numbers, int32 (dates,)."""
        return np.array([day_number(day) for day in self.dates], np.int32)

    @property
    def edges(self) -> npt.NDArray[np.int32]:
        """Each date stands for itself alone: until the next one, the last for a day."""
        return np.append(self.days, self.days[-1] + 1).astype(np.int32)

    def __len__(self) -> int:
        return len(self.dates)

    def __str__(self) -> str:
        return "when acquired"
