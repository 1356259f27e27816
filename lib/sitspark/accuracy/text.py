"""The scores as a table for terminals."""

from rich import box
from rich.table import Table
from rich.text import Text

from sitspark.accuracy.area_estimates import LEAST, AreaEstimates, Estimate
from sitspark.accuracy.bootstrap import Interval
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


def area_table(areas: AreaEstimates, nomenclature: Nomenclature, pixel_hectares: float) -> Table:
    """One line a class: hectares on the map, those that the reference tells ± half their interval, accuracies of the map."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("class")
    for heading in ("mapped (ha)", "estimated (ha)", "±", "user's", "producer's", "samples"):
        table.add_column(heading, justify="right")
    scale = areas.assessed_pixels * pixel_hectares
    for of in areas.classes:
        # of a class of the map that is not assessed nothing is known, whatever other strata hold of it
        share, sure = of.share if of.samples >= LEAST else None, None
        if share is not None and share.low is not None and share.high is not None:
            sure = (share.high - share.low) / 2 * scale
        told = ("-" if number is None else f"{number:,.1f}" for number in (share and share.value * scale, sure))
        mapped = f"{of.mapped_pixels * pixel_hectares:,.1f}"
        accuracies = (_score(one.value if one else None) for one in (of.users_accuracy, of.producers_accuracy))
        table.add_row(Text(nomenclature.name_of(of.code)), mapped, *told, *accuracies, f"{of.samples:,}")
    return table


def estimate_in_words(of: Estimate | None) -> str:
    """As 0.961 (0.923 to 0.999)."""
    if of is None or of.low is None or of.high is None:
        return _score(of.value if of else None)
    return sure_in_words(of.value, Interval(of.low, of.high))


def sure_in_words(score: Score, interval: Interval | None) -> str:
    """As 0.913 (0.880 to 0.941)."""
    return _score(score) + ("" if interval is None else f" ({interval.low:.3f} to {interval.high:.3f})")


def _score(score: Score) -> str:
    return "-" if score is None else f"{score:.3f}"
