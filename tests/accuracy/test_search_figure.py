"""The picture of a search."""

from typing import Any

import pytest

from sitspark.accuracy.search_figure import SearchView, TriedModel, search_figure


def view(values: list[Any], *, logarithmic: bool = False) -> SearchView:
    trials = tuple(
        TriedModel(number, {"key": value}, "complete", False, None, 3, 2, 0.3, 0.4, 0.8, 0.8, number / 10, 1.0)
        for number, value in enumerate(values, 1)
    )
    return SearchView("fscore", trials, frozenset({"key"} if logarithmic else ()))


@pytest.mark.parametrize("values", [[[], ["class"]], [True, False], [None, 0.5], ["mlp", "ann"], [[128], [64, 32]]])
def test_values_of_any_kind_are_drawn(values: list[Any]) -> None:
    assert search_figure(view(values)) != search_figure(view(values[:1]))


def test_few_numbers_stand_side_by_side_in_their_order() -> None:
    # apart from their labels, which are as wide, they are drawn alike however far apart they lie
    assert search_figure(view([1, 2, 3])) != search_figure(view([2, 1, 3]))
    assert search_figure(view([1, 2, 3])) == search_figure(view([1, 2, 3], logarithmic=True))
    many = [1, 2, 4, 8, 16]
    assert search_figure(view(many)) != search_figure(view(many, logarithmic=True))
