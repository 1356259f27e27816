"""Verbs that look at what a run holds: tables, files, models."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from sitspark.cli.app import LOOK, AsJson, Debug, RunFolderOption, app, console, sentences
from sitspark.errors import counted

if TYPE_CHECKING:  # it imports pyspark, which takes a second that --help shall not take
    from sitspark.workflow.query import Answer


@app.command(rich_help_panel=LOOK)
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Spark SQL over the tables of a run.")],
    run_folder: RunFolderOption = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows to show at most.")] = 100,
    debug: Debug = False,
) -> None:
    """Ask the tables of a run: scenes, acquisitions, chunks, polygons, rejected, observations, samples, history ...

    Beside them are samples_wide (a column a feature), samples_long (a row a date), observations_long, and the functions
    series(features, 'b8'), series_dates('b8'), value_at(features, 'b8', date), ndvi_at(features, date): docs/sql.md.

    [bold]Example:[/] sitspark sql "select label, count(*) from samples group by label"
    """
    with sentences(debug=debug):
        from sitspark.workflow.query import ask

        answer = ask(query, run_folder, rows=rows)
        more = f", more exist; --rows {10 * rows} shows them" if answer.more else ""
        if console.is_terminal:
            console.print(table_of(answer))
            console.print(f"[dim]{counted(len(answer.rows), 'row')} of {answer.folder}{more}[/]")
            return
        # for other programs: whole, with tabs
        for row in (answer.columns, *answer.rows):
            print("\t".join(row))
        if answer.more:
            print(f"{counted(len(answer.rows), 'row')}{more}", file=sys.stderr)


@app.command(rich_help_panel=LOOK)
def export(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: .csv or .parquet.")],
    run_folder: RunFolderOption = None,
    table: Annotated[str, typer.Option(help="Table of the run.")] = "samples",
    debug: Debug = False,
) -> None:
    """Write the samples (or another table) as one file, with a named column a feature, for pandas and scikit-learn.

    [bold]Example:[/] sitspark export samples.parquet --run runs/demo
    """
    with sentences(debug=debug):
        from sitspark.workflow.export import export as write

        written = write(out, run_folder, table=table)
        console.print(f"✓ {counted(written.rows, 'row')} of {written.table} in {out}", soft_wrap=True)


@app.command(rich_help_panel=LOOK)
def verify(
    run_folder: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Folder of the run; default: the latest one below ./runs.")
    ] = None,
    forget: Annotated[
        bool,
        typer.Option(
            "--forget",
            help="Take stages that differ off the record and remove their changed files, so that the same run makes them anew; "
            "extra files stay.",
        ),
    ] = False,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Hash again all that a run published, and its delivery; name each file that is missing or changed, or too many in a table.

    Ends with 1 where something differs.

    [bold]Example:[/] sitspark verify runs/demo
    """
    with sentences(debug=debug):
        from sitspark.workflow import verify as verifying
        from sitspark.workflow.run_folder import found_run

        folder = found_run(run_folder)
        found = verifying.verify(folder)
        if json:
            print(found.to_json())
        else:
            verifying.say(found, console)
        if forget:
            verifying.forget(folder, found)
        found.refuse(forgotten=forget)


model = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
app.add_typer(model, name="model", rich_help_panel=LOOK)


@model.callback()
def _model() -> None:
    """Look at trained models.

    [bold]Example:[/] sitspark model show --run runs/demo
    """


@model.command("show")
def show_model(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", help="Folder of a model, or its id in the run (its beginning will do); default: the run's model."
        ),
    ] = None,
    run_folder: RunFolderOption = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the card of a model: network, features, classes and the samples used, metrics, calibration, where it comes from.

    [bold]Example:[/] sitspark model show runs/demo/models/mlp-1a2b3c4d
    """
    with sentences(debug=debug):
        from sitspark.models.card import read_card
        from sitspark.workflow.show_model import model_folder, show

        folder = model_folder(model, run_folder)
        card = read_card(folder)
        if json:
            print(card.model_dump_json(indent=2))
        else:
            show(card, folder, console)


def table_of(answer: "Answer") -> Table:
    """An answer as people read it."""
    table = Table(box=None, header_style="bold")
    for name in answer.columns:
        table.add_column(name, justify="right" if name in answer.numeric else "left")
    for row in answer.rows:
        table.add_row(*(escape(_short(cell)) for cell in row))
    return table


def _short(cell: str) -> str:
    """A cell that leaves room for others."""
    return cell if len(cell) <= 60 else f"{cell[:57]}..."
