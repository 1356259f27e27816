"""The one exception for users: a sentence on one line, also after the way from a worker."""

import pickle

from sitspark.errors import SitsparkError


def test_the_sentence_stays_on_one_line() -> None:
    assert str(SitsparkError("B4 can't be read:\n  TIFFReadTile\tfailed\n")) == "B4 can't be read: TIFFReadTile failed"


def test_it_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(SitsparkError("tile 31TCJ,\n B4")))
    assert type(again) is SitsparkError and str(again) == "tile 31TCJ, B4"
