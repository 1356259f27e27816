"""What a cross-validation found of one fold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from sitspark.accuracy.bootstrap import ScoreIntervals
from sitspark.accuracy.cross_validation import spread
from sitspark.accuracy.matrix import ConfusionMatrix, Score
from sitspark.errors import counted, some

# what is said wherever scores are summed up over folds
ASSUMPTION = (
    "The models of the folds share most of their training polygons, and all folds the polygons set aside: their scores aren't "
    "independent. Mean and deviation describe these folds; half_width (Student's, folds - 1 degrees of freedom) is no interval "
    "of independent draws, and understates how unsure the score of another area is. The interval of a fold is of its polygons "
    "drawn anew, its model as it is."
)

# and where the ground truth was divided several times
RUNS_ASSUMPTION = (
    "Runs divide the same polygons anew and train anew: how far their means lie apart says how much a score hangs on that; ± "
    "there is half of the 95 % interval of the mean, with runs - 1 degrees of freedom. They share the ground truth, so that it "
    "says nothing of other ground."
)


_FEW = 0.5  # share of the classes of all folds below which a fold's mean F is of another nomenclature


@dataclass(frozen=True, slots=True)
class FoldScores:
    """A model that never saw one fold (a tile, as `left_out_fold`), on polygons set aside in its own area and on that fold.

    Intervals are those of polygons drawn anew; `run` is that of the cross-validation, from 1 on.
    """

    fold: int
    left_out_fold: str
    same_area: ConfusionMatrix
    left_out: ConfusionMatrix
    same_area_intervals: ScoreIntervals | None = None
    left_out_intervals: ScoreIntervals | None = None
    run: int = 1

    def to_facts(self) -> dict[str, Any]:
        """JSON-like values."""
        intervals = {"same_area": self.same_area_intervals, "left_out": self.left_out_intervals}
        return {
            "left_out_fold": self.left_out_fold,
            "run": self.run,
            "same_area": self.same_area.to_json(),
            "left_out": self.left_out.to_json(),
            "intervals": {area: of and asdict(of) for area, of in intervals.items()},
        }

    @staticmethod
    def from_facts(fold: int, facts: Mapping[str, Any]) -> "FoldScores":
        """Read back what `to_facts` gave."""
        read = TypeAdapter(ScoreIntervals | None).validate_python
        return FoldScores(
            fold,
            facts["left_out_fold"],
            ConfusionMatrix.from_json(facts["same_area"]),
            ConfusionMatrix.from_json(facts["left_out"]),
            read(facts["intervals"]["same_area"]),
            read(facts["intervals"]["left_out"]),
            facts["run"],
        )


def pooled(folds: Sequence[FoldScores]) -> ConfusionMatrix:
    """All that was left out, each pixel classified once, by the model that never saw its fold.

    A mean over folds takes a tile of three parcels for as good a witness as one of hundreds; here each counts as much as it
    holds. Of several runs it is the first: each would classify it once more.
    """
    return reduce(add, (fold.left_out for fold in folds if fold.run == folds[0].run))


Area = Literal["same_area", "left_out"]
AREAS: tuple[Area, ...] = ("same_area", "left_out")


def runs_of(folds: Sequence[FoldScores]) -> dict[int, list[FoldScores]]:
    """The folds of each run, by its number."""
    found: dict[int, list[FoldScores]] = {}
    for fold in folds:
        found.setdefault(fold.run, []).append(fold)
    return found


def run_means(folds: Sequence[FoldScores], area: Area, score: str) -> list[Score]:
    """The mean over the folds of each run of a score, as `mean_f_score`; None where no fold has one."""
    summaries = [spread([getattr(getattr(fold, area), score) for fold in own]) for own in runs_of(folds).values()]
    return [None if one is None else one.mean for one in summaries]


def fold_names(folds: Sequence[FoldScores]) -> list[str]:
    """What each fold is called: what it leaves out, and its run too where another one leaves out other ground by that name."""
    ground: dict[str, set[tuple[int, ...]]] = {}
    for fold in folds:
        ground.setdefault(fold.left_out_fold, set()).add(fold.left_out.reference_pixels)
    dealt = {name for name, pixels in ground.items() if len(pixels) > 1}
    return [f"{f.left_out_fold}, run {f.run}" if f.left_out_fold in dealt else f.left_out_fold for f in folds]


def few_classes(folds: Sequence[FoldScores]) -> str | None:
    """A sentence on folds whose left-out polygons are of fewer than half of the classes; None where there are none.

    Such a score says little, however high it is, and weighs in the mean as much as the others.
    """
    present = [np.flatnonzero(of.left_out.reference_pixels) for of in folds]
    everywhere = len(set().union(*present))
    few = [f"{of.left_out_fold} {len(own)}" for of, own in zip(folds, present, strict=True) if len(own) < _FEW * everywhere]
    if not few:
        return None
    return (
        f"few of {counted(everywhere, 'class')} are on what is left out: {some(few)}; such a score says little, and "
        "weighs in the mean of the folds as much as the others: look at the pooled one, or make fewer or larger folds"
    )
