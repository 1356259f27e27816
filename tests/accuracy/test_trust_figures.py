from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from sitspark.accuracy.importance import FeatureGroup, Importance
from sitspark.accuracy.reliability import Reliability
from sitspark.accuracy.trust import Confidence, Needs
from sitspark.accuracy.trust_figures import importance_figure, reliability_figure

from .plausible import confidence, needs
from .test_figures import drawn


def test_reliability_with_and_without_calibration() -> None:
    found = confidence()
    with_it = drawn(reliability_figure(found.plain, found.calibrated))
    without = drawn(reliability_figure(found.plain, None))
    orange = (np.abs(with_it.astype(int) - (0xC2, 0x62, 0x2D)).sum(2) < 30).sum()
    assert orange > 100 and (np.abs(without.astype(int) - (0xC2, 0x62, 0x2D)).sum(2) < 30).sum() == 0


def test_reliability_of_few_samples_and_of_none() -> None:
    one = Reliability.between(np.array([0.4]), np.array([True]))
    drawn(reliability_figure(one, None))
    drawn(reliability_figure(Reliability.between(np.empty(0), np.empty(0, bool)), None))


def test_a_class_of_confidence_of_few_polygons_is_hollow() -> None:
    bins = tuple(replace(of, polygons=of.samples // 50) for of in confidence().plain.bins)
    few = tuple(replace(of, polygons=min(of.polygons or 0, 4)) for of in bins)
    blue = [
        (np.abs(drawn(reliability_figure(Reliability(of), None)).astype(int) - (0x2F, 0x66, 0x90)).sum(2) < 30).sum()
        for of in (bins, few)
    ]
    assert blue[1] < 0.6 * blue[0]


@pytest.mark.parametrize("kinds", [("date",), ("band",), ("date", "band"), ("layer", "custom")])
def test_importance_of_some_kinds_of_groups(kinds: tuple[str, ...]) -> None:
    drawn(importance_figure([one for one in needs().found if one.group.kind in kinds]))


def test_importance_of_one_date_and_of_hundreds_of_layers() -> None:
    lone = FeatureGroup("date", "2018-05-01", (0,), "sentinel2", date(2018, 5, 1))
    layers = [FeatureGroup("layer", f"layer $_{number}$", (number,)) for number in range(300)]
    drawn(importance_figure([Importance(lone, -0.01, None)]))
    drawn(importance_figure([Importance(layer, 0.001 * number, 0.01) for number, layer in enumerate(layers)]))


def test_sensors_stand_side_by_side() -> None:
    found = [one for one in needs().found if one.group.kind == "date"]
    shifted = [
        replace(one, group=replace(one.group, sensor="landsat", day=one.group.day + timedelta(days=4)))
        for one in found
        if one.group.day
    ]
    assert drawn(importance_figure([*found, *shifted])).shape[0] > drawn(importance_figure(found)).shape[0]  # a legend


def test_what_was_found_comes_back_from_json() -> None:
    found = confidence()
    assert Confidence.from_json(found.to_json()) == found
    assert Confidence.from_json(replace(found, calibrated=None).to_json()).own == found.plain


def test_the_most_important_is_one_that_matters() -> None:
    found = needs()
    assert (most := found.most("band")) is not None and most.group.name == "B8"
    assert Needs(1, 1, (Importance(most.group, 0.0, None),)).most("band") is None
