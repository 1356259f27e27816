"""Verbs that judge maps: against polygons, and against each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from sitspark.cli.app import JUDGE, AsJson, Debug, Overrides, app, console, json_text, run_up_to, sentences
from sitspark.errors import SitsparkError

if TYPE_CHECKING:  # it imports pyspark, which takes a second that --help shall not take
    from sitspark.workflow.reference import ReferenceFile


LabelField = Annotated[str | None, typer.Option(help="Field of POLYGONS that holds the class, a code or a name.")]
IdField = Annotated[str | None, typer.Option(help="Field that names a feature; default: its number.")]
ClassNames = Annotated[
    Path | None,
    typer.Option(help="Classes that there are: 'name:code' a line, or CSV; else as named beside the map (.aux.xml)."),
]
Nodata = Annotated[float | None, typer.Option(help="Value that means no class, where the file doesn't say so.")]
PointBuffer = Annotated[float, typer.Option(help="Metres around a point that take its label; 0: the pixel it lies in.")]
Touched = Annotated[bool, typer.Option("--touched", help="Pixels that lie partly in a polygon count too.")]
Design = Literal["polygons", "random", "stratified"]
OutputFolder = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Write tables, figures and JSON there.")]


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


@app.command(rich_help_panel=JUDGE)
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
    design: Annotated[
        Design | None,
        typer.Option(
            help="How the polygons or points were drawn: random, of the whole map; stratified, within each class of it; or "
            "polygons, as it came. Gives areas, for which the whole map is read. Default: no areas."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same draws of the bootstrap. Default: 0.")] = None,
    output: OutputFolder = None,
    json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Compare the map of a run with the polygons set aside; or any map of classes with polygons of any file.

    [bold]Example:[/] sitspark validate conf/demo.yaml

    [bold]Example:[/] sitspark validate map.tif polygons.gpkg --label-field code --mapping codes.csv --output accuracy

    [bold]Example:[/] sitspark validate map.tif points.gpkg --label-field code --design stratified
    """
    with sentences(debug=debug):
        reference = _reference(polygons, label_field, id_field, nomenclature, point_buffer, touched)
        if reference is None:
            of_map: dict[str, object] = {"--mapping": mapping, "--nomenclature": nomenclature, "--nodata": nodata}
            of_map |= {"--design": design, "--seed": seed, "--output": output, "--json": json or None}
            _refuse(of_map, "goes with a map and polygons: sitspark validate MAP POLYGONS")
            if settings.suffix.lower() in (".tif", ".tiff", ".vrt") or settings.is_dir():
                raise SitsparkError(f"{settings} is no settings file; name the polygons too: sitspark validate MAP POLYGONS")
            run_up_to(settings, set_, "validate", debug=debug)
            return
        if settings.suffix.lower() in (".yaml", ".yml", ".cfg"):
            raise SitsparkError(f"{settings} is a settings file; with POLYGONS name a map, or the folder of the run")
        _refuse({"--set": set_}, "goes with a settings file, of which a map has none")
        from sitspark.workflow import validate_map as validating

        asked = validating.Validation(settings, reference, mapping, nodata, output, design, seed or 0)
        found = validating.validate_map(asked, Console(stderr=True, highlight=False) if json else console)
        if json:
            print(json_text(found.document()))
        else:
            validating.say(found, console)


@app.command(rich_help_panel=JUDGE)
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
