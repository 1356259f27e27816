"""A chart of how far samples and the map are from the training samples; as the bytes of a PNG."""

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import PercentFormatter

from sitspark.accuracy.applicability import Applicability, Kind
from sitspark.accuracy.canvas import BLUE, GREEN, INK, MUTED, ORANGE, RULE, inset_axes, literal, new_figure, png

_INKS: Mapping[Kind, str] = {"training_left_out": MUTED, "set_aside": BLUE, "set_aside_left_out": ORANGE, "map": GREEN}
_BEYOND = 1.5  # times what is drawn in the middle: a few far samples would press all others together


def applicability_figure(found: Applicability) -> bytes:
    """The share of samples, and of the map, that is nearer than each dissimilarity index; upright, the threshold."""
    figure = new_figure(8, 4)
    axes = inset_axes(figure, 7, 3)
    names: dict[Kind, str] = {
        "training_left_out": f"training samples, to other {found.fold}s",
        "set_aside": "samples set aside",
        "set_aside_left_out": f"samples set aside, their {found.fold} left out",
        "map": "map",
    }
    for one in found.distances:
        shares = np.linspace(0, 1, len(one.percentiles))
        axes.plot(one.percentiles, shares, color=_INKS[one.of], linewidth=1.6, label=names[one.of])
    axes.axvline(found.threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)), label="threshold")
    axes.set_xlim(0, _BEYOND * max(found.threshold, *(one.percentiles[-6] for one in found.distances)))
    axes.set_ylim(0, 1.01)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes.set_xlabel(
        "Dissimilarity index: distance to the nearest training sample (1: their mean distance)", fontsize=8.5, color=INK
    )
    axes.set_ylabel("Share that is nearer", fontsize=8.5, color=INK)
    axes.grid(color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    literal(axes.legend(loc="lower right", frameon=False, fontsize=8).get_texts())
    return png(figure)
