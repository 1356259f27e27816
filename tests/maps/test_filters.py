"""From settings to what is done to a map."""

from typing import Any

import pytest
from pydantic import ValidationError

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.maps.filters import regularisation_of
from sitspark.maps.regularise import Majority, Regularisation, Sieve
from sitspark.settings import MapSettings

NAMES = Nomenclature(tuple(LandCoverClass(c, n, (c, 0, 0)) for c, n in ((3, "town"), (7, "forest"), (9, "water"))))
PIXEL = 0.01  # hectares


def asked(**settings: Any) -> Regularisation | None:
    return regularisation_of(MapSettings.model_validate(settings), NAMES, PIXEL)


def test_nothing_is_done_unless_asked_for() -> None:
    assert asked() is None


def test_classes_have_the_radius_of_their_group_and_all_others_are_one_more() -> None:
    made = asked(regularise={"radius": 3, "groups": [{"classes": ["town"], "radius": 0}, {"classes": [9], "radius": 2}]})
    assert made is not None
    (one,) = made.filters
    assert isinstance(one, Majority)
    assert (one.group.tolist(), one.radius.tolist(), one.margin) == ([0, 1, 0, 2], [0, 0, 3, 2], 3)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"minimum_unit": {}}, "has 0 hectares for all classes"),
        ({"minimum_unit": {"by_class": {"7": 0}}}, "has 0 hectares for all classes"),
        ({"regularise": {"radius": 0}}, "has radius 0 for all classes"),
        ({"regularise": {"radius": 0, "groups": [{"classes": [7], "radius": 0}]}}, "has radius 0 for all classes"),
    ],
)
def test_a_step_that_changes_nothing_is_refused(wanted: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        MapSettings(**wanted)


@pytest.mark.parametrize(("hectares", "pixels"), [(0.3, 30), (0.301, 31), (0, 0), (0.005, 1)])
def test_hectares_are_pixels_rounded_up(hectares: float, pixels: int) -> None:
    made = asked(minimum_unit={"hectares": hectares, "by_class": {"7": 0.1}})
    assert made is not None
    (one,) = made.filters
    assert isinstance(one, Sieve)
    assert one.smallest[1:].tolist() == [pixels, 10, pixels]


def test_smoothing_comes_first_and_each_class_may_have_its_own() -> None:
    smoothing = {"by_class": {"water": 2}}
    made = asked(products=["probability"], smoothing=smoothing, minimum_unit={"hectares": 1}, regularise={})
    assert made is not None and made.smoothing is not None
    assert made.smoothing.smoothness.tolist() == [10, 10, 2]
    assert [type(one) for one in made.filters] == [Majority, Sieve]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"minimum_unit": {"by_class": {"sea": 1}}}, r"map\.minimum_unit\.by_class: 'sea' is neither a code nor a name"),
        (
            {"regularise": {"groups": [{"classes": [3]}, {"classes": ["town"]}]}},
            r"map\.regularise\.groups: class town is named",
        ),
    ],
)
def test_classes_that_are_none_or_named_twice_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        asked(**settings)


def test_smoothing_needs_probabilities() -> None:
    with pytest.raises(ValueError, match="add probability to map"):
        MapSettings.model_validate({"smoothing": {}})
