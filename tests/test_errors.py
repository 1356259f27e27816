"""The one exception for users: a sentence on one line, also after the way from a worker."""

import pickle

import pytest

from sitspark.errors import SitsparkError, counted, nearest, some


def test_the_sentence_stays_on_one_line() -> None:
    assert str(SitsparkError("B4 can't be read:\n  TIFFReadTile\tfailed\n")) == "B4 can't be read: TIFFReadTile failed"


def test_it_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(SitsparkError("tile 31TCJ,\n B4")))
    assert type(again) is SitsparkError and str(again) == "tile 31TCJ, B4"


@pytest.mark.parametrize(
    ("names", "said"),
    [("", ""), ("a", "a"), ("abc", "a, b, c"), ("abcd", "a, b, c and 1 more"), ("abcdefghij", "a, b, c and 7 more")],
)
def test_of_many_things_the_first_are_named(names: str, said: str) -> None:
    assert some(names, most=3) == said


@pytest.mark.parametrize(
    ("count", "noun", "said"),
    [
        (0, "tile", "0 tiles"),
        (1, "tile", "1 tile"),
        (2, "tile", "2 tiles"),
        (1, "class", "1 class"),
        (3, "class", "3 classes"),
        (2, "more problem", "2 more problems"),
    ],
)
def test_a_number_agrees_with_its_noun(count: int, noun: str, said: str) -> None:
    assert counted(count, noun) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("temcnn", "; did you mean tempcnn?"),
        ("LTAE", "; did you mean ltae?"),
        ("lta_1", "; did you mean lta_2?"),  # of those alike the first
        ("resnet", ""),
        (None, ""),
    ],
)
def test_a_name_is_guessed_from_those_that_are_known(name: object, said: str) -> None:
    assert nearest(name, ["mlp", "tempcnn", "ltae", "lta_2", "lta_3"]) == said
    assert nearest(name, []) == ""
