from dataclasses import replace

import numpy as np
import pytest

from sitspark.accuracy.split_figure import SETS, SplitView, split_figure

from .plausible import classes, split_view
from .test_figures import drawn


def has_ink(picture: np.ndarray, ink: str) -> bool:
    wanted = [int(ink[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((picture == wanted).all(axis=-1).any())


@pytest.mark.parametrize("k", [1, 23])
@pytest.mark.parametrize(
    "folds", [["31TCJ", "31TCK"], [f"fold-{i:02d}" for i in range(1, 26)], [None, "a long name $x$ of a region"]]
)
def test_the_split_of_few_and_many_classes_and_folds(k: int, folds: list) -> None:
    for compact in (True, False):
        drawn(split_figure(replace(split_view(k, folds=folds), compact=compact), classes(k)))


def test_every_set_that_occurs_is_drawn_in_its_ink() -> None:
    for sets in (("train", "validation"), tuple(SETS)):
        picture = drawn(split_figure(split_view(5, sets=sets), classes(5)))
        inks = {name for name, (_, ink) in SETS.items() if has_ink(picture, ink)}
        # the inks of training, validation and test are those of folds too
        assert inks - set(sets) <= {"train", "validation", "test"} and set(sets) <= inks


def test_nothing_to_draw() -> None:
    drawn(split_figure(SplitView([], 0, [], {"31TCJ": [(0, 0, 100, 100)]}, True), classes(2)))


def test_the_same_split_gives_the_same_bytes() -> None:
    assert split_figure(split_view(3), classes(3)) == split_figure(split_view(3), classes(3))
