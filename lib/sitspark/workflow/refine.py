"""The stages between drawing a map and judging it, where the settings ask for them: regularisation and polygons."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from sitspark.atomic import publish
from sitspark.errors import SitsparkError, counted
from sitspark.grid import Grid, Window
from sitspark.maps.areas import AREAS, area_of, pixel_hectares, to_csv
from sitspark.maps.filters import regularisation_of
from sitspark.maps.regularise import regularise
from sitspark.maps.vectorise import FILES, Sources, vectorise
from sitspark.workflow.context import Context
from sitspark.workflow.stage import Outcome, Stage

_DRAWN, _REGULARISED = "classification.tif", "regularised.tif"
_AREAS, _PICTURE = "regularised_areas.csv", "regularised.png"  # beside it


def _regularise(context: Context, _key: str) -> Outcome:
    """Leaves the names, in the map's folder, of the map that counts from here on, and of its areas."""
    # matplotlib takes a second to import
    from sitspark.accuracy import quicklook

    folder, nomenclature = context.folder.path / context.facts("mosaic")["map"], context.nomenclature
    for stale in folder.glob("regularised*"):
        stale.unlink()
    grid = _grid_of(folder / _DRAWN, context.coverage.grid)
    how = regularisation_of(context.settings.map, nomenclature, pixel_hectares(grid))
    if how is None:
        return Outcome("not asked for", {"map": _DRAWN, "areas": AREAS})
    with context.voice.bar("regularise", grid.window.pixels * how.steps, "pixels") as update:
        made = regularise(folder, grid, how, nomenclature=nomenclature, told=_adding(update))
    publish(folder / _AREAS, to_csv([area_of(made.counts, grid)], nomenclature).encode())
    shown = quicklook.read_class_quicklook(folder / _REGULARISED)
    publish(folder / _PICTURE, quicklook.classification_figure(shown, nomenclature))
    pixels = sum(made.counts.values())
    return Outcome(
        f"{_REGULARISED}: {made.changed / max(pixels, 1):.1%} of {pixels:,} pixels have another class",
        {"map": _REGULARISED, "areas": _AREAS},
        tuple(folder / name for name in (_REGULARISED, f"{_REGULARISED}.aux.xml", _AREAS, _PICTURE)),
    )


def _vectorise(context: Context, _key: str) -> Outcome:
    final, wanted = context.facts("regularise")["map"], context.settings.map.vectors
    folder = context.folder.path / context.facts("mosaic")["map"]
    for name in FILES.values():
        (folder / name).unlink(missing_ok=True)
    if wanted is None:
        return Outcome("not asked for")
    out = folder / FILES[wanted.format]
    grid = _grid_of(folder / _DRAWN, context.coverage.grid)
    sources = Sources(folder / final, folder / "confidence.tif", None if final == _DRAWN else folder / _DRAWN)
    with context.voice.bar("vectorise", grid.window.pixels, "pixels") as update:
        count = vectorise(
            sources,
            grid,
            out,
            nomenclature=context.nomenclature,
            simplify=wanted.simplify / grid.resolution,
            told=_adding(update),
        )
    return Outcome(f"{counted(count, 'polygon')} of {final} in {out.name}", {"polygons": count}, (out,))


def _adding(update: Callable[[int, str], None]) -> Callable[[int], None]:
    done = 0

    def add(pixels: int) -> None:
        nonlocal done
        done += pixels
        update(done, "")

    return add


def _grid_of(path: Path, grid: Grid) -> Grid:
    """The part of the output grid that a map lies on."""
    try:
        with rasterio.open(path) as drawn:
            row = round((grid.top - drawn.transform.f) / grid.resolution)
            col = round((drawn.transform.c - grid.left) / grid.resolution)
            return grid.cropped(Window(row, col, drawn.height, drawn.width))
    except RasterioError as error:
        raise SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew") from None


def _regularise_inputs(context: Context) -> Any:
    wanted = context.settings.map
    asked = (wanted.smoothing, wanted.regularise, wanted.minimum_unit)
    return [one and one.model_dump(mode="json") for one in asked]


def _vectorise_inputs(context: Context) -> Any:
    wanted = context.settings.map.vectors
    return wanted and wanted.model_dump(mode="json")


STAGES = (
    Stage("regularise", ("mosaic",), 1, _regularise_inputs, _regularise),
    Stage("vectorise", ("regularise",), 1, _vectorise_inputs, _vectorise),
)
