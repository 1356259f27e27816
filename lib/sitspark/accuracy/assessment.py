"""What a comparison of map and reference found, and the document metrics.json that says it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sitspark.accuracy.accuracy_by import GroupAccuracy
from sitspark.accuracy.area_estimates import ASSUMPTIONS, AreaEstimates, Estimate
from sitspark.accuracy.bootstrap import ScoreIntervals
from sitspark.accuracy.cross_validation import spread
from sitspark.accuracy.evidence import Evidence
from sitspark.accuracy.fold_scores import (
    AREAS,
    ASSUMPTION,
    RUNS_ASSUMPTION,
    Area,
    FoldScores,
    few_classes,
    pooled,
    run_means,
    runs_of,
)
from sitspark.accuracy.matrix import ConfusionMatrix, Score
from sitspark.accuracy.scores import BY_CLASS, SUMMARY
from sitspark.classes import Nomenclature
from sitspark.errors import counted

_ENOUGH = 50  # polygons
_SPREAD = ("overall_accuracy", "kappa", "mean_f_score")  # scores whose spread over folds and runs is said


@dataclass(frozen=True, slots=True)
class Assessment:
    """The confusion matrix of a map, the number of reference polygons of each class code, and what each of these says."""

    matrix: ConfusionMatrix
    polygons: Mapping[int, int]
    evidence: Evidence | None = None

    @property
    def caution(self) -> str | None:
        """A sentence where there are too few independent references to trust the scores; None where there are enough.

        Congalton and Green (2019), Assessing the Accuracy of Remotely Sensed Data, ask for 50 samples of each class. Pixels
        of one polygon are alike, so that polygons are counted, and the whole map is judged, not each class.
        """
        polygons, pixels = sum(self.polygons.values()), self.matrix.total
        independent, noun = min((polygons, "polygon"), (pixels, "pixel"))
        if independent >= _ENOUGH:
            return None
        return (
            f"little can be said of the accuracy of a map by {counted(pixels, 'pixel')} of {counted(polygons, 'polygon')} set "
            f"aside: one more wrong {noun} would change OA by about {1 / max(independent, 1):.1%}; {_ENOUGH} polygons a class "
            "are usually asked for"
        )


def metrics_json(
    nomenclature: Nomenclature,
    *,
    assessment: Assessment | None,
    folds: Sequence[FoldScores] = (),
    test: Assessment | None = None,
    groups: Sequence[GroupAccuracy] = (),
) -> dict[str, Any]:
    """The content of metrics.json: plain dicts, lists, str, int, float; None (null) where a score is undefined.

    Keys: `assessment` (headline scores, `classes`, `confusion_matrix` and what evidence adds: `intervals`, `areas` ...), `test`
    (the same for polygons that the user keeps for it), `accuracy_by` (groups of pixels by what they have in common) and
    `cross_validation` (`folds`, their `spread`, `pooled`: all that was left out together, `runs`: means of the folds of each,
    null where there is one), each null where it wasn't done.
    """
    return {
        "assessment": None if assessment is None else _assessment_json(assessment, nomenclature),
        "test": None if test is None else _assessment_json(test, nomenclature),
        "accuracy_by": _groups_json(groups) if groups else None,
        "cross_validation": _cross_validation_json(folds) if folds else None,
    }


def _groups_json(groups: Sequence[GroupAccuracy]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for group in groups:
        row = group.to_facts()
        kinds.setdefault(row.pop("kind"), []).append(row)
    return kinds


def _assessment_json(assessment: Assessment, nomenclature: Nomenclature) -> dict[str, Any]:
    matrix = assessment.matrix
    columns = zip(
        matrix.codes,
        matrix.precision,
        matrix.recall,
        matrix.f_score,
        matrix.reference_pixels,
        matrix.produced_pixels,
        strict=True,
    )
    classes = [
        {
            "code": code,
            "name": nomenclature.name_of(code),
            "precision": precision,
            "recall": recall,
            "f_score": f_score,
            "reference_pixels": reference,
            "produced_pixels": produced,
            "reference_polygons": assessment.polygons.get(code, 0),
            "largest_confusions": [
                asdict(confusion) | {"name": nomenclature.name_of(confusion.produced)}
                for confusion in matrix.largest_confusions(code)
            ],
        }
        for code, precision, recall, f_score, reference, produced in columns
    ]
    return {
        **_headline(matrix),
        "polygons": sum(entry["reference_polygons"] for entry in classes),
        "caution": assessment.caution,
        "classes": classes,
        "confusion_matrix": _counts_json(matrix),
        "by_reference": [list(row) for row in matrix.by_reference],
        "by_produced": [list(row) for row in matrix.by_produced],
        **_evidence_json(assessment.evidence, matrix, nomenclature),
    }


_OF_EVIDENCE = ("assumption", "confusion_matrix_polygons", "confusion_matrix_hectares", "intervals", "areas")


def _evidence_json(evidence: Evidence | None, matrix: ConfusionMatrix, nomenclature: Nomenclature) -> dict[str, Any]:
    if evidence is None:
        return dict.fromkeys(_OF_EVIDENCE)
    return {
        "assumption": ASSUMPTIONS[evidence.design],
        "confusion_matrix_polygons": _counts_json(evidence.majority.matrix) | {"ties": evidence.majority.ties},
        "confusion_matrix_hectares": evidence.pixel_hectares and _hectares_json(matrix, evidence.pixel_hectares),
        "intervals": {
            unit: intervals and _intervals_json(intervals, matrix.codes)
            for unit, intervals in (
                ("polygon", evidence.by_polygon),
                ("block", evidence.by_block),
                ("pixel", evidence.by_pixel),
            )
        },
        "areas": evidence.areas and _areas_json(evidence.areas, evidence.pixel_hectares or 0.0, nomenclature),
    }


def _counts_json(matrix: ConfusionMatrix) -> dict[str, Any]:
    """Counts, and their sums by row and by column."""
    sums = {"reference": list(matrix.reference_pixels), "produced": list(matrix.produced_pixels), "total": matrix.total}
    return matrix.to_json() | sums


def _hectares_json(matrix: ConfusionMatrix, pixel: float) -> dict[str, Any]:
    """Likewise in hectares."""
    sums = {"reference": matrix.reference_pixels, "produced": matrix.produced_pixels}
    return {
        "codes": list(matrix.codes),
        "hectares": matrix.hectares(pixel),
        **{name: [count * pixel for count in counts] for name, counts in sums.items()},
        "total": matrix.total * pixel,
    }


def _intervals_json(intervals: ScoreIntervals, codes: Sequence[int]) -> dict[str, Any]:
    document = asdict(intervals)
    columns = [document.pop(name) for name in BY_CLASS]
    classes = [{"code": code, **dict(zip(BY_CLASS, of, strict=True))} for code, *of in zip(codes, *columns, strict=True)]
    return {**document, "classes": classes}


def _areas_json(areas: AreaEstimates, pixel: float, nomenclature: Nomenclature) -> dict[str, Any]:
    """The estimates, with `pixel` hectares of a pixel."""

    def hectares(share: Estimate | None) -> dict[str, float | None] | None:
        if share is None:
            return None
        scale = areas.assessed_pixels * pixel
        return {name: None if part is None else part * scale for name, part in asdict(share).items()}

    return {
        "design": areas.design,
        "assessed_hectares": areas.assessed_pixels * pixel,
        "mapped_hectares": areas.mapped_pixels * pixel,
        "overall_accuracy": areas.overall_accuracy and asdict(areas.overall_accuracy),
        "classes": [
            {
                "code": of.code,
                "name": nomenclature.name_of(of.code),
                "mapped_hectares": of.mapped_pixels * pixel,
                "samples": of.samples,
                "users_accuracy": of.users_accuracy and asdict(of.users_accuracy),
                "producers_accuracy": of.producers_accuracy and asdict(of.producers_accuracy),
                "share": of.share and asdict(of.share),
                "hectares": hectares(of.share),
            }
            for of in areas.classes
        ],
        "proportions": [list(row) for row in areas.proportions],
    }


def _headline(matrix: ConfusionMatrix) -> dict[str, Any]:
    return {
        "overall_accuracy": matrix.overall_accuracy,
        "kappa": matrix.kappa,
        "mean_f_score": matrix.mean_f_score,
        "weighted_f_score": matrix.weighted_f_score,
        "balanced_accuracy": matrix.balanced_accuracy,
        "pixels": matrix.total,
    }


def _cross_validation_json(folds: Sequence[FoldScores]) -> dict[str, Any]:
    sets = {"same_area": [f.same_area for f in folds], "left_out": [f.left_out for f in folds]}
    return {
        "folds": [
            {
                "fold": fold.fold,
                "left_out_fold": fold.left_out_fold,
                "run": fold.run,
                "same_area": _headline(fold.same_area) | _fold_intervals_json(fold.same_area_intervals),
                "left_out": _headline(fold.left_out) | _fold_intervals_json(fold.left_out_intervals),
            }
            for fold in folds
        ],
        "pooled": _headline(pooled(folds)),
        "spread": {
            name: {score: _spread_of_folds(folds, matrices, score) for score in _SPREAD} for name, matrices in sets.items()
        },
        "runs": _runs_json(folds),
        "assumption": ASSUMPTION,
        "caution": few_classes(folds),
    }


def _runs_json(folds: Sequence[FoldScores]) -> dict[str, Any] | None:
    """The means of the folds of each run, and how far they spread; None for one run."""
    runs = runs_of(folds)
    if len(runs) == 1:
        return None
    means: dict[Area, dict[str, list[Score]]] = {
        area: {score: run_means(folds, area, score) for score in _SPREAD} for area in AREAS
    }
    return {
        "means": [
            {"run": run} | {area: {score: of[score][place] for score in _SPREAD} for area, of in means.items()}
            for place, run in enumerate(runs)
        ],
        "spread": {area: {score: _spread_json(of[score]) for score in _SPREAD} for area, of in means.items()},
        "assumption": RUNS_ASSUMPTION,
    }


def _fold_intervals_json(intervals: ScoreIntervals | None) -> dict[str, Any]:
    """The polygons that a fold was judged by, and the intervals of its scores that they give."""
    if intervals is None:
        return {"polygons": None, "intervals": None}
    of = {name: getattr(intervals, name) for name in SUMMARY}
    return {"polygons": intervals.units, "intervals": {name: one and asdict(one) for name, one in of.items()}}


def _spread_of_folds(folds: Sequence[FoldScores], matrices: Sequence[ConfusionMatrix], score: str) -> dict[str, Any] | None:
    """Over all folds; where each is there several times, without an interval, which would take them for more folds."""
    found = spread([getattr(matrix, score) for matrix in matrices])
    if found is None:
        return None
    return asdict(found) if len(runs_of(folds)) == 1 else asdict(replace(found, half_width=None))


def _spread_json(scores: Sequence[float | None]) -> dict[str, Any] | None:
    found = spread(scores)
    return None if found is None else asdict(found)
