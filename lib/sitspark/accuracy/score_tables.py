"""The numbers of metrics.json as tables in CSV, a line a class or a group."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sitspark.accuracy.accuracy_by import GroupAccuracy
from sitspark.accuracy.scores import BY_CLASS

_ESTIMATES = ("users_accuracy", "producers_accuracy", "share", "hectares")
_PARTS = ("value", "standard_error", "low", "high")


def class_scores_csv(sets: Mapping[str, Mapping[str, Any]]) -> str:
    """Scores of each class with their intervals by polygon, block and pixel, from assessments in the form of metrics.json.

    An undefined number is an empty cell.
    """
    units = ("polygon", "block", "pixel")
    of_intervals = [f"{name}_{end}_by_{unit}" for unit in units for name in BY_CLASS for end in ("low", "high")]
    counts = ("reference_pixels", "produced_pixels", "reference_polygons")
    rows = [
        [
            area,
            *(entry[name] for name in ("code", "name", *counts, *BY_CLASS)),
            *(
                _part(_interval(assessment, unit, place, name), end)
                for unit in units
                for name in BY_CLASS
                for end in ("low", "high")
            ),
        ]
        for area, assessment in sets.items()
        for place, entry in enumerate(assessment["classes"])
    ]
    return _csv(["area", "code", "class", *counts, *BY_CLASS, *of_intervals], rows)


def area_estimates_csv(sets: Mapping[str, Mapping[str, Any]]) -> str:
    """Estimated areas and accuracies of each class, from assessments in the form of metrics.json."""
    headings = [name if part == "value" else f"{name}_{part}" for name in _ESTIMATES for part in _PARTS]
    rows = [
        [
            area,
            *(entry[name] for name in ("code", "name", "mapped_hectares", "samples")),
            *(_part(entry[name], part) for name in _ESTIMATES for part in _PARTS),
        ]
        for area, assessment in sets.items()
        for entry in (assessment["areas"] or {"classes": ()})["classes"]
    ]
    return _csv(["area", "code", "class", "mapped_hectares", "samples", *headings], rows)


def accuracy_by_csv(groups: Sequence[GroupAccuracy]) -> str:
    """The accuracy of each group of pixels, a line a group."""
    rows = [group.to_facts() for group in groups]
    return _csv(list(rows[0]) if rows else [], [list(row.values()) for row in rows])


def _interval(assessment: Mapping[str, Any], unit: str, place: int, name: str) -> Mapping[str, float] | None:
    intervals = assessment["intervals"][unit]
    found: Mapping[str, float] | None = intervals and intervals["classes"][place][name]
    return found


def _part(of: Mapping[str, float] | None, name: str) -> float | None:
    return None if of is None else of[name]


def _csv(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(headings)
    table.writerows(rows)
    return text.getvalue()
