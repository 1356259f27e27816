"""The maps of several folds at one place, one after the other: an animated GIF."""

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Patch
from PIL import Image

from sitspark.accuracy.canvas import INK, MUTED, UNKNOWN, inset_axes, literal, new_figure, png, shortened
from sitspark.classes import Nomenclature

_INCHES = 2.6  # of the map's longer side
_MILLISECONDS = 1200  # a frame
_CLASSES = 8  # in the legend: the most frequent ones


def animation(maps: Mapping[str, npt.NDArray[np.unsignedinteger]], nomenclature: Nomenclature) -> bytes:
    """GIF with a frame a map, under its name; maps are class codes of the same place (rows, columns), 0: not classified.

    The legend has the classes that are most frequent in all of them.
    """
    shown = _most_frequent(list(maps.values()), nomenclature)
    frames = [Image.open(io.BytesIO(_frame(name, codes, nomenclature, shown))).convert("RGB") for name, codes in maps.items()]
    # one palette, so that a class has one colour throughout
    palette = frames[0].quantize(colors=255, dither=Image.Dither.NONE)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=_MILLISECONDS, loop=0, optimize=False)
    return buffer.getvalue()


def _most_frequent(maps: list[npt.NDArray[np.unsignedinteger]], nomenclature: Nomenclature) -> tuple[int, ...]:
    counts = np.bincount(np.concatenate([codes.ravel() for codes in maps]), minlength=max(nomenclature.codes) + 1)
    known = [code for code in nomenclature.codes if counts[code]]
    return tuple(sorted(sorted(known, key=lambda code: -counts[code])[:_CLASSES]))


def _frame(name: str, codes: npt.NDArray[np.unsignedinteger], nomenclature: Nomenclature, shown: tuple[int, ...]) -> bytes:
    rows, cols = codes.shape
    picture = np.full((rows, cols, 3), 255, np.uint8)
    picture[codes != 0] = [int(UNKNOWN[i : i + 2], 16) for i in (1, 3, 5)]
    for one in nomenclature:
        picture[codes == one.code] = one.colour
    height, width = _INCHES * rows / max(rows, cols), _INCHES * cols / max(rows, cols)
    figure = new_figure(width + 2.0, height + 0.3)
    axes = inset_axes(figure, width, height)
    axes.imshow(picture, interpolation="nearest", aspect="auto")
    axes.set(xticks=[], yticks=[])
    literal([axes.set_title(shortened(name, 40), fontsize=9, color=INK, loc="left")])
    patches = [Patch(facecolor=c.hex_colour, edgecolor=MUTED, linewidth=0.4, label=shortened(c.name, 24))
               for c in nomenclature if c.code in shown]  # fmt: skip
    legend = axes.legend(handles=patches, loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, fontsize=7)
    literal(legend.get_texts())
    return png(figure)
