"""The verb cross-validate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from sitspark.cli.app import JUDGE, Debug, Overrides, SettingsFile, app, console, run_up_to, sentences, settings_of
from sitspark.settings.fold_options import FOLDS, FoldOptions, divided_otherwise


@app.command(rich_help_panel=JUDGE)
def cross_validate(
    settings: SettingsFile,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="WHAT",
            help="What is left out in turn: tile, region, block, random; of a table of samples: a column, or random. "
            "Default: as the settings say.",
        ),
    ] = None,
    fold_count: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help=f"Folds of --by random and --by block; {FOLDS} unless the settings say."),
    ] = None,
    block_size: Annotated[
        float | None, typer.Option(metavar="KM", help="Side of the blocks of --by block, kilometres.")
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Divide the ground truth N times, with models of their own each time."),
    ] = None,
    maps: Annotated[
        bool, typer.Option("--maps", help="Also draw the map of each fold, all in one pass, and show where they disagree.")
    ] = False,
    set_: Overrides = None,
    debug: Debug = False,
) -> None:
    """Leave one tile (or region, group of blocks, random part) out: train without it, test on its polygons; each in turn.

    [bold]Example:[/] sitspark cross-validate conf/demo.yaml

    [bold]Example:[/] sitspark cross-validate conf/demo.yaml --by block --block-size 2 --runs 3
    """
    with sentences(debug=debug):
        given = [*(set_ or []), *([f"runs={runs}"] if runs is not None else [])]
        overrides = [*given, *_of_folds(settings, given, FoldOptions(by, fold_count, block_size))]
        drawn = ("fold_maps",) if maps else ()
        run_up_to(settings, overrides, "cross_validate", *drawn, "report", debug=debug)


def _of_folds(settings_file: Path, overrides: Sequence[str], asked: FoldOptions) -> list[str]:
    """The overrides that options of cross-validate stand for; says what follows from them that the user may not expect."""
    if not asked.given:
        return []
    asked.refuse_beside(overrides)
    with console.capture():  # what an iota2 file loses is said once, when it is read for the run
        before = settings_of(settings_file, overrides)
        more = asked.overrides(before)
        settings = settings_of(settings_file, [*overrides, *more])
    from sitspark.workflow.run_folder import RunFolder

    folder = RunFolder(settings.output)
    if (remark := asked.remark(before)) is not None:
        console.print(f"[dim]·[/] {escape(remark)}", soft_wrap=True)
    if folder.records() and divided_otherwise(folder.settings(), settings):
        console.print(
            f"[yellow]![/] the run in {escape(str(folder.path))} is divided otherwise: its samples and its report are made "
            "anew; --set output=FOLDER keeps both",
            soft_wrap=True,
        )
    return more
