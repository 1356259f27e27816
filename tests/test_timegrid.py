"""Regular dates: from start, every step days, the last one not after the end."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.timegrid import AcquisitionDates, TimeGrid, day_number, days_near

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


@pytest.mark.parametrize(
    ("start", "end", "step", "dates", "last_edge"),
    [
        (date(2018, 1, 17), date(2018, 3, 31), "month", ["0101", "0201", "0301"], "0401"),
        (date(2018, 1, 1), date(2018, 2, 1), "month", ["0101", "0201"], "0301"),
        (date(2018, 1, 17), date(2018, 2, 10), "dekad", ["0111", "0121", "0201"], "0211"),
        (date(2018, 1, 31), date(2018, 1, 31), "dekad", ["0121"], "0201"),
        (date(2018, 11, 30), date(2018, 12, 31), "month", ["1101", "1201"], "0101"),
        (date(2018, 1, 3), date(2018, 1, 20), 7, ["0103", "0110", "0117"], "0124"),
    ],
)
def test_steps_of_the_calendar(start: date, end: date, step: int | str, dates: list[str], last_edge: str) -> None:
    grid = TimeGrid(start, end, step)
    assert [f"{day:%m%d}" for day in grid.dates] == dates
    assert (grid.edges[:-1] == grid.days).all() and len(grid) == len(dates)
    assert f"{date(1970, 1, 1) + timedelta(days=int(grid.edges[-1])):%m%d}" == last_edge


@pytest.mark.parametrize("dates", [(), (date(2018, 1, 2), date(2018, 1, 1)), (date(2018, 1, 1), date(2018, 1, 1))])
def test_dates_of_acquisitions_are_ascending(dates: tuple[date, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        AcquisitionDates(dates)


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
