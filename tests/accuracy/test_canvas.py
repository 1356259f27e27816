"""The axis of time that figures share."""

from datetime import date, timedelta

import matplotlib.dates as mdates
import pytest

from sitspark.accuracy.canvas import calendar_axis, inset_axes, new_figure


def labels_of(first: date, last: date, labels: int) -> list[str]:
    figure = new_figure(9, 2)
    axes = inset_axes(figure, 7.6, 1)
    axes.plot(mdates.date2num([first, last]), [0, 1])
    calendar_axis(axes, labels=labels)
    figure.canvas.draw()
    low, high = axes.get_xlim()
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    return [label.get_text() for place, label in ticks if low <= place <= high]


@pytest.mark.parametrize(
    ("first", "days", "labels", "expected"),
    [
        (date(2018, 1, 1), 364, 13, "Jan\n2018 Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Jan\n2019"),
        (date(2018, 10, 1), 290, 13, "Oct\n2018 Nov Dec Jan\n2019 Feb Mar Apr May Jun Jul"),
        (date(2018, 1, 1), 364, 5, "Jan\n2018 Apr Jul Oct Jan\n2019"),
        (date(2016, 1, 1), 3000, 13, "2016 2017 2018 2019 2020 2021 2022 2023 2024"),
    ],
)
def test_months_are_named_and_years_stand_below(first: date, days: int, labels: int, expected: str) -> None:
    assert labels_of(first, first + timedelta(days=days), labels) == expected.split(" ")


def test_days_have_their_month_and_the_first_its_year() -> None:
    found = labels_of(date(2018, 6, 5), date(2018, 6, 20), 13)
    assert found[0].endswith(" Jun\n2018") and all(label.endswith(" Jun") for label in found[1:])
