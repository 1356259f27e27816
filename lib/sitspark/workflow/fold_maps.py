"""The stage that draws the maps of all folds of a cross-validation in one pass, and shows where they disagree."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sitspark.accuracy.places import most_disputed, side_of
from sitspark.atomic import publish, write_atomically
from sitspark.errors import SitsparkError, counted
from sitspark.grid import Grid, Window
from sitspark.ground_truth.folds import NOUNS
from sitspark.kernels.feature_space import KERNEL_VERSION
from sitspark.maps.disagreement import PICTURE, RASTER, Disagreement, disagreement_of
from sitspark.maps.mosaic import mosaic, sidecar_of
from sitspark.maps.products import Product, classification
from sitspark.maps.reading import opened, read
from sitspark.maps.record import ChunkRecord
from sitspark.maps.style import qml
from sitspark.workflow.context import Context
from sitspark.workflow.draw import of_pixels
from sitspark.workflow.drawing import draw_chunks, target_of
from sitspark.workflow.keys import digest
from sitspark.workflow.members import models_of
from sitspark.workflow.places import places_on
from sitspark.workflow.stage import Outcome, Stage

_SUMMARY = "disagreement.json"
_SHOWN = 400  # pixels of a place's side in its picture


@dataclass(frozen=True, slots=True)
class FoldMap:
    """The map of the models that never saw a fold: its name, and its folder."""

    left_out: str
    folder: Path

    @property
    def classes(self) -> Path:
        """The raster of its classes."""
        return self.folder / "classification.tif"


def _fold_maps(context: Context, _key: str) -> Outcome:
    folder, nomenclature = context.folder, context.nomenclature
    folds = [fold for fold in context.facts("cross_validate")["folds"] if fold["run"] == 1]
    extent = _extent(context)
    grid = context.coverage.grid.cropped(extent)
    product = classification(nomenclature.codes)
    key = _chunks_key(context)
    maps = [FoldMap(fold["left_out_fold"], folder.map(_map_id(fold))) for fold in folds]
    targets = [
        target_of(context, models_of(fold), one.folder / "chunks" / key[:16]) for fold, one in zip(folds, maps, strict=True)
    ]
    drawn = draw_chunks(context, targets, [product], name="fold_maps")
    with context.voice.bar("fold_maps", len(maps), "mosaics") as update:
        for number, (one, target, records) in enumerate(zip(maps, targets, drawn, strict=True), 1):
            _put_together(context, one, target.chunks, records, extent, grid, product)
            update(number, one.left_out)
    found = _disagreement(context, maps, grid)
    own = _folder(context)
    outputs = [own / name for name in (RASTER, PICTURE, _SUMMARY)]
    outputs += (path for one in maps for path in (one.classes, sidecar_of(one.classes), one.folder / "legend.qml"))
    outputs += (path for path, _ in found.places.values())
    noun = NOUNS[context.truth.folds]
    share = found.disagreement.share
    where = ", ".join(f"{name} ({share_:.0%})" for name, (_, share_) in found.places.items())
    return Outcome(
        f"{counted(len(maps), 'map')}, one without each {noun}: more than one class for "
        f"{'-' if share is None else format(share, '.1%')} of the pixels"
        + (f"; {where}" if where else "")
        + context.beside("fold_maps"),
        {
            "maps": [{"left_out": one.left_out, "map": str(one.classes.relative_to(folder.path))} for one in maps],
            "folder": str(own.relative_to(folder.path)),
            "pixels": list(found.disagreement.pixels),
            "places": {name: {"file": path.name, "disputed": share_} for name, (path, share_) in found.places.items()},
        },
        tuple(outputs),
    )


def _put_together(
    context: Context,
    one: FoldMap,
    chunks: Path,
    records: Sequence[ChunkRecord],
    extent: Window,
    grid: Grid,
    product: Product,
) -> None:
    """Write the raster of a fold's map, with its style."""
    damaged = next((record for record in records if not record.holds(chunks)), None)
    if damaged is not None:
        raise SitsparkError(f"{chunks / damaged.chunk_id}: is damaged; run the same command again: it is drawn anew")
    parts = [(chunks / r.files[product.name].name, r.window.shifted(-extent.row, -extent.col)) for r in records]
    mosaic(parts, grid, one.classes, product=product, nomenclature=context.nomenclature)
    publish(one.folder / "legend.qml", qml(context.nomenclature).encode())


@dataclass(frozen=True, slots=True)
class _Found:
    """Where the maps disagree, and of each place that is shown its file and the share of its pixels that are disputed."""

    disagreement: Disagreement
    places: Mapping[str, tuple[Path, float]]


def _disagreement(context: Context, maps: Sequence[FoldMap], grid: Grid) -> _Found:
    # matplotlib takes a second to import
    from sitspark.accuracy import quicklook
    from sitspark.accuracy.fold_animation import animation

    settings, own = context.settings.report, _folder(context)
    side = side_of(settings.place_size, grid)
    places = places_on(context, grid)
    for stale in own.glob("place-*.gif"):
        stale.unlink()
    with context.voice.bar("disagreement", grid.window.pixels, "pixels") as update:
        told = [0]

        def more(pixels: int) -> None:
            told[0] += pixels
            update(told[0], "")

        found = disagreement_of([one.classes for one in maps], grid, own / RASTER, side=side, told=more)
    picture = quicklook.disagreement_figure(quicklook.read_measure_quicklook(own / RASTER), len(maps))
    publish(own / PICTURE, picture)
    places += most_disputed(found.disputed, grid, side=side, count=settings.disputed_places)
    shown = {}
    for number, place in enumerate(places, 1):
        codes = {}
        for one in maps:
            with opened(one.classes) as source:
                codes[f"without {one.left_out}"] = _fewer(read(source, place.window)[0])
        with opened(own / RASTER) as source:
            counts = read(source, place.window)[0]
        path = own / f"place-{number}.gif"
        publish(path, animation(codes, context.nomenclature))
        shown[place.name] = (path, float((counts > 1).sum() / max((counts > 0).sum(), 1)))
    summary = {
        "maps": [one.left_out for one in maps],
        "pixels_by_number_of_classes": dict(enumerate(found.pixels, 1)),
        "disputed_share": found.share,
        "places": [
            {"name": place.name, "window": asdict(place.window), "disputed_share": shown[place.name][1]} for place in places
        ],
    }
    write_atomically(own / _SUMMARY, json.dumps(summary, indent=2, ensure_ascii=False))
    return _Found(found, shown)


def _extent(context: Context) -> Window:
    """The part of the output grid that the maps lie on: all of it, or what the chunks of the region of interest hold."""
    if context.ground is None:
        return context.coverage.grid.window
    chunks = context.table("chunks").select("row", "col", "height", "width").collect()
    return Window.around(Window(one.row, one.col, one.height, one.width) for one in chunks)


def _fewer(codes: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    """Every n-th pixel of a place, so that a side has no more than a picture shows."""
    step = -(-max(codes.shape) // _SHOWN)
    return codes[::step, ::step]


def _folder(context: Context) -> Path:
    """Where what is said of all maps together lies, beside them."""
    return context.folder.map(f"{context.facts('cross_validate')['model_id']}-folds")


def _map_id(fold: Mapping[str, Any]) -> str:
    """The id of a fold's map: that of its first model."""
    return models_of(fold)[0].model_id


def _chunks_key(context: Context) -> str:
    """What the pixels of the folds' maps depend on: how the models are judged, and further runs, are no part of it."""
    records, models = context.folder.records(), context.facts("cross_validate")["model_id"]
    return digest(KERNEL_VERSION, of_pixels(context), [records[name].key for name in ("scenes", "chunks")], models)


def _inputs(context: Context) -> Any:
    settings = context.settings
    return [
        KERNEL_VERSION,
        of_pixels(context),
        settings.report.model_dump(mode="json"),
        [[c.code, c.name, c.colour] for c in context.nomenclature],
    ]


_BEFORE = ("scenes", "chunks", "cross_validate")

STAGES = (Stage("fold_maps", _BEFORE, 1, _inputs, _fold_maps),)
