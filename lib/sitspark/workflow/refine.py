"""The stages between drawing a map and judging it, where the settings ask for them: regularisation and polygons."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from sitspark.atomic import publish
from sitspark.errors import SitsparkError, counted
from sitspark.grid import Grid, Window
from sitspark.maps.areas import AREAS, areas_on, pixel_hectares, to_csv
from sitspark.maps.filters import regularisation_of
from sitspark.maps.regularise import regularise
from sitspark.maps.seams import seam_of
from sitspark.maps.vectorise import FILES, Sources, vectorise
from sitspark.workflow.context import Context
from sitspark.workflow.stage import NOTHING, Outcome, Stage

_DRAWN, _REGULARISED = "classification.tif", "regularised.tif"
_AREAS, _PICTURE = "regularised_areas.csv", "regularised.png"  # beside it


def _regularise(context: Context, _key: str) -> Outcome:
    """Leaves the names, in the map's folder, of the map that counts from here on, and of its areas."""
    # matplotlib takes a second to import
    from sitspark.accuracy import quicklook

    folder, nomenclature = context.folder.path / context.facts("mosaic")["map"], context.nomenclature
    for stale in folder.glob("regularised*"):
        stale.unlink()
    covered = context.coverage
    extent = extent_of(folder / _DRAWN, covered.grid)
    how = regularisation_of(context.settings.map, nomenclature, pixel_hectares(covered.grid))
    if how is None:
        return Outcome(NOTHING, {"map": _DRAWN, "areas": AREAS})
    with context.voice.bar("regularise", extent.pixels * how.steps, "pixels") as update:
        changed = regularise(folder, covered.grid.cropped(extent), how, nomenclature=nomenclature, told=_adding(update))
    final, territories = folder / _REGULARISED, covered.territories
    regions = {region.name: region.ground.to(covered.grid.crs) for region in context.named_regions}
    areas = areas_on(final, territories, grid=covered.grid, origin=extent, regions=regions)
    publish(folder / _AREAS, to_csv(areas, nomenclature).encode())
    publish(folder / _PICTURE, quicklook.classification_figure(quicklook.read_class_quicklook(final), nomenclature))
    pixels = sum(area.pixels for area in areas[0].classes)
    seam = seam_of(final, territories, origin=extent)
    return Outcome(
        f"{_REGULARISED}: {changed / max(pixels, 1):.1%} of {pixels:,} pixels have another class{context.beside('regularise')}",
        {"map": _REGULARISED, "areas": _AREAS, "seam": asdict(seam) if seam else None},
        tuple(folder / name for name in (_REGULARISED, f"{_REGULARISED}.aux.xml", _AREAS, _PICTURE)),
    )


def _vectorise(context: Context, _key: str) -> Outcome:
    final, wanted = context.facts("regularise")["map"], context.settings.map.vectors
    folder = context.folder.path / context.facts("mosaic")["map"]
    for name in FILES.values():
        (folder / name).unlink(missing_ok=True)
    if wanted is None:
        return Outcome(NOTHING)
    out = folder / FILES[wanted.format]
    grid = context.coverage.grid.cropped(extent_of(folder / _DRAWN, context.coverage.grid))
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
    summary = f"{counted(count, 'polygon')} of {final} in {out.name}{context.beside('vectorise')}"
    return Outcome(summary, {"polygons": count}, (out,))


def _adding(update: Callable[[int, str], None]) -> Callable[[int], None]:
    done = 0

    def add(pixels: int) -> None:
        nonlocal done
        done += pixels
        update(done, "")

    return add


def extent_of(path: Path, grid: Grid) -> Window:
    """The window of the output grid that a map lies on."""
    try:
        with rasterio.open(path) as drawn:
            row = round((grid.top - drawn.transform.f) / grid.resolution)
            col = round((drawn.transform.c - grid.left) / grid.resolution)
            return Window(row, col, drawn.height, drawn.width)
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
    Stage("regularise", ("mosaic",), 2, _regularise_inputs, _regularise),
    Stage("vectorise", ("regularise",), 2, _vectorise_inputs, _vectorise),
)
