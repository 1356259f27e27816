"""Regular dates: from start, every step days, the last one not after the end."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.timegrid import TimeGrid, day_number, days_near

DAYS = st.dates(date(1970, 1, 1), date(2100, 1, 1))


@given(DAYS, st.integers(0, 800), st.integers(1, 400))
@settings(deadline=None)
def test_dates_are_evenly_spaced_and_stop_at_the_end(start: date, length: int, step: int) -> None:
    grid = TimeGrid(start, start + timedelta(days=length), step)
    dates = grid.dates
    assert dates[0] == start
    assert {(b - a).days for a, b in pairwise(dates)} <= {step}
    assert dates[-1] <= grid.end < dates[-1] + timedelta(days=step)
    assert len(grid) == len(dates) == len(grid.days)
    assert [date(1970, 1, 1) + timedelta(days=int(day)) for day in grid.days] == list(dates)


@pytest.mark.parametrize(
    ("start", "end", "step", "count", "last"),
    [
        (date(2018, 1, 1), date(2018, 12, 31), 10, 37, date(2018, 12, 27)),
        (date(2018, 1, 1), date(2018, 1, 1), 10, 1, date(2018, 1, 1)),
        (date(2018, 1, 1), date(2018, 1, 11), 10, 2, date(2018, 1, 11)),
        (date(2018, 1, 1), date(2018, 1, 10), 10, 1, date(2018, 1, 1)),
        (date(2020, 2, 28), date(2020, 3, 1), 1, 3, date(2020, 3, 1)),
    ],
)
def test_known_grids(start: date, end: date, step: int, count: int, last: date) -> None:
    grid = TimeGrid(start, end, step)
    assert (len(grid), grid.dates[-1]) == (count, last)


def test_days_are_numbered_from_1970_as_int32() -> None:
    assert day_number(date(1970, 1, 1)) == 0
    assert day_number(date(2018, 1, 1)) == 17532
    assert TimeGrid(date(2018, 1, 1), date(2018, 2, 1), 10).days.dtype == np.int32


@pytest.mark.parametrize(("end", "step"), [(date(2017, 12, 31), 10), (date(2018, 12, 31), 0), (date(2018, 12, 31), -5)])
def test_impossible_grids_are_refused(end: date, step: int) -> None:
    with pytest.raises(ValueError, match="time grid"):
        TimeGrid(date(2018, 1, 1), end, step)


@pytest.mark.parametrize(
    ("product", "day_of_year", "found"),
    [
        (date(2018, 7, 4), 190, date(2018, 7, 9)),
        (date(2018, 12, 19), 353, date(2018, 12, 19)),
        (date(2018, 12, 19), 2, date(2019, 1, 2)),  # a composite that runs into the next year
        (date(2019, 1, 1), 364, date(2018, 12, 30)),  # one that is named by its end
        (date(2020, 12, 18), 366, date(2020, 12, 31)),
    ],
)
def test_a_day_of_the_year_is_of_the_year_that_brings_it_near(product: date, day_of_year: int, found: date) -> None:
    assert days_near(product, np.array([day_of_year], np.int32)).tolist() == [day_number(found)]
