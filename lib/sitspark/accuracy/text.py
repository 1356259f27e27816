"""The scores as a table for terminals."""

from rich import box
from rich.table import Table
from rich.text import Text

from sitspark.accuracy.matrix import ConfusionMatrix, Score
from sitspark.classes import Nomenclature


def accuracy_table(matrix: ConfusionMatrix, nomenclature: Nomenclature) -> Table:
    """One line a class with precision, recall, F and reference pixels; OA, kappa and mean F in the footer."""
    summary = f"OA {_score(matrix.overall_accuracy)}  kappa {_score(matrix.kappa)}"
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("class", footer=summary)
    table.add_column("precision", justify="right")
    table.add_column("recall", justify="right", footer="mean F")
    table.add_column("F", justify="right", footer=_score(matrix.mean_f_score))
    table.add_column("reference pixels", justify="right", footer=f"{matrix.total:,}")
    scores = zip(matrix.precision, matrix.recall, matrix.f_score, strict=True)
    for code, three, pixels in zip(matrix.codes, scores, matrix.reference_pixels, strict=True):
        # Text, because a name may hold brackets, which rich would take for markup
        table.add_row(Text(nomenclature.name_of(code)), *(_score(score) for score in three), f"{pixels:,}")
    return table


def _score(score: Score) -> str:
    return "-" if score is None else f"{score:.3f}"
