"""How a quantity of each class goes through the period, a small panel a class; as the bytes of a PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import matplotlib.dates as mdates
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sitspark.accuracy.canvas import INK, MUTED, RULE, calendar_axis, inset_axes, literal, new_figure, png, shortened
from sitspark.classes import Nomenclature

_COLUMNS = 4
_WIDTH, _HEIGHT = 2.0, 1.05  # of a panel, inches
_ACROSS, _UP = 0.3, 0.42  # between two


@dataclass(frozen=True, slots=True)
class ClassSeries:
    """Samples of a class, and of these on each date the mean and the values that a tenth and nine tenths lie below."""

    code: int
    samples: int
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SeriesView:
    """What the figure shows: the name of the quantity, as NDVI, its dates, and the classes that have samples."""

    quantity: str
    dates: Sequence[date]
    classes: Sequence[ClassSeries]


def series_figure(view: SeriesView, nomenclature: Nomenclature) -> bytes:
    """Mean (line) and middle 80 % (band, in the colour of the class) along time, all panels on the same axes."""
    rows = -(-len(view.classes) // _COLUMNS)
    figure = new_figure(_COLUMNS * (_WIDTH + _ACROSS) + 1, rows * (_HEIGHT + _UP) + 1)
    colours = {known.code: known.hex_colour for known in nomenclature}
    days = mdates.date2num(view.dates)
    lowest, highest = min(min(of.low) for of in view.classes), max(max(of.high) for of in view.classes)
    margin = 0.06 * (highest - lowest) or 0.5
    for number, of in enumerate(view.classes):
        row, column = divmod(number, _COLUMNS)
        left, bottom = column * (_WIDTH + _ACROSS), (rows - 1 - row) * (_HEIGHT + _UP)
        axes = inset_axes(figure, _WIDTH, _HEIGHT, left=left, bottom=bottom)
        axes.fill_between(days, of.low, of.high, facecolor=colours[of.code], edgecolor=MUTED, linewidth=0.5)
        marker = "o" if len(days) < 3 else None
        axes.plot(days, of.mean, color="white", linewidth=2.6)
        axes.plot(days, of.mean, color=INK, linewidth=1.3, marker=marker, markersize=3.5)
        axes.set_ylim(lowest - margin, highest + margin)
        _dress(axes, nomenclature.name_of(of.code), of.samples)
        axes.tick_params(labelleft=column == 0, labelbottom=number + _COLUMNS >= len(view.classes))
        if column == 0:
            literal([axes.set_ylabel(view.quantity, fontsize=7.5, color=MUTED)])
    return png(figure)


def _dress(axes: Axes, name: str, samples: int) -> None:
    calendar_axis(axes, labels=5)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelsize=7)
    axes.grid(color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    title = axes.set_title(shortened(name, 26), loc="left", fontsize=8, color=INK, pad=3)
    axes.set_title(f"{samples:,}", loc="right", fontsize=6.5, color=MUTED, pad=3)
    literal([title])
