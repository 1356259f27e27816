from datetime import date, timedelta

import numpy as np
import pytest

from sitspark.accuracy.series_figure import ClassSeries, SeriesView, series_figure

from .plausible import classes, series_view
from .test_figures import drawn
from .test_split_figure import has_ink


@pytest.mark.parametrize("k", [1, 4, 23])
@pytest.mark.parametrize("dates", [1, 2, 37])
def test_few_and_many_classes_and_dates(k: int, dates: int) -> None:
    drawn(series_figure(series_view(k, dates=dates), classes(k)))


def test_every_class_that_has_samples_is_drawn_in_its_colour() -> None:
    names = classes(5)
    whole = series_view(5)
    some = SeriesView(whole.quantity, whole.dates, whole.classes[:3])
    picture = drawn(series_figure(some, names))
    assert [has_ink(picture, known.hex_colour) for known in names] == [True, True, True, False, False]


def test_values_that_never_vary_have_a_panel_too() -> None:
    flat = (0.0, 0.0)
    days = [date(2018, 1, 1) + timedelta(days=step) for step in (0, 10)]
    assert np.ptp(drawn(series_figure(SeriesView("B4", days, [ClassSeries(11, 3, flat, flat, flat)]), classes(1))))
