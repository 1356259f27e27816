"""The part of the stage samples that judges them: the table of quality, and what there is to say of it."""

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from sitspark.errors import some
from sitspark.samples.judge import fit_references, save_references
from sitspark.samples.quality import by_class, quality, reference_samples, worst_polygons
from sitspark.settings import QualitySettings
from sitspark.workflow.context import Context
from sitspark.workflow.tables import write_table

_WORST = 10  # polygons that the report names


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of the samples, how many of each class are dropped, and the polygons to look at first."""

    summary: str
    dropped: dict[int, int]
    doubtful: list[dict[str, Any]]


def judge_samples(context: Context, samples: DataFrame, settings: QualitySettings, *, key: str) -> Judged:
    """Write the table of quality."""
    chosen, file = context.folder.scratch / "references", context.folder.scratch / "references.npz"
    write_table(reference_samples(samples, seed=context.settings.seed), chosen)
    save_references(fit_references(chosen, neighbours=settings.neighbours), file)
    with context.marked("quality", samples.count(), "samples") as marks:
        context.write("quality", quality(samples, file, settings, marks=marks), key=key)
    written = context.table("quality")
    rows, names = by_class(written), context.nomenclature.name_of
    unjudged = [names(row.label) for row in rows if not row.judged]
    if unjudged:
        context.voice.note(
            f"no score for samples of {some(unjudged, most=5)}: too few training polygons beside their own; lower "
            f"samples.quality.neighbours ({settings.neighbours})"
        )
    dropped = {row.label: row.dropped for row in rows}
    bare = [names(row.label) for row in rows if row.dropped and row.dropped == row.training]
    if bare:
        context.voice.note(f"no sample is left to learn from of {some(bare, most=5)}; raise samples.quality.max_score")
    summary = f", {sum(row.doubtful for row in rows)} of them nearer to another class"
    most_first = sorted((row for row in rows if row.dropped), key=lambda row: -row.dropped)
    if most_first:
        lost = some([f"{row.dropped} of {names(row.label)}" for row in most_first], most=5)
        summary += f", {sum(dropped.values())} not learnt from ({lost})"
    return Judged(summary, dropped, [row.asDict() for row in worst_polygons(written, _WORST)])
