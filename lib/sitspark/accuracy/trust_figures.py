"""Charts of how far a model can be trusted: confidence against accuracy, and what it needs; as the bytes of PNGs."""

from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sitspark.accuracy.canvas import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    RULE,
    UNKNOWN,
    calendar_axis,
    inset_axes,
    literal,
    new_figure,
    pale,
    png,
    shortened,
)
from sitspark.accuracy.importance import Importance
from sitspark.accuracy.reliability import BINS, Reliability, ReliabilityBin

_NORMAL_95 = 1.96
_MOST_BARS = 30
_FEW = 5  # polygons: their spread says nothing, and the bin little
_DEVIATION = {"ecolor": INK, "elinewidth": 1.2, "capsize": 2.0}
_BY_SENSOR = (BLUE, ORANGE, GREEN, MUTED)


def reliability_figure(plain: Reliability, calibrated: Reliability | None) -> bytes:
    """Accuracy against confidence, with 95 % intervals where deviations are known; below, how many samples are how sure.

    Bins of fewer than five polygons are hollow and have no interval. Without `calibrated` the plain diagram is the model's
    own; with it, the plain one is shown for comparison.
    """
    figure = new_figure(6, 6)
    axes, below = inset_axes(figure, 3.8, 3.8, bottom=1.1), inset_axes(figure, 3.8, 0.7)
    axes.plot([0, 1], [0, 1], color=UNKNOWN, linewidth=1.2, zorder=1, label="right as often as sure")
    if calibrated is not None:
        axes.plot(
            *_points(_telling(plain)),
            color=ORANGE,
            linewidth=1.1,
            linestyle=(0, (4, 3)),
            marker="o",
            markersize=3,
            label="before calibration",
            zorder=2,
        )
    own = calibrated or plain
    telling = _telling(own)
    few = [of for of in own.filled if of not in telling]
    axes.scatter(*_points(few), s=22, facecolors="white", edgecolors=BLUE, linewidths=1.2, zorder=2)
    confidence, accuracy = _points(telling)
    spread = np.array([_NORMAL_95 * (of.deviation or 0.0) for of in telling])
    # an interval ends where shares do
    reach = np.array([np.minimum(spread, accuracy), np.minimum(spread, 1 - accuracy)])
    axes.errorbar(
        confidence,
        accuracy,
        yerr=reach,
        color=BLUE,
        linewidth=1.6,
        elinewidth=1,
        marker="o",
        markersize=5,
        zorder=3,
        label="model",
    )
    axes.set_ylabel("Share that is right", fontsize=8.5, color=INK)
    axes.tick_params(labelbottom=False)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(FuncFormatter(_per_cent))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8, borderaxespad=0.2)
    edges = np.arange(BINS) / BINS
    below.bar(edges, [of.samples / max(own.samples, 1) for of in own.bins], width=0.92 / BINS, align="edge", color="#c9d6e2")
    below.set_xlabel("Confidence", fontsize=8.5, color=INK)
    below.set_ylabel("Samples", fontsize=8.5, color=INK)
    below.xaxis.set_major_formatter(FuncFormatter(_per_cent))
    below.yaxis.set_major_formatter(FuncFormatter(_per_cent))
    below.yaxis.set_major_locator(MaxNLocator(2))
    for panel in (axes, below):
        panel.set_xlim(-0.02, 1.02)
        panel.grid(color=RULE, linewidth=0.8)
        panel.set_axisbelow(True)
    return png(figure)


def importance_figure(found: Sequence[Importance]) -> bytes:
    """Accuracy lost without each date, along the calendar, and without each other group, the largest losses first."""
    dates = [one for one in found if one.group.kind == "date"]
    others = sorted((one for one in found if one.group.kind != "date"), key=lambda one: -one.loss)[:_MOST_BARS]
    height = 0.24 * len(others)
    calendar_height = 2.0 if dates else 0.0
    gap = 0.75 if dates and others else 0.0
    figure = new_figure(9, height + gap + calendar_height + 1)
    if dates:
        _calendar(inset_axes(figure, 7.6, calendar_height, bottom=height + gap), dates)
    if others:
        _bars(inset_axes(figure, 5.6, height, left=0.6), others)
    return png(figure)


def _telling(of: Reliability) -> list[ReliabilityBin]:
    """The bins of enough polygons, or of an unknown number."""
    return [one for one in of.filled if one.polygons is None or one.polygons >= _FEW]


def _points(bins: Sequence[ReliabilityBin]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean confidence and accuracy of bins that have samples."""
    confidence, accuracy = ([getattr(one, name) for one in bins] for name in ("confidence", "accuracy"))
    return np.array(confidence, float), np.array(accuracy, float)


def _calendar(axes: Axes, dates: Sequence[Importance]) -> None:
    sensors = list(dict.fromkeys(one.group.sensor for one in dates))
    days = {one.group.name: mdates.date2num(one.group.day) for one in dates}
    apart = np.diff(sorted(set(days.values())))
    width = 0.8 * (float(np.median(apart)) if len(apart) else 10.0) / len(sensors)
    for place, sensor in enumerate(sensors):
        own = [one for one in dates if one.group.sensor == sensor]
        axes.bar(
            [days[one.group.name] + (place - (len(sensors) - 1) / 2) * width for one in own],
            [100 * one.loss for one in own],
            yerr=[100 * (one.deviation or 0.0) for one in own],
            width=width,
            color=pale(_BY_SENSOR[place % len(_BY_SENSOR)]),
            error_kw=_DEVIATION,
            label=sensor,
        )
    calendar_axis(axes)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_ylabel("Accuracy lost (points)", fontsize=8.5, color=INK)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    if len(sensors) > 1:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=8, borderaxespad=0.2)


def _bars(axes: Axes, others: Sequence[Importance]) -> None:
    rows = np.arange(len(others))
    axes.barh(
        rows,
        [100 * one.loss for one in others],
        xerr=[100 * (one.deviation or 0.0) for one in others],
        height=0.66,
        color=[pale(BLUE if one.group.kind == "band" else GREEN) for one in others],
        error_kw=_DEVIATION,
    )
    axes.set_yticks(rows, [shortened(one.group.name) for one in others])
    literal(axes.get_yticklabels())
    axes.set_ylim(len(others) - 0.4, -0.6)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel("Accuracy lost (points)", fontsize=8.5, color=INK)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def _per_cent(share: float, _position: int) -> str:
    return f"{100 * share:.0f} %"
