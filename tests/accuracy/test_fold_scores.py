"""Scores of folds, as they are kept and as they are told."""

import json
from dataclasses import replace

import pytest

from sitspark.accuracy.assessment import metrics_json
from sitspark.accuracy.fold_scores import ASSUMPTION, FoldScores

from .plausible import classes, fold_scores

SURE = fold_scores(1, "31TCJ", 4)
BARE = replace(SURE, same_area_intervals=None, left_out_intervals=None)


@pytest.mark.parametrize("found", [SURE, BARE, fold_scores(1, "west/1", 1)], ids=["sure", "bare", "one class"])
def test_scores_come_back_from_facts(found: FoldScores) -> None:
    assert FoldScores.from_facts(1, json.loads(json.dumps(found.to_facts()))) == found


def test_each_fold_is_told_with_its_intervals_and_what_they_are_not() -> None:
    told = metrics_json(classes(4), assessment=None, folds=[SURE, BARE])["cross_validation"]
    assert told["assumption"] == ASSUMPTION
    first, second = (fold["left_out"] for fold in told["folds"])
    assert SURE.left_out_intervals is not None and SURE.left_out_intervals.overall_accuracy is not None
    assert first["intervals"]["overall_accuracy"]["low"] == SURE.left_out_intervals.overall_accuracy.low
    assert first["polygons"] == SURE.left_out_intervals.units
    assert second["intervals"] is None and second["overall_accuracy"] == first["overall_accuracy"]
