"""Verbs before a run: a landscape to try it on, a look at the inputs, and what it will take."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sitspark.cli.app import BEFORE, AsJson, Debug, Overrides, SettingsFile, app, console, sentences, settings_of
from sitspark.errors import SitsparkError, counted


@app.command(rich_help_panel=BEFORE)
def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.")],
    tiles: Annotated[int, typer.Option(help="Tiles, 1-9, on a grid as square as possible.")] = 4,
    size: Annotated[int, typer.Option(help="Side of a tile, pixels of 10 m (a real one: 10980).")] = 512,
    dates: Annotated[int, typer.Option(help="Products a tile, over one year.")] = 30,
    classes: Annotated[int, typer.Option(help="Classes, 2-17.")] = 17,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    start: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of the year.")] = datetime(2018, 1, 1),
    cloud_cover: Annotated[float, typer.Option(help="Mean share of a scene under clouds, 0-1.")] = 0.3,
    overlap: Annotated[int | None, typer.Option(help="Pixels that neighbours share; default 9 % of the side.")] = None,
    gradient: Annotated[float, typer.Option(help="Strength of the eco-climatic gradient, 0-3.")] = 1.0,
    polygons: Annotated[int | None, typer.Option(help="Labelled polygons a class and tile.")] = None,
    sre: Annotated[bool, typer.Option("--sre", help="Write SRE reflectances beside FRE.")] = False,
    packed: Annotated[bool, typer.Option("--packed", help="Write each product as one file, as it is downloaded.")] = False,
    layout: Annotated[str, typer.Option(help="Whose products: theia_l2a, sen2cor_l2a, landsat_c2_l2.")] = "theia_l2a",
    stac: Annotated[bool, typer.Option("--stac", help="Describe the products in a STAC catalogue too.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    debug: Debug = False,
) -> None:
    """Write a synthetic landscape as real products, with dirty polygons and the true map.

    [bold]Example:[/] sitspark simulate runs/simulated --tiles 4 --size 512 --dates 30
    """
    from sitspark.simulate import Landscape
    from sitspark.simulate import simulate as write
    from sitspark.simulate.starter import write_starter
    from sitspark.workflow.next_step import say_next

    with sentences(debug=debug):
        landscape = Landscape(
            tiles, size, dates, classes, seed, start.date(), cloud_cover, overlap, gradient, polygons, sre, packed, layout
        )
        columns = (TextColumn("  simulate"), BarColumn(), MofNCompleteColumn(), TextColumn("products · left"))
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
            task = progress.add_task("simulate", total=tiles * dates)
            written = write(
                out,
                landscape,
                workers=workers,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
        state = "= unchanged:" if written.reused else "✓"
        dirt = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in written.dirt.items())
        console.print(
            f"{state} {counted(written.scenes, 'product')} of tiles {', '.join(written.tiles)}, {written.bytes / 1e6:.0f} MB, "
            f"and {counted(written.polygons, 'polygon')} (faulty on purpose: {dirt}) in {out}",
            soft_wrap=True,
        )
        if stac:
            from sitspark.simulate.stac import describe

            console.print(f"✓ described in {describe(written, layout)}", soft_wrap=True)
        starter = write_starter(written, landscape)
        console.print(f"{'✓' if starter.is_new else '= kept:'} settings of a run in {starter.path}", soft_wrap=True)
        say_next(console, "check", str(starter.path))


@app.command(rich_help_panel=BEFORE)
def check(
    settings: SettingsFile,
    set_: Overrides = None,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every pixel of every product: takes as long as a map.")] = False,
    debug: Debug = False,
) -> None:
    """Validate settings and inputs before anything is computed.

    [bold]Example:[/] sitspark check conf/demo.yaml
    """
    with sentences(debug=debug):
        from sitspark.workflow.check import check as look
        from sitspark.workflow.check_products import HEADERS, PIXELS
        from sitspark.workflow.context import Context
        from sitspark.workflow.finding import Verdict, in_sum
        from sitspark.workflow.next_step import say_next

        context = Context.of(settings_of(settings, set_), console)
        findings = look(context, depth=PIXELS if deep else HEADERS)
        for finding in findings:
            colour = {Verdict.FINE: "green", Verdict.WRONG: "red"}.get(finding.verdict, "yellow")
            mark = f"[{colour}]{finding.verdict.value}[/]"
            console.print(f"{mark} [bold]{finding.subject:<13}[/] {escape(finding.sentence)}", soft_wrap=True)
        if any(finding.wrong for finding in findings):
            raise SitsparkError(f"{in_sum(findings)}; nothing was computed")
        console.print(in_sum(findings).capitalize(), soft_wrap=True)
        say_next(console, "plan", str(settings), *(part for override in set_ or [] for part in ("--set", override)))


@app.command(rich_help_panel=BEFORE)
def plan(
    settings: SettingsFile,
    set_: Overrides = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say what a run will read, write, hold in memory, skip, and how long it will take.

    The numbers are kept in the run's folder, and the map says beside them what it took.

    [bold]Example:[/] sitspark plan conf/demo.yaml
    """
    with sentences(debug=debug):
        from sitspark.atomic import write_atomically
        from sitspark.workflow.check import refuse_wrong_inputs
        from sitspark.workflow.context import Context
        from sitspark.workflow.keys import plan_key
        from sitspark.workflow.plan import plan as foresee
        from sitspark.workflow.run import done

        # what is read by a program is the document alone
        context = Context.of(settings_of(settings, set_), Console(stderr=True) if json else console)
        refuse_wrong_inputs(context)  # nobody asks what a run takes that can't begin
        foreseen = foresee(context, tuple(name for name, record in done(context).items() if record.is_work))
        context.folder.prepare()
        write_atomically(context.folder.plan, foreseen.to_json(key=plan_key(context.settings)))
        console.print(foreseen.to_json() if json else foreseen.to_text(), soft_wrap=True)
