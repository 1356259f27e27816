"""The report of a run: one HTML page that needs nothing but itself."""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sitspark.accuracy import figures, quicklook, trust_figures
from sitspark.accuracy.accuracy_by import GroupAccuracy, in_words, kinds_of
from sitspark.accuracy.accuracy_by_figure import accuracy_by_figure
from sitspark.accuracy.applicability import Applicability
from sitspark.accuracy.applicability_figure import applicability_figure
from sitspark.accuracy.assessment import Assessment, metrics_json
from sitspark.accuracy.bootstrap import Interval
from sitspark.accuracy.canvas import DPI, UNKNOWN, in_few_colours
from sitspark.accuracy.fold_maps import FoldMapsView
from sitspark.accuracy.fold_scores import FoldScores
from sitspark.accuracy.places import Place
from sitspark.accuracy.quicklook import Quicklook
from sitspark.accuracy.search_figure import SearchView, search_figure, tried
from sitspark.accuracy.series_figure import SeriesView, series_figure
from sitspark.accuracy.trust import Confidence, Needs
from sitspark.classes import Nomenclature
from sitspark.maps.areas import MAP, REGION, GroundAreas, read_csv
from sitspark.maps.seams import Seam
from sitspark.scenes.calendar import Acquisition, Calendar
from sitspark.settings.redaction import redacted

_OF_PLACE = 500  # pixels of a place's side on the page
_LARGEST = 5_000_000  # bytes of the page, for mail; pictures of places that don't fit are named with their files
_MOST_CURVES = 12  # models whose curves are drawn; of the others the page has the epoch
MOST_PRODUCTS = 200  # that are listed as left out
_OF_TEXT = 1000  # bytes that a picture takes besides


@dataclass(frozen=True, slots=True)
class MapView:
    """A finished map, small enough to show, and the ground that each class covers on the whole of it and on its parts.

    `file` is the raster of its classes: as the classifier gave them, or regularised; `places` are parts of it by their names.
    """

    classification: Quicklook
    areas: tuple[GroundAreas, ...]
    confidence: Quicklook | None = None
    clear_dates: Quicklook | None = None
    file: str = "classification.tif"
    places: tuple[tuple[str, Quicklook], ...] = ()

    @staticmethod
    def read(folder: Path, *, file: str, areas: str, places: Sequence[Place] = ()) -> "MapView":
        """Read a map from its folder: classes, confidence in per cent (0-100), validity in clear dates, and areas.

        Raises SitsparkError where a file can't be read.
        """
        return MapView(
            quicklook.read_class_quicklook(folder / file),
            read_csv(folder / areas),
            quicklook.read_measure_quicklook(folder / "confidence.tif"),
            quicklook.read_measure_quicklook(folder / "validity.tif"),
            file,
            tuple(
                (p.name, quicklook.read_class_quicklook(folder / file, longest_side=_OF_PLACE, window=p.window)) for p in places
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """How a model was trained: history (the columns of `training_figure`), the epoch kept, and by which criterion.

    `remark` stands in place of curves where there is but one row; `doubt` is what speaks against the model.
    """

    model_id: str
    history: pd.DataFrame
    best_epoch: int
    criterion: str
    remark: str | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class SampleCount:
    """Polygons, and pixels sampled within them."""

    polygons: int
    pixels: int


@dataclass(frozen=True, slots=True)
class ClassSamples:
    """Samples of one class: that train the network, that choose its epoch, that are set aside for the assessment.

    `children` are samples made from those that train, `dropped` those of train and monitored that aren't learnt from.
    """

    code: int
    train: SampleCount
    monitored: SampleCount
    set_aside: SampleCount
    children: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class DoubtfulPolygon:
    """A polygon whose label may be wrong: means of the scores of its samples, the class that most are nearest to, a place.

    `lon` and `lat` are None where places are unknown.
    """

    polygon_id: int
    label: int
    split: str
    samples: int
    score: float
    outlierness: float
    suggested: int
    lon: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class ProductLeftOut:
    """A product that was found but not used, and why."""

    scene_id: str
    tile: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProductsLeftOut:
    """The first of the products that were left out, and how many there are `in_all`."""

    first: tuple[ProductLeftOut, ...] = ()
    in_all: int = 0


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why polygons were rejected, and how many."""

    reason: str
    polygons: int


@dataclass(frozen=True, slots=True)
class StageTime:
    """A stage of the run and its wall time in seconds; None for a stage whose earlier result was used again.

    `peak_mb` is the most memory that was seen of all processes on the driver's machine; None: not known.
    """

    name: str
    seconds: float | None
    peak_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page says; what a run didn't do is None or empty, and its section is left out.

    `run` says what was run in words (imagery, period, network, ...); `settings`, `versions` and
    `not_carried_over` (keys of a file of iota2, with reasons) are those of run.json; `seam` is
    that of the map as it was drawn, `final_seam` that of a regularised one; `split` is the PNG of `split_figure`, `series` what
    `series_figure` draws.
    """

    title: str
    created: datetime
    run: Mapping[str, str]
    nomenclature: Nomenclature
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    not_carried_over: Mapping[str, str] = field(default_factory=dict)
    assessment: Assessment | None = None
    test: Assessment | None = None
    groups: tuple[GroupAccuracy, ...] = ()
    map: MapView | None = None
    seam: Seam | None = None
    final_seam: Seam | None = None
    trainings: tuple[Training, ...] = ()
    search: SearchView | None = None
    confidence: Confidence | None = None
    needs: Needs | None = None
    applicability: Applicability | None = None
    samples: tuple[ClassSamples, ...] = ()
    split: bytes | None = None
    series: SeriesView | None = None
    doubtful: tuple[DoubtfulPolygon, ...] = ()
    folds: tuple[FoldScores, ...] = ()
    fold_maps: FoldMapsView | None = None
    calendar: Calendar | None = None
    products_left_out: ProductsLeftOut = ProductsLeftOut()
    rejected: tuple[Rejection, ...] = ()
    stages: tuple[StageTime, ...] = ()


def render(report: Report) -> str:
    """The page as HTML; its numbers are those of metrics_json, its images are inside."""
    environment = Environment(
        loader=PackageLoader("sitspark", "accuracy"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(score=_score, count=_count, hectares=_hectares, share=_share, duration=_duration)
    environment.filters.update(tried=tried, points=_points)
    environment.globals.update(group_in_words=in_words, picture=_picture, counted=_count, in_hectares=_hectares)
    metrics = metrics_json(
        report.nomenclature, assessment=report.assessment, folds=report.folds, test=report.test, groups=report.groups
    )
    shown = {
        "report": report,
        "assessment": metrics["assessment"],
        "test": metrics["test"],
        "cross_validation": metrics["cross_validation"],
        "groups": kinds_of(report.groups),
        "areas": _areas(report),
        "parts": _parts(report),
        "tiles": _tiles(report.calendar.acquisitions) if report.calendar else [],
        "settings": json.dumps(redacted(report.settings), indent=2, ensure_ascii=False, default=str),
        "figures": _figures(report),
    }
    template, close = environment.get_template("report.html.j2"), _close_pictures(report)
    page = template.render(shown, close={})
    if not close:
        return page
    return template.render(shown, close=_that_fit(close, _LARGEST - len(page.encode())))


def _close_pictures(report: Report) -> dict[tuple[str, str], bytes]:
    """The pictures of places, by what they show and the place: of the map, and of the maps of folds."""
    of_map = {
        ("map", name): _picture_of_place(part, report.nomenclature) for name, part in (report.map.places if report.map else ())
    }
    return of_map | {("folds", place.name): place.animation for place in (report.fold_maps.places if report.fold_maps else ())}


def _that_fit(pictures: Mapping[tuple[str, str], bytes], room: float) -> dict[tuple[str, str], bytes]:
    """The first pictures for which there is room, in bytes of a page, which holds them in base 64."""
    found: dict[tuple[str, str], bytes] = {}
    for key, picture in pictures.items():
        taken = len(picture) * 4 / 3 + _OF_TEXT
        if taken <= room:
            found[key] = picture
            room -= taken
    return found


def _figures(report: Report) -> dict[str, Any]:
    """The PNGs of the page, of few colours; None for what the run doesn't have."""
    drawn = _drawn(report)
    few = {name: in_few_colours(image) for name, image in drawn.items() if isinstance(image, bytes)}
    return drawn | few | {"trainings": [image and in_few_colours(image) for image in drawn["trainings"]]}


def _drawn(report: Report) -> dict[str, Any]:
    names = report.nomenclature
    matrix = None if report.assessment is None else report.assessment.matrix
    view = report.map
    return {
        "map": view and quicklook.classification_picture(view.classification, names),
        "confidence": view and view.confidence and quicklook.confidence_figure(view.confidence),
        "clear_dates": view and view.clear_dates and quicklook.clear_dates_figure(view.clear_dates),
        "confusion": matrix and figures.confusion_matrix_figure(matrix, names),
        "scores": matrix and figures.class_scores_figure(matrix, names, intervals=_f_intervals(report.assessment)),
        "groups": accuracy_by_figure(report.groups, matrix.overall_accuracy) if matrix and kinds_of(report.groups) else None,
        "trainings": [
            None if t.remark else figures.training_figure(t.history, t.best_epoch) for t in report.trainings[:_MOST_CURVES]
        ],
        "search": report.search and search_figure(report.search),
        "reliability": report.confidence
        and trust_figures.reliability_figure(report.confidence.plain, report.confidence.calibrated),
        "importance": report.needs and trust_figures.importance_figure(report.needs.found),
        "applicability": report.applicability and applicability_figure(report.applicability),
        "folds": figures.cross_validation_figure(report.folds) if report.folds else None,
        "split": report.split,
        "series": report.series and series_figure(report.series, names),
        "calendar": figures.calendar_figure(report.calendar.acquisitions) if report.calendar else None,
    }


def _picture_of_place(part: Quicklook, names: Nomenclature) -> bytes:
    return in_few_colours(quicklook.classification_picture(part, names, longest_side=_OF_PLACE))


def _f_intervals(assessment: Assessment | None) -> tuple[Interval | None, ...]:
    return assessment.evidence.by_polygon.f_score if assessment and assessment.evidence else ()


def _areas(report: Report) -> list[dict[str, Any]]:
    """The legend: classes that occur on the map, in the order of the nomenclature, with their share of it."""
    if report.map is None:
        return []
    colours = {c.code: c.hex_colour for c in report.nomenclature}
    return [
        {
            "name": report.nomenclature.name_of(area.code),
            "colour": colours.get(area.code, UNKNOWN),
            "hectares": area.hectares,
            "share": area.share,
        }
        for ground in report.map.areas
        if ground.kind == MAP
        for area in ground.classes
    ]


def _parts(report: Report) -> dict[str, list[dict[str, Any]]]:
    """By kind, tile or region, where there are several: the hectares of each class of the legend; None: it has none there."""
    if report.map is None:
        return {}
    codes = [area.code for ground in report.map.areas if ground.kind == MAP for area in ground.classes]
    found: dict[str, list[dict[str, Any]]] = {}
    for ground in report.map.areas:
        if ground.kind != MAP:
            hectares = {area.code: area.hectares for area in ground.classes}
            found.setdefault(ground.kind, []).append({"name": ground.name, "hectares": [hectares.get(code) for code in codes]})
    return {kind: grounds for kind, grounds in found.items() if len(grounds) > 1 or kind == REGION}


def _tiles(acquisitions: Sequence[Acquisition]) -> list[dict[str, Any]]:
    by_tile: dict[str, list[Acquisition]] = {}
    for acquisition in acquisitions:
        by_tile.setdefault(acquisition.tile, []).append(acquisition)
    return [
        {
            "tile": tile,
            "scenes": len(scenes),
            "first": min(scene.acquired for scene in scenes),
            "last": max(scene.acquired for scene in scenes),
        }
        for tile, scenes in sorted(by_tile.items())
    ]


def _picture(image: bytes, alternative: str) -> Markup:
    """An <img> of a PNG or a GIF, its natural size that of the figure in inches."""
    kind = "gif" if image.startswith(b"GIF8") else "png"
    # width and height in the header
    pixels = struct.unpack("<HH", image[6:10]) if kind == "gif" else struct.unpack(">II", image[16:24])
    width, height = (round(side * 96 / DPI) for side in pixels)
    data = base64.b64encode(image).decode("ascii")
    source = f"data:image/{kind};base64,{data}"
    return Markup(f'<img src="{source}" alt="{escape(alternative)}" width="{width}" height="{height}">')


def _score(value: float | None) -> Markup:
    if value is None:
        return Markup('<span class="undefined" title="undefined">–</span>')
    return escape(f"{value:.3f}".replace("-", "−"))


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")


def _hectares(value: float | None) -> str:
    if value is None:
        return "–"
    return _count(round(value)) if value >= 10 or value == 0 else f"{value:.2f}"


def _share(value: float) -> str:
    return "< 0.1\u202f%" if value < 0.0005 else f"{100 * value:.1f}\u202f%"


def _points(value: float) -> str:
    """A share or a difference of shares, in points of per cent."""
    return f"{100 * value:.1f}".replace("-", "−")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
