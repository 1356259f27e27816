"""Where the labelled polygons of each set and each fold lie, and how many they are; as the bytes of a PNG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from shapely.geometry.base import BaseGeometry

from sitspark.accuracy.canvas import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    RULE,
    UNKNOWN,
    inset_axes,
    literal,
    new_figure,
    png,
    shortened,
)
from sitspark.accuracy.quicklook import scale_bar
from sitspark.classes import Nomenclature

Bounds = tuple[float, float, float, float]

# sets in the order in which they are drawn and stacked, with name and ink
SETS: dict[str, tuple[str, str]] = {
    "train": ("training", BLUE),
    "monitored": ("monitored (chooses the epoch)", "#8cb4d2"),
    "validation": ("set aside", ORANGE),
    "test": ("test", GREEN),
    "buffer": ("too close, not used", UNKNOWN),
}
# none of them is the colour of a set
_FOLDS = ("#8d5a97", "#c9a227", "#4fa3a5", "#a23b4a", "#7a6a53", "#9bb14e", "#d087a5", "#3f4f8c", "#b5895b", "#5d8f6b")
_NAMED = 40  # folds whose names stand on the map
_POINTS = 72  # an inch
_WIDTH, _GAP = 4.1, 0.35  # of a panel and between two, inches


@dataclass(frozen=True, slots=True)
class Place:
    """A polygon on the map: its outline, a key of SETS, and its fold."""

    outline: BaseGeometry
    set: str
    fold: str | None


@dataclass(frozen=True, slots=True)
class Amount:
    """Polygons and hectares of a class in one set."""

    code: int
    set: str
    polygons: int
    hectares: float


@dataclass(frozen=True, slots=True)
class SplitView:
    """What the figure shows: some or all of `pieces` pieces of polygons (`places`), all amounts, the ground of each tile.

    Outlines and `tiles` (left, bottom, right, top) are in metres of one CRS; `compact`: whether folds are areas, on which
    their names can stand.
    """

    places: Sequence[Place]
    pieces: int
    amounts: Sequence[Amount]
    tiles: Mapping[str, Sequence[Bounds]]
    compact: bool


def split_figure(view: SplitView, nomenclature: Nomenclature) -> bytes:
    """Two maps of the polygons, by set and by fold; below them bars of polygons and of hectares, a row a class."""
    rows = len(nomenclature)
    bars = max(0.21 * rows, 0.42)
    across, up = _extent(view)
    map_height = float(np.clip(_WIDTH * (up[1] - up[0]) / (across[1] - across[0]), 1.4, 5.2))
    bottom = bars + 0.75
    figure = new_figure(2 * _WIDTH + _GAP + 1, bottom + map_height + 1)
    left, right = (inset_axes(figure, _WIDTH, map_height, left=place, bottom=bottom) for place in (0, _WIDTH + _GAP))
    sets = [name for name in SETS if any(amount.set == name for amount in view.amounts)]
    for axes in (left, right):
        _prepare_map(axes, view, map_height)
    dot = float(np.clip(2500 / max(len(view.places), 1), 2.0, 14))
    for name in sets:
        _draw(left, [p.outline for p in view.places if p.set == name], SETS[name][1], dot=dot)
    _draw_folds(right, view, dot=dot)
    _title(left, "by set", map_height)
    _title(right, "by fold", map_height)
    patches = [Patch(facecolor=SETS[name][1], label=SETS[name][0]) for name in sets]
    left.legend(handles=patches, loc="upper left", bbox_to_anchor=(0, -0.05 / map_height), ncols=len(sets), **_LEGEND)
    if len(view.places) < view.pieces:
        few = f"{len(view.places):,} of {view.pieces:,} polygons are drawn"
        end: dict[str, Any] = {"transform": right.transAxes, "ha": "right", "va": "top"}
        right.text(1, -0.07 / map_height, few, fontsize=7.5, color=MUTED, **end)
    for place, unit in ((0, "polygons"), (_WIDTH + _GAP, "hectares")):
        axes = inset_axes(figure, _WIDTH, bars, left=place)
        _draw_bars(axes, view, nomenclature, sets, unit=unit)
        if place == 0:
            axes.set_yticks(range(rows), [shortened(c.name, 26) for c in nomenclature])
            literal(axes.get_yticklabels())
    return png(figure)


_LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": 8,
    "borderaxespad": 0.0,
    "handlelength": 1.1,
    "handleheight": 1.0,
    "columnspacing": 1.4,
    "handletextpad": 0.5,
}


def _extent(view: SplitView) -> tuple[tuple[float, float], tuple[float, float]]:
    """(left, right), (bottom, top) around all tiles."""
    boxes = np.array([box for own in view.tiles.values() for box in own])
    (left, bottom), (right, top) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return (float(left), float(right)), (float(bottom), float(top))


def _prepare_map(axes: Axes, view: SplitView, height: float) -> None:
    """A map without polygons: the tiles as pale ground, north and scale."""
    across, up = _extent(view)
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    for own in view.tiles.values():
        for left, bottom, right, top in own:
            ground: dict[str, Any] = {"facecolor": "#f7f8f9", "edgecolor": "#c9d0d6", "linewidth": 0.8, "zorder": 0}
            axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, clip_on=False, **ground))
    axes.apply_aspect()
    shown = axes.get_xlim()
    scale_bar(axes, shown[1] - shown[0], _WIDTH, height)


def _title(axes: Axes, what: str, height: float) -> None:
    axes.text(
        0.5, 1 + 0.11 / height, f"Polygons {what}", transform=axes.transAxes, ha="center", va="center", fontsize=9, color=INK
    )


def _draw(axes: Axes, outlines: Sequence[BaseGeometry], colour: str, *, dot: float) -> None:
    """Polygons; a dot (of `dot` square points) stands for what is smaller than it."""
    if not outlines:
        return
    left, right = axes.get_xlim()
    least = math.sqrt(dot) / _POINTS * (right - left) / _WIDTH
    boxes = shapely.bounds(outlines)
    small = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) < least
    shapes = np.array(outlines, object)
    rings = [shapely.get_coordinates(part.exterior) for part in shapely.get_parts(shapes[~small])]
    axes.add_collection(PolyCollection(rings, facecolors=colour, edgecolors=colour, linewidths=0.4), autolim=False)
    x, y = shapely.get_coordinates(shapely.centroid(shapes[small])).T
    axes.scatter(x, y, s=dot, color=colour, linewidths=0)


def _draw_folds(axes: Axes, view: SplitView, *, dot: float) -> None:
    names = sorted({place.fold for place in view.places if place.fold is not None})
    inks = {name: _FOLDS[i % len(_FOLDS)] for i, name in enumerate(names)}
    alone = [p.outline for p in view.places if p.fold is None]
    _draw(axes, alone, UNKNOWN, dot=dot)
    named = view.compact and len(names) <= _NAMED
    for name in names:
        own = [p.outline for p in view.places if p.fold == name]
        _draw(axes, own, inks[name], dot=dot)
        if named:
            x, y = np.median(shapely.get_coordinates(shapely.centroid(own)), axis=0)
            label = axes.text(x, y, shortened(name, 18), ha="center", va="center", fontsize=8.5, color=INK, fontweight="bold")
            label.set_path_effects([patheffects.withStroke(linewidth=2.6, foreground="white")])
            literal([label])
    if alone or not named:
        _fold_legend(axes, {} if named else inks, alone=bool(alone))


def _fold_legend(axes: Axes, inks: Mapping[str, str], *, alone: bool) -> None:
    """Of at most as many folds as there are inks."""
    patches = [Patch(facecolor=ink, label=shortened(name, 14)) for name, ink in list(inks.items())[: len(_FOLDS)]]
    if len(inks) > len(_FOLDS):
        patches.append(Patch(facecolor="none", label=f"and {len(inks) - len(_FOLDS)} more"))
    if alone:
        patches.append(Patch(facecolor=UNKNOWN, label="never left out"))
    legend = axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1), **_LEGEND)
    literal(legend.get_texts())


def _draw_bars(axes: Axes, view: SplitView, nomenclature: Nomenclature, sets: Sequence[str], *, unit: str) -> None:
    rows = {code: row for row, code in enumerate(nomenclature.codes)}
    ends = np.zeros(len(rows))
    for name in sets:
        widths = np.zeros(len(rows))
        for amount in view.amounts:
            if amount.set == name and amount.code in rows:
                widths[rows[amount.code]] += getattr(amount, unit)
        axes.barh(list(rows.values()), widths, left=ends, height=0.66, color=SETS[name][1])
        ends += widths
    longest = max(float(ends.max(initial=0)), 1.0)
    measured = {amount.code for amount in view.amounts if amount.set == "validation" and amount.polygons}
    for code, row in rows.items():
        total = ends[row]
        text, ink = (_amount(total), MUTED) if total else ("none", MUTED)
        if total and code not in measured and unit == "polygons":
            text, ink = f"{text}, none set aside", ORANGE
        axes.text(total + 0.012 * longest, row, text, va="center", fontsize=7.2, color=ink)
    # room for the words behind the longest bar
    worded = unit == "polygons" and set(rows) - measured
    axes.set_xlim(0, longest * (1.5 if worded else 1.14))
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=unit == "polygons"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(unit.capitalize(), fontsize=8.5, color=INK)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}" if value >= 0.1 else "<0.1"
