"""The chart of where a map is right: a panel for each thing that pixels have in common; as the bytes of a PNG."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sitspark.accuracy.accuracy_by import CLEAR_DATES, DISTANCE, REGION, TILE, GroupAccuracy, kinds_of
from sitspark.accuracy.canvas import BLUE, INK, MUTED, ORANGE, RULE, inset_axes, literal, new_figure, png, shortened

_TITLES = {
    CLEAR_DATES: "Clear dates of the pixel",
    DISTANCE: "Kilometres to the nearest polygon that trains",
    TILE: "Tile",
    REGION: "Region",
}
_MOST_ROWS = 25  # of a panel; of more tiles or regions those where the map is worst
_ROW, _ABOVE = 0.25, 0.52  # inches


def accuracy_by_figure(groups: Sequence[GroupAccuracy], overall: float | None) -> bytes:
    """The share of right pixels of each group as a point, with its 95 % interval; a dashed line is that of all pixels.

    A hollow point has no interval. Kinds of one group are left out; there is one of several.
    """
    panels = {kind: _shown(of) for kind, of in kinds_of(groups).items()}
    shown = [group for panel in panels.values() for group in panel]
    ends = [end for group in shown for end in ([group.accuracy] if group.interval is None else [group.interval.low])]
    lowest = min([*ends, 0.9 if overall is None else overall])
    height = sum(_ROW * len(panel) + _ABOVE for panel in panels.values())
    figure = new_figure(8, height + 0.6)
    for number, (kind, panel) in enumerate(panels.items()):
        height -= _ROW * len(panel) + _ABOVE
        axes = inset_axes(figure, 5.2, _ROW * len(panel), bottom=height)
        _panel(axes, panel, overall)
        axes.set_title(_TITLES[kind], loc="left", fontsize=9, color=INK, pad=5)
        axes.set_xlim(max(np.floor(lowest * 10 - 0.2) / 10, -0.02), 1.01)
        if number == len(panels) - 1:
            axes.set_xlabel("Share of pixels that is right", fontsize=8.5, color=INK)
        else:
            axes.tick_params(labelbottom=False)
    return png(figure)


def _shown(groups: Sequence[GroupAccuracy]) -> list[GroupAccuracy]:
    if len(groups) <= _MOST_ROWS:
        return list(groups)
    return sorted(groups, key=lambda group: (group.accuracy, group.label))[:_MOST_ROWS]


def _panel(axes: Axes, groups: Sequence[GroupAccuracy], overall: float | None) -> None:
    for row, group in enumerate(groups):
        if group.interval is not None:
            axes.plot((group.interval.low, group.interval.high), (row, row), color=BLUE, linewidth=1.2, zorder=2)
        face = "white" if group.interval is None else BLUE
        axes.scatter(group.accuracy, row, s=30, facecolors=face, edgecolors=BLUE, linewidths=1.2, zorder=3)
        polygons = f"{group.polygons:,} polygon{'s' if group.polygons != 1 else ''}"
        axes.text(1.02, row, polygons, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=MUTED)
    if overall is not None:
        axes.axvline(overall, color=ORANGE, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.set_yticks(range(len(groups)), [shortened(group.label) for group in groups])
    literal(axes.get_yticklabels())
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f} %"))
    axes.grid(axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
