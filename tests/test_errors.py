"""The one exception for users: a sentence on one line, also after the way from a worker."""

import pickle

import pytest

from sitspark.errors import SitsparkError, some


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
