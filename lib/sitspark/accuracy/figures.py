"""Charts of scores, training and acquisitions; every function returns the bytes of a PNG."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, Literal

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sitspark.accuracy.bootstrap import Interval
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
    png,
    shortened,
)
from sitspark.accuracy.cross_validation import Spread, spread
from sitspark.accuracy.fold_scores import Area, FoldScores, fold_names, run_means, runs_of
from sitspark.accuracy.matrix import ConfusionMatrix, Score
from sitspark.classes import Nomenclature
from sitspark.scenes.calendar import Acquisition

_BESIDE = 0.36  # of a row; between products of one tile and day


def confusion_matrix_figure(matrix: ConfusionMatrix, nomenclature: Nomenclature) -> bytes:
    """Heat map of the shares within each reference class (rows), in per cent, with the counted pixels below."""
    k = len(matrix.codes)
    cell = float(np.clip(4.2 / max(k, 1), 0.52, 1.1))
    side = max(k, 1) * cell
    figure = new_figure(side + 1, side + 1)
    axes = inset_axes(figure, side, side)
    totals = matrix.counts.sum(axis=1, keepdims=True)
    share = np.divide(matrix.counts, totals, out=np.full((k, k), np.nan), where=totals > 0)
    if k:
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_facecolor("#eef0f2")
    font = float(np.clip(cell * 13, 6.6, 10))
    for row, column in np.argwhere(matrix.counts > 0):
        ink = "white" if share[row, column] > 0.55 else INK
        text: dict[str, Any] = {"ha": "center", "color": ink}
        axes.text(column, row - 0.03, _per_cent(share[row, column]), va="bottom", fontsize=font, **text)
        axes.text(column, row + 0.07, _compact(int(matrix.counts[row, column])), va="top", fontsize=font * 0.82, **text)
    names = [shortened(nomenclature.name_of(code)) for code in matrix.codes]
    axes.set_xticks(range(k), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(k), names)
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color="white", linewidth=1.2)
    literal([*axes.get_xticklabels(), *axes.get_yticklabels()])
    axes.set_xlabel("Class in the map", fontsize=9.5, color=INK, labelpad=8)
    axes.set_ylabel("Class in the reference", fontsize=9.5, color=INK, labelpad=8)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 100), "Blues"),
        cax=inset_axes(figure, 0.11, min(side, 3.2), left=side + 0.18, bottom=side - min(side, 3.2)),
    )
    bar.outline.set_visible(False)
    bar.set_label("Share of the row (%)", fontsize=7.5, color=MUTED)
    bar.ax.tick_params(length=0, labelsize=7.5, labelcolor=MUTED)
    return png(figure)


def class_scores_figure(
    matrix: ConfusionMatrix, nomenclature: Nomenclature, *, intervals: Sequence[Interval | None] = ()
) -> bytes:
    """F of each class as a bar, with precision and recall as marks on it; nothing where a score is undefined.

    `intervals` of F, of each class, are lines on the bars.
    """
    k = len(matrix.codes)
    height = max(0.3 * k, 0.4)
    figure = new_figure(8, height + 1)
    axes = inset_axes(figure, 5.6, height)
    rows = np.arange(k)
    axes.barh(rows, _floats(matrix.f_score), height=0.6, color="#c9d6e2", label="F-score")
    for place, interval in enumerate(intervals):
        if interval is not None:
            axes.plot((interval.low, interval.high), (place, place), color=INK, linewidth=1, marker="|", markersize=5, zorder=2)
    axes.scatter(_floats(matrix.precision), rows, marker="o", s=24, color=BLUE, label="precision (user's)", zorder=3)
    axes.scatter(
        _floats(matrix.recall),
        rows,
        marker="D",
        s=40,
        facecolors="none",
        edgecolors=ORANGE,
        linewidths=1.4,
        label="recall (producer's)",
        zorder=4,
    )
    for row, f_score in zip(rows, matrix.f_score, strict=True):
        if f_score is None:
            axes.text(0.025, float(row), "no reference pixel", va="center", fontsize=7.5, color=MUTED)
    axes.set_yticks(rows, [shortened(nomenclature.name_of(code)) for code in matrix.codes])
    literal(axes.get_yticklabels())
    axes.set_ylim(k - 0.4, -0.6)
    _score_axis(axes)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8, borderaxespad=0.2)
    return png(figure)


def training_figure(history: pd.DataFrame, best_epoch: int) -> bytes:
    """Losses and metrics by epoch, the epoch that was kept marked; below, the learning rate where it changes.

    `history` has the columns epoch, train_loss, validation_loss, oa, kappa, fscore, learning_rate, a row an epoch; NaN or
    null leaves a gap.
    """
    rates = history["learning_rate"]
    below = 1.15 if rates.nunique() > 1 else 0.0
    figure = new_figure(9, 3 + below)
    losses = {"train_loss": ("training samples", BLUE), "validation_loss": ("monitored samples", ORANGE)}
    metrics = {"oa": ("OA", BLUE), "kappa": ("kappa", ORANGE), "fscore": ("mean F", GREEN)}
    left, right = (inset_axes(figure, 4, 2.4, left=place, bottom=below) for place in (0, 4.75))
    _curves(left, history, losses, best_epoch)
    _curves(right, history, metrics, best_epoch)
    left.set_ylabel("Cross-entropy loss", fontsize=8.5, color=INK)
    right.set_ylabel("Score on the monitored samples", fontsize=8.5, color=INK)
    if below:
        axes = inset_axes(figure, 4, 0.55)
        axes.step(history["epoch"], rates, where="mid", color=MUTED, linewidth=1.4)
        axes.set_yscale("log")
        axes.set_xlim(left.get_xlim())
        axes.axvline(best_epoch, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_ylabel("Learning rate", fontsize=8.5, color=INK)
        axes.minorticks_off()
        axes.grid(axis="y", color=RULE, linewidth=0.8)
    return png(figure)


def cross_validation_figure(folds: Sequence[FoldScores]) -> bytes:
    """OA and mean F of every fold in its own area and on what was left out, lines their intervals; below mean and deviation.

    Of several runs a fold has a point for each, without intervals, and the means of the runs are one more row, with the 95 %
    interval of their mean. Folds that each run deals anew have a row for each run.
    """
    names, several = list(dict.fromkeys(fold_names(folds))), len(runs_of(folds)) > 1
    below = ["means of the runs, 95 %"] if several else []
    rows = [*(f"without {name}" for name in names), *below, "mean ± sd"]
    height = 0.4 * len(rows) + 0.25
    figure = new_figure(9, height + 1)
    panels = (("Overall accuracy", "overall_accuracy"), ("Mean F-score", "mean_f_score"))
    for number, (title, score) in enumerate(panels):
        axes = inset_axes(figure, 3.9, height, left=4.15 * number)
        _points_of_folds(axes, folds, score)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlabel(title, fontsize=8.5, color=INK)
        if number == 0:
            axes.set_yticks(range(len(rows)), rows)
            literal(axes.get_yticklabels())
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=8, borderaxespad=0.2)
        else:
            axes.set_yticks([])
    return png(figure)


def calendar_figure(acquisitions: Sequence[Acquisition]) -> bytes:
    """Acquisitions of every tile (rows) along time, coloured by the share of clear pixels; grey where not known."""
    tiles = sorted({a.tile for a in acquisitions})
    height = max(0.34 * len(tiles), 0.34)
    figure = new_figure(9, height + 1)
    axes = inset_axes(figure, 7.6, height)
    days = mdates.date2num([a.acquired for a in acquisitions])
    # products of one day stand above each other
    by_day = Counter((a.tile, a.acquired) for a in acquisitions)
    placed: Counter[tuple[str, date]] = Counter()
    rows = []
    for a in acquisitions:
        day = a.tile, a.acquired
        rows.append(tiles.index(a.tile) + (placed[day] - (by_day[day] - 1) / 2) * _BESIDE)
        placed[day] += 1
    colours = [UNKNOWN if a.clear_share is None else colormaps["YlGnBu"](a.clear_share) for a in acquisitions]
    axes.scatter(days, rows, c=colours, marker="s", s=42, edgecolors="#8b97a3", linewidths=0.5)
    axes.set_yticks(range(len(tiles)), tiles)
    literal(axes.get_yticklabels())
    axes.set_ylim(len(tiles) - 0.4, -0.6)
    calendar_axis(axes)
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    if any(a.clear_share is not None for a in acquisitions):
        bar = figure.colorbar(
            ScalarMappable(Normalize(0, 100), "YlGnBu"),
            cax=inset_axes(figure, 1.6, 0.09, left=6.0, bottom=height + 0.08),
            orientation="horizontal",
            ticks=[0, 50, 100],
        )
        bar.outline.set_edgecolor(RULE)
        bar.ax.xaxis.set_ticks_position("top")
        bar.ax.tick_params(length=0, labelsize=7.5, labelcolor=MUTED, pad=1)
        bar.ax.set_ylabel("Clear pixels (%)", fontsize=8, color=MUTED, rotation=0, ha="right", va="center")
    return png(figure)


def _curves(axes: Axes, history: pd.DataFrame, columns: dict[str, tuple[str, str]], best_epoch: int) -> None:
    marker = "o" if len(history) < 15 else None
    for column, (label, colour) in columns.items():
        values = pd.to_numeric(history[column], errors="coerce")
        axes.plot(history["epoch"], values, color=colour, label=label, linewidth=1.6, marker=marker, markersize=3.5)
    axes.axvline(best_epoch, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    # the label stands on the side that has room
    early = best_epoch < history["epoch"].mean()
    axes.annotate(
        f"kept: epoch {best_epoch}",
        (best_epoch, 0.04),
        xycoords=("data", "axes fraction"),
        xytext=(4 if early else -4, 0),
        textcoords="offset points",
        ha="left" if early else "right",
        fontsize=7.5,
        color=MUTED,
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("Epoch", fontsize=8.5, color=INK)
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.margins(y=0.12)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=8, borderaxespad=0.2)


def _points_of_folds(axes: Axes, folds: Sequence[FoldScores], score: str) -> None:
    """A score of each fold in the same area and left out, a row a fold; below the means of runs, and of all."""
    of_folds, several = fold_names(folds), len(runs_of(folds)) > 1
    names = list(dict.fromkeys(of_folds))
    full: dict[str, Any] = {"s": 30, "color": BLUE}
    hollow: dict[str, Any] = {"s": 44, "facecolors": "white", "edgecolors": ORANGE, "linewidths": 1.6}
    sets: tuple[tuple[Area, str, float, dict[str, Any]], ...] = (
        ("same_area", BLUE, -0.15, full),
        ("left_out", ORANGE, 0.15, hollow),
    )
    for area, colour, shift, marker in sets:
        scores = [getattr(getattr(fold, area), score) for fold in folds]
        rows = np.array([names.index(name) for name in of_folds]) + shift
        for row, fold in zip(rows, folds, strict=True):
            intervals = getattr(fold, f"{area}_intervals")
            interval: Interval | None = getattr(intervals, score) if intervals and not several else None
            if interval is not None:
                axes.plot((interval.low, interval.high), (row, row), color=colour, linewidth=1.3, zorder=2)
        axes.scatter(_floats(scores), rows, label=area.replace("_", " "), zorder=3, **marker)
        if several:
            means, row = run_means(folds, area, score), len(names) + shift
            axes.scatter(_floats(means), [row] * len(means), zorder=3, **marker | {"s": 14})
            _mean_and(axes, spread(means), "half_width", row, colour)
        _mean_and(axes, spread(scores), "deviation", len(names) + several + shift, colour)
    axes.axhline(len(names) - 0.5, color=RULE, linewidth=0.8)
    _score_axis(axes)


def _mean_and(axes: Axes, summary: Spread | None, what: Literal["deviation", "half_width"], row: float, colour: str) -> None:
    if summary is not None:
        axes.errorbar(summary.mean, row, xerr=getattr(summary, what), fmt="|", color=colour, markersize=8, capsize=0)


def _score_axis(axes: Axes) -> None:
    axes.set_xlim(-0.015, 1.015)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f}"))
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def _floats(scores: Sequence[Score]) -> list[float]:
    return [float("nan") if score is None else score for score in scores]


def _per_cent(share: float) -> str:
    return "<1" if share < 0.005 else f"{100 * share:.0f}"


def _compact(count: int) -> str:
    """Four characters at most up to a billion, as 950, 9.5k, 950k, 9.5M."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            scaled = count / unit
            return f"{scaled:.1f}{name}" if scaled < 9.95 else f"{scaled:.0f}{name}"
    return str(count)
