"""`sitspark VERB`: each verb calls one function of the workflow."""

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from json import dumps as dump_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

from sitspark import interrupts
from sitspark.errors import SitsparkError, counted
from sitspark.settings import Settings
from sitspark.settings.fold_options import FOLDS, FoldOptions, divided_otherwise
from sitspark.settings_file import read_settings

if TYPE_CHECKING:  # it imports pyspark, which takes a second that --help shall not take
    from sitspark.workflow.query import Answer
    from sitspark.workflow.reference import ReferenceFile

app = typer.Typer(
    help="Land-cover maps from satellite image time series, on Spark.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)

SettingsFile = Annotated[Path, typer.Argument(metavar="SETTINGS", help="Settings file (YAML), or an iota2 .cfg.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a setting; may be repeated. Paths are relative to the settings file."
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the stack trace of an error.")]

RunFolderOption = Annotated[
    Path | None, typer.Option("--run", metavar="FOLDER", help="Folder of the run; default: the latest one below ./runs.")
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of the command; gives the exit code: 0 done, 1 a problem, 2 wrong arguments, 130 stopped."""
    try:
        app(list(arguments) if arguments is not None else None, prog_name="sitspark", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@contextlib.contextmanager
def sentences(*, debug: bool = False) -> Iterator[None]:
    """Turn any failure into one sentence on standard error and an exit code."""
    from sitspark.workflow.failures import sentence_of

    complain = Console(stderr=True, highlight=False, soft_wrap=True)
    if not debug:
        # py4j logs the trace of every interrupted call, and a log without a handler goes to the terminal
        logging.getLogger().addHandler(logging.NullHandler())
    try:
        with interrupts.insisted():
            yield
    except KeyboardInterrupt:
        complain.print("[yellow]stopped[/]: the same command goes on where it was")
        raise SystemExit(130) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc()
        sentence = sentence_of(error) or f"unforeseen {type(error).__name__}: {error}; --debug shows where"
        complain.print(f"[red]error[/]: {escape(sentence)}")
        raise SystemExit(1) from None


def _settings(path: Path, overrides: Sequence[str] | None) -> Settings:
    if path.suffix == ".cfg":
        from sitspark.iota2 import read_cfg

        settings, converted = read_cfg(path, overrides=overrides or [])
        for left_out in (item for item in converted.left_out if item.changes_the_job):
            console.print(f"[yellow]![/] not carried over: {escape(left_out.key)} ({escape(left_out.reason)})")
        return settings
    return read_settings(path, overrides=overrides or [])


def _run(settings_file: Path, overrides: Sequence[str] | None, *targets: str, debug: bool) -> None:
    with sentences(debug=debug):
        settings = _settings(settings_file, overrides)
        from sitspark.workflow.ending import say_results
        from sitspark.workflow.run import course_of, run

        wanted = targets or course_of(settings).everything
        context = run(settings, wanted, console=console)
        say_results(context, wanted[-1], settings_file, overrides=overrides or [])


@app.command()
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


@app.command()
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
        from sitspark.workflow.finding import PRODUCT

        context = Context.of(_settings(settings, set_), console)
        findings = look(context, depth=PIXELS if deep else HEADERS)
        for finding in findings:
            fine = "[yellow]-[/]" if finding.subject == PRODUCT else "[green]✓[/]"
            mark = "[red]✗[/]" if finding.wrong else fine
            console.print(f"{mark} [bold]{finding.subject:<13}[/] {escape(finding.sentence)}", soft_wrap=True)
        # the lines of single products belong to the check of all of them
        checks = [finding for finding in findings if finding.subject != PRODUCT]
        wrong = sum(finding.wrong for finding in checks)
        if wrong:
            raise SitsparkError(f"{wrong} of {len(checks)} checks failed; nothing was computed")


@app.command()
def plan(
    settings: SettingsFile,
    set_: Overrides = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Say what a run will read, write, hold in memory, skip, and how long it will take.

    The numbers are kept in the run's folder, and the map says beside them what it took.

    [bold]Example:[/] sitspark plan conf/demo.yaml
    """
    with sentences(debug=debug):
        from sitspark.atomic import write_atomically
        from sitspark.workflow.context import Context
        from sitspark.workflow.keys import plan_key
        from sitspark.workflow.plan import plan as foresee
        from sitspark.workflow.run import done

        context = Context.of(_settings(settings, set_), console)
        foreseen = foresee(context, tuple(name for name, record in done(context).items() if record.is_work))
        context.folder.prepare()
        write_atomically(context.folder.plan, foreseen.to_json(key=plan_key(context.settings)))
        console.print(foreseen.to_json() if json else foreseen.to_text(), soft_wrap=True)


@app.command()
def run(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Run everything: samples, model, map, accuracy, report. What hasn't changed is skipped.

    [bold]Example:[/] sitspark run conf/demo.yaml --set training.epochs=5
    """
    _run(settings, set_, debug=debug)


@app.command()
def scenes(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Catalogue the archive: a calendar of acquisitions for each tile, and what is left out with the reason.

    [bold]Example:[/] sitspark scenes conf/demo.yaml
    """
    _run(settings, set_, "calendar", debug=debug)


class _WithDefault(TyperGroup):
    """A verb with verbs of its own, which does `run` where none of them is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in {*self.commands, "--help"} else ["run", *args])


ground_truth = typer.Typer(cls=_WithDefault, rich_markup_mode="rich")
app.add_typer(ground_truth, name="ground-truth")


@ground_truth.callback()
def _ground_truth() -> None:
    """Read, clean and split the labelled polygons of a run (SETTINGS), or check a file of them.

    [bold]Example:[/] sitspark ground-truth conf/demo.yaml --set ground_truth.ratio=0.5

    [bold]Example:[/] sitspark ground-truth check polygons.gpkg --label-field code --fix fixed.gpkg
    """


@ground_truth.command("run")
def run_ground_truth(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Read, clean and split the labelled polygons; what is done where no verb is named.

    [bold]Example:[/] sitspark ground-truth conf/demo.yaml --set ground_truth.ratio=0.5
    """
    _run(settings, set_, "ground_truth", debug=debug)


@ground_truth.command("check")
def check_ground_truth(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="Shapefile (or a folder of them), GeoPackage, GeoParquet, GeoJSON; table:NAME is a Spark table with WKB.",
        ),
    ],
    label_field: Annotated[str | None, typer.Option(help="Field of the class, a code or a name.")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field that names a feature; default: its number.")] = None,
    nomenclature: Annotated[Path | None, typer.Option(help="Classes that there are: 'name:code' a line, or CSV.")] = None,
    resolution: Annotated[float | None, typer.Option(help="Side of a pixel, metres [default: 10].")] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            metavar="SETTINGS", help="Settings of a run: its fields, nomenclature, tolerance; and is its imagery there?"
        ),
    ] = None,
    set_: Overrides = None,
    fix: Annotated[Path | None, typer.Option(metavar="OUT", help=".gpkg, .parquet, .shp or .geojson for what is kept.")] = None,
    overlaps: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Of two labels that overlap: drop (both), keep-first, keep-larger [default: drop]."),
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Pixels that two labels may share [default: 1].")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of a table, as EPSG:2154; files know their own.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="GeoParquet of the offenders; usual: NAME_offenders.parquet, here or beside OUT."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Say what is wrong with a file of labelled polygons or points, and write a mended copy.

    Faults reject a feature, remarks don't. Ends with 1 where there are faults and nothing was mended.

    [bold]Example:[/] sitspark ground-truth check polygons.gpkg --label-field code --fix fixed.gpkg
    """
    with sentences(debug=debug):
        from sitspark.workflow import check_ground_truth as checking

        known = _settings(settings, set_) if settings else None
        request = checking.request_of(
            file,
            known,
            label_field=label_field,
            id_field=id_field,
            crs=crs,
            nomenclature=nomenclature,
            resolution=resolution,
            tolerance=tolerance,
            overlaps=overlaps,
            fix=fix,
            report=report,
        )
        found = checking.check(request, known, console)
        checking.say(found, request, console)
        if found.faults and fix is None:
            raise typer.Exit(1)


@app.command()
def samples(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Read the labelled pixels and compute their features.

    [bold]Example:[/] sitspark samples conf/demo.yaml --set time_series.step=15
    """
    _run(settings, set_, "samples", debug=debug)


@app.command()
def train(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Train the network on the samples.

    [bold]Example:[/] sitspark train conf/demo.yaml --set training.processes=2
    """
    _run(settings, set_, "train", debug=debug)


@app.command()
def trust(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Say whether the model is right as often as it is sure, and which dates and bands it needs.

    [bold]Example:[/] sitspark trust conf/demo.yaml --set importance.samples=5000
    """
    _run(settings, set_, "trust", debug=debug)


@app.command()
def classify(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Draw the map: classes, confidence, number of clear dates.

    [bold]Example:[/] sitspark classify conf/demo.yaml
    """
    _run(settings, set_, "vectorise", debug=debug)


LabelField = Annotated[str | None, typer.Option(help="Field of POLYGONS that holds the class, a code or a name.")]
IdField = Annotated[str | None, typer.Option(help="Field that names a feature; default: its number.")]
ClassNames = Annotated[Path | None, typer.Option(help="Classes that there are: 'name:code' a line, or CSV.")]
Nodata = Annotated[float | None, typer.Option(help="Value that means no class, where the file doesn't say so.")]
PointBuffer = Annotated[float, typer.Option(help="Metres around a point that take its label; 0: the pixel it lies in.")]
Touched = Annotated[bool, typer.Option("--touched", help="Pixels that lie partly in a polygon count too.")]
OutputFolder = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write tables, figures and JSON there.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Raise SitsparkError for an option that was given (not None) and would be ignored."""
    for option, value in options.items():
        if value is not None:
            raise SitsparkError(f"{option} {why}")


def _reference(
    polygons: str | None,
    label_field: str | None,
    id_field: str | None,
    nomenclature: Path | None,
    point_buffer: float,
    touched: bool,
) -> "ReferenceFile | None":
    """The reference that options name; refuses options that would be ignored without one."""
    if polygons is None:
        of_reference = {"--label-field": label_field, "--id-field": id_field, "--touched": touched or None}
        _refuse(of_reference | {"--point-buffer": point_buffer or None}, "goes with a file of polygons or points; name it")
        return None
    if label_field is None:
        raise SitsparkError(f"--label-field: name the field of {polygons} that holds the class, as --label-field code")
    if point_buffer < 0:
        raise SitsparkError(f"--point-buffer: {point_buffer:g} is no distance; name metres, as 15")
    from sitspark.ground_truth.sources import Source
    from sitspark.workflow.reference import ReferenceFile

    return ReferenceFile(Source(polygons, label_field, id_field), nomenclature, point_buffer, touched)


@app.command()
def validate(
    settings: Annotated[
        Path,
        typer.Argument(metavar="SETTINGS|MAP", help="Settings of a run; or a GeoTIFF of classes, or the folder of a run."),
    ],
    polygons: Annotated[
        str | None, typer.Argument(metavar="POLYGONS", help="For MAP: file of labelled polygons or points, in any CRS.")
    ] = None,
    set_: Overrides = None,
    label_field: LabelField = None,
    id_field: IdField = None,
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV, 'map code,reference code' a line (no reference: left out); or YAML."),
    ] = None,
    nomenclature: ClassNames = None,
    nodata: Nodata = None,
    point_buffer: PointBuffer = 0.0,
    touched: Touched = False,
    output: OutputFolder = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare the map of a run with the polygons set aside; or any map of classes with polygons of any file.

    [bold]Example:[/] sitspark validate conf/demo.yaml

    [bold]Example:[/] sitspark validate map.tif polygons.gpkg --label-field code --mapping codes.csv --output accuracy
    """
    with sentences(debug=debug):
        reference = _reference(polygons, label_field, id_field, nomenclature, point_buffer, touched)
        if reference is None:
            of_map = {"--mapping": mapping, "--nomenclature": nomenclature, "--nodata": nodata, "--output": output}
            _refuse(of_map | {"--json": json or None}, "goes with a map and polygons: sitspark validate MAP POLYGONS")
            if settings.suffix.lower() in (".tif", ".tiff", ".vrt") or settings.is_dir():
                raise SitsparkError(f"{settings} is no settings file; name the polygons too: sitspark validate MAP POLYGONS")
            _run(settings, set_, "validate", debug=debug)
            return
        if settings.suffix.lower() in (".yaml", ".yml", ".cfg"):
            raise SitsparkError(f"{settings} is a settings file; with POLYGONS name a map, or the folder of the run")
        _refuse({"--set": set_}, "goes with a settings file, of which a map has none")
        from sitspark.workflow import validate_map as validating

        asked = validating.Validation(settings, reference, mapping, nodata, output)
        found = validating.validate_map(asked, Console(stderr=True, highlight=False) if json else console)
        if json:
            print(json_text(found.document()))
        else:
            validating.say(found, console)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of a run, or a GeoTIFF of classes.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one, on the same pixels.")],
    polygons: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Labelled polygons or points; default for two runs: those that both set aside."),
    ] = None,
    label_field: LabelField = None,
    id_field: IdField = None,
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV, 'code of B,code of A' a line (none: left out); or YAML.")
    ] = None,
    nomenclature: ClassNames = None,
    nodata: Nodata = None,
    point_buffer: PointBuffer = 0.0,
    touched: Touched = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same draws of the bootstrap.")] = 0,
    output: OutputFolder = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say where two maps differ and which of them is better: change matrix, difference map, McNemar, bootstrap by polygons.

    [bold]Example:[/] sitspark compare runs/demo runs/forest --output difference

    [bold]Example:[/] sitspark compare 2018.tif 2019.tif --polygons polygons.gpkg --label-field code
    """
    with sentences(debug=debug):
        reference = _reference(polygons, label_field, id_field, nomenclature, point_buffer, touched)
        from sitspark.workflow import compare as comparing

        asked = comparing.Comparison(first, second, reference, nomenclature, mapping, nodata, output, seed)
        found = comparing.compare(asked, Console(stderr=True, highlight=False) if json else console)
        if json:
            print(json_text(found.document()))
        else:
            from sitspark.workflow.comparison_told import say

            say(found, console)


@app.command()
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
        _run(settings, overrides, "cross_validate", *drawn, "report", debug=debug)


def _of_folds(settings_file: Path, overrides: Sequence[str], asked: FoldOptions) -> list[str]:
    """The overrides that options of cross-validate stand for; says what follows from them that the user may not expect."""
    if not asked.given:
        return []
    asked.refuse_beside(overrides)
    with console.capture():  # what an iota2 file loses is said once, when it is read for the run
        before = _settings(settings_file, overrides)
        more = asked.overrides(before)
        settings = _settings(settings_file, [*overrides, *more])
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


@app.command()
def report(settings: SettingsFile, set_: Overrides = None, debug: Debug = False) -> None:
    """Write the page that sums up whatever the run has done so far.

    [bold]Example:[/] sitspark report conf/demo.yaml
    """
    _run(settings, set_, "report", debug=debug)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Spark SQL over the tables of a run.")],
    run_folder: RunFolderOption = None,
    rows: Annotated[int, typer.Option(help="Rows to show at most.")] = 100,
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


@app.command()
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


@app.command()
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
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Hash again all that a run published, and its delivery; name each file that is missing, changed, or too many.

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
app.add_typer(model, name="model")


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
    json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
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


def json_text(document: dict[str, Any]) -> str:
    """A document as verbs print it with --json."""
    return dump_json(document, indent=2, ensure_ascii=False)


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
