"""What all figures share: inks, a figure without pyplot's global state, PNG bytes."""

import io
from collections.abc import Iterable, Sequence

import matplotlib.dates as mdates
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

INK = "#1f2933"
MUTED = "#5b6773"
RULE = "#dfe4e8"
BLUE = "#2f6690"
ORANGE = "#c2622d"
GREEN = "#4b8457"
UNKNOWN = "#b9c0c7"

DPI = 150


def new_figure(width: float, height: float) -> Figure:
    """A white figure of that size in inches, drawn by Agg."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def inset_axes(figure: Figure, width: float, height: float, *, left: float = 0.0, bottom: float = 0.0) -> Axes:
    """Axes of exactly that size, in inches from the figure's lower-left corner; what sticks out isn't cut off."""
    across, up = figure.get_size_inches()
    axes = figure.add_axes((left / across, bottom / up, width / across, height / up))
    axes.tick_params(length=0, labelsize=8, labelcolor=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def literal(texts: Iterable[Text]) -> None:
    """Show names as they are: a dollar sign starts no formula."""
    for text in texts:
        text.set_parse_math(False)


def pale(colour: str) -> tuple[float, float, float]:
    """A colour halfway to white, on which dark lines stand out."""
    red, green, blue = ((1 + part) / 2 for part in to_rgb(colour))
    return red, green, blue


class _Calendar(mdates.ConciseDateFormatter):
    """Days or months, with the year below the first label and below each January."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        labels: list[str] = super().format_ticks(values)  # type: ignore[no-untyped-call]
        if labels and "\n" not in labels[0] and not labels[0].isdigit():
            labels[0] += f"\n{mdates.num2date(values[0]).year}"
        return labels


def calendar_axis(axes: Axes, *, labels: int = 13) -> None:
    """Let x be time, in matplotlib's days, with so many labels at most; each stands where its month or day begins."""
    locator = mdates.AutoDateLocator(minticks=2, maxticks=labels)
    axes.xaxis.set_major_locator(locator)
    month, day, hour = "%b", "%d %b", "%H:%M"
    axes.xaxis.set_major_formatter(
        _Calendar(  # type: ignore[no-untyped-call]
            locator,
            formats=["%Y", month, day, hour, hour, hour],
            zero_formats=["", f"{month}\n%Y", day, day, hour, hour],
            show_offset=False,
        )
    )
    axes.tick_params(axis="x", length=3, color=UNKNOWN)
    axes.margins(x=0.02)


def shortened(name: str, length: int = 32) -> str:
    """The name, cut with an ellipsis to at most `length` characters."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def in_few_colours(image: bytes) -> bytes:
    """A PNG on white in a palette of 256 colours: a third of the bytes, and to the eye the same chart or map of classes."""
    with Image.open(io.BytesIO(image)) as source:
        opaque = Image.new("RGBA", source.size, "white")
        opaque.alpha_composite(source.convert("RGBA"))
    buffer = io.BytesIO()
    opaque.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes with a narrow white margin around all that is drawn."""
    buffer = io.BytesIO()
    # no software tag: the same numbers give the same bytes
    figure.savefig(buffer, format="png", bbox_inches="tight", pad_inches=0.12, metadata={"Software": None})
    return buffer.getvalue()
