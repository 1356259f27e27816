"""The speed of a machine, of what windows took."""

import pytest

from sitspark.workflow.speed import Speed, Spent


def test_speed_is_that_of_all_windows_but_the_first() -> None:
    windows = [Spent(1000, 1.0, 2.0), Spent(1000, 3.0, 6.0)]
    found = Speed.of(Spent(100, 5.0, 9.0), windows)
    assert (found.per_core_second, found.per_second) == (500, 250)
    assert found.error == pytest.approx(1.0)  # the first of them is twice as fast as all
    assert found.start == pytest.approx(5.0 - 100 / 500)


def test_windows_alike_have_no_error_and_a_quick_first_one_costs_nothing() -> None:
    found = Speed.of(Spent(1000, 1.0, 1.0), [Spent(500, 1.0, 1.0), Spent(500, 1.0, 1.0)])
    assert (found.error, found.start) == (0, 0)
