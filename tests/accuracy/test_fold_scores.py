"""Scores of folds, as they are kept and as they are told."""

import json
from dataclasses import replace

import pytest

from sitspark.accuracy.assessment import metrics_json
from sitspark.accuracy.fold_scores import ASSUMPTION, FoldScores, few_classes, fold_names, pooled
from sitspark.accuracy.matrix import ConfusionMatrix

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


def test_repeating_the_same_scores_makes_nobody_surer() -> None:
    folds = [fold_scores(number, name, 4) for number, name in ((1, "31TCJ"), (2, "31TCK"))]
    repeated = [replace(fold, run=run) for run in (1, 2, 3) for fold in folds]
    once, thrice = (metrics_json(classes(4), assessment=None, folds=of)["cross_validation"] for of in (folds, repeated))
    assert once["spread"]["left_out"]["kappa"]["half_width"] > 0 and once["runs"] is None
    assert thrice["spread"]["left_out"]["kappa"]["half_width"] is None
    assert thrice["pooled"] == once["pooled"] and pooled(repeated).total == pooled(folds).total
    of_runs = thrice["runs"]["spread"]["left_out"]["kappa"]
    assert of_runs["count"] == 3 and of_runs["half_width"] == pytest.approx(0)
    assert of_runs["mean"] == pytest.approx(once["spread"]["left_out"]["kappa"]["mean"])


def test_folds_of_one_name_are_told_apart_where_they_leave_out_other_ground() -> None:
    tile, dealt = fold_scores(1, "31TCJ", 4), fold_scores(2, "fold-1", 4)
    other = replace(fold_scores(3, "fold-1", 4), run=2)
    assert fold_names([tile, dealt, replace(tile, run=2), other]) == ["31TCJ", "fold-1, run 1", "31TCJ", "fold-1, run 2"]


def test_folds_of_few_classes_are_named() -> None:
    whole, narrow = fold_scores(1, "31TCJ", 4), fold_scores(2, "31TCK", 4)
    counts = narrow.left_out.counts.copy()
    counts[1:] = 0
    narrow = replace(narrow, left_out=ConfusionMatrix(narrow.left_out.codes, counts))
    told = few_classes([whole, narrow])
    assert told is not None and told.startswith("few of 3 classes are on what is left out: 31TCK 1; such a score says little")
    counts[1] = whole.left_out.counts[1]
    half = replace(narrow, left_out=ConfusionMatrix(narrow.left_out.codes, counts))
    assert few_classes([whole, half]) is None and few_classes([whole]) is None and few_classes([]) is None
