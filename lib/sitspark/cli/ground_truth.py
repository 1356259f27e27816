"""The verb ground-truth, which has a verb of its own: check."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sitspark.cli.app import RUN, Debug, Overrides, SettingsFile, app, console, run_up_to, sentences, settings_of


class _WithDefault(TyperGroup):
    """A verb with verbs of its own, which does `run` where none of them is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in {*self.commands, "--help"} else ["run", *args])


ground_truth = typer.Typer(cls=_WithDefault, rich_markup_mode="rich")
app.add_typer(ground_truth, name="ground-truth", rich_help_panel=RUN)


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
    run_up_to(settings, set_, "ground_truth", debug=debug)


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

        known = settings_of(settings, set_) if settings else None
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
