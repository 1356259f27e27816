"""A comparison of two maps as the terminal shows it."""

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sitspark.accuracy.paired_bootstrap import Difference
from sitspark.errors import counted
from sitspark.workflow.compare import Compared, OnPolygons, score_rows
from sitspark.workflow.progress import Voice
from sitspark.workflow.validate_map import say_output

_SHOWN = 10  # changes; the files have all


def say(compared: Compared, console: Console) -> None:
    """Print how much differs, the largest changes, and the scores of both maps on the polygons."""
    voice, found = Voice(console), compared.changes
    for note in compared.notes:
        voice.note(note)
    console.print(f"A         {escape(str(compared.first))}", soft_wrap=True)
    console.print(f"B         {escape(str(compared.second))}", soft_wrap=True)
    share = 0.0 if found.share is None else found.share
    ground = "" if compared.hectares is None else f" ({found.different * compared.hectares:,.1f} ha)"
    console.print(f"differ    {share:.2%} of {found.pixels:,} pixels that have a class in both{ground}", soft_wrap=True)
    for name, pixels in (("A", found.first_only), ("B", found.second_only)):
        if pixels:
            console.print(f"          {counted(pixels, 'pixel')} with a class only in {name}", soft_wrap=True)
    if found.different:
        console.print(_change_table(compared))
    if compared.on_polygons is not None:
        _say_on_polygons(compared, compared.on_polygons, console)
    say_output(compared.asked.output, console)


def _change_table(compared: Compared) -> Table:
    found = compared.changes
    table = Table(box=box.SIMPLE_HEAD)
    for name, side in (("A", "left"), ("B", "left"), ("pixels", "right"), ("hectares", "right"), ("of A's class", "right")):
        table.add_column(name, justify="right" if side == "right" else "left")
    largest = sorted((p for p in found.pairs.items() if p[0][0] != p[0][1]), key=lambda pair: (-pair[1], pair[0]))
    for (first, second), pixels in largest[:_SHOWN]:
        ground = "-" if compared.hectares is None else f"{pixels * compared.hectares:,.1f}"
        share = f"{pixels / found.of_first(first):.1%}"
        table.add_row(Text(compared.name_of(first)), Text(compared.name_of(second)), f"{pixels:,}", ground, share)
    if len(largest) > _SHOWN:
        table.add_row(Text(f"and {len(largest) - _SHOWN} more", style="dim"))
    return table


def _say_on_polygons(compared: Compared, found: OnPolygons, console: Console) -> None:
    told, test = found.differences, found.mcnemar
    console.print(
        f"on {found.first.total:,} pixels of {counted(found.polygons, 'polygon')} {escape(found.reference)}:", soft_wrap=True
    )
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("score")
    for name in ("A", "B", "B - A", f"{told.level:.0%} interval", "polygons"):
        table.add_column(name, justify="right")
    for name, polygons, difference in score_rows(compared, found):
        table.add_row(Text(name), *_cells(difference), str(polygons))
    console.print(table)
    console.print(
        f"interval  of B - A, from {told.replicates} draws of whole polygons (pixels of one stay together); *: 0 isn't in it",
        soft_wrap=True,
    )
    by = "exact binomial test" if test.statistic is None else f"chi-squared {test.statistic:,.1f}"
    p = "p < 0.0001" if test.p_value < 1e-4 else f"p = {test.p_value:.4f}"
    console.print(
        f"McNemar   {test.first_only:,} pixels right in A alone, {test.second_only:,} in B alone: {by}, {p}; it takes pixels "
        "for independent, which those of one polygon aren't: the interval by polygons is the safer word",
        soft_wrap=True,
    )


def _cells(difference: Difference) -> list[str]:
    def cell(value: float | None, form: str = ".3f") -> str:
        return "-" if value is None else format(value, form)

    if difference.low is None or difference.high is None:
        interval = "-"
    else:
        mark = "" if difference.low <= 0 <= difference.high else " *"
        low, high = (format(bound, "+.3f") for bound in (difference.low, difference.high))
        # what rounds to nothing has no sign
        interval = "0.000" if {low, high} <= {"+0.000", "-0.000"} else f"{low} to {high}{mark}"
    return [
        cell(difference.first),
        cell(difference.second),
        cell(difference.difference, "+.3f").replace("-0.000", "+0.000"),
        interval,
    ]
