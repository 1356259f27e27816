"""Small pictures of large maps: read through the overviews, drawn with coordinates and a scale bar."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError

from sitspark.accuracy.canvas import DPI, INK, MUTED, UNKNOWN, inset_axes, literal, new_figure, png, shortened
from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Window
from sitspark.maps.mosaic import raster_window

_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True, eq=False)
class Quicklook:
    """A decimated raster: values and validity (rows, columns), bounds (left, bottom, right, top) in units of the CRS.

    `unit_metres` is the length of such a unit; None for a geographic CRS, whose unit is the degree.
    """

    values: npt.NDArray[np.generic]
    valid: npt.NDArray[np.bool_]
    bounds: tuple[float, float, float, float]
    crs_name: str
    unit_metres: float | None


def read_class_quicklook(path: Path, *, longest_side: int = 1000, window: Window | None = None) -> Quicklook:
    """Read a classification, or a window of it, every pixel with the code of one of its pixels; 0 and nodata are invalid.

    Raises SitsparkError where the file can't be read.
    """
    return _read(path, longest_side, Resampling.nearest, window)


def read_measure_quicklook(path: Path, *, longest_side: int = 560) -> Quicklook:
    """Read a map of a quantity, averaged; nodata is invalid. Raises SitsparkError where the file can't be read."""
    return _read(path, longest_side, Resampling.average)


def classification_figure(quicklook: Quicklook, nomenclature: Nomenclature) -> bytes:
    """PNG of a classification in the colours of the nomenclature, with a legend of the classes that occur."""
    figure, axes = _draw_classes(quicklook, nomenclature)
    present = set(np.unique(quicklook.values[quicklook.valid]).tolist())
    patches = [Patch(facecolor=c.hex_colour, label=shortened(c.name)) for c in nomenclature if c.code in present]
    if present - set(nomenclature.codes):
        patches.append(Patch(facecolor=UNKNOWN, label="not in the nomenclature"))
    for patch in patches:
        patch.set(edgecolor="#8b97a3", linewidth=0.5)
    legend = axes.legend(
        handles=patches,
        loc="upper left",
        bbox_to_anchor=(1.02, 1),
        frameon=False,
        fontsize=8,
        handlelength=1.4,
        handleheight=1.1,
        borderaxespad=0.0,
    )
    literal(legend.get_texts())
    return png(figure)


def classification_picture(quicklook: Quicklook, nomenclature: Nomenclature, *, longest_side: int = 1000) -> bytes:
    """The same PNG without legend, for a page that has its own; small maps are enlarged up to about the longest side."""
    figure, _ = _draw_classes(quicklook, nomenclature, longest_side=longest_side)
    return png(figure)


def confidence_figure(quicklook: Quicklook) -> bytes:
    """PNG of the share of the winning class (0-100 per cent), with a colour bar; 0 counts as not classified."""
    classified = quicklook.valid & (quicklook.values != 0)
    return _measure_figure(quicklook, classified, "Confidence (%)", "viridis", Normalize(0, 100))


def clear_dates_figure(quicklook: Quicklook) -> bytes:
    """PNG of the number of clear acquisitions, with a colour bar up to the most that occurs; 0 counts as not seen."""
    most = float(np.max(quicklook.values[quicklook.valid], initial=1))
    seen = quicklook.valid & (quicklook.values != 0)
    return _measure_figure(quicklook, seen, "Clear dates", "YlGnBu", Normalize(0, most))


def disagreement_figure(quicklook: Quicklook, maps: int) -> bytes:
    """PNG of how many classes so many maps give to a pixel, with a colour bar from 1 on; 0 counts as not classified."""
    classified = quicklook.valid & (quicklook.values != 0)
    return _measure_figure(quicklook, classified, "Classes", "magma_r", Normalize(1, maps))


def _read(path: Path, longest_side: int, resampling: Resampling, window: Window | None = None) -> Quicklook:
    try:
        with rasterio.open(path) as dataset:
            part = raster_window(window or Window(0, 0, dataset.height, dataset.width))
            shrink = max(part.height, part.width) / longest_side
            shape = tuple(max(round(side / max(shrink, 1.0)), 1) for side in (part.height, part.width))
            values = dataset.read(1, window=part, out_shape=shape, resampling=resampling, masked=True)
            bounds = tuple(dataset.window_bounds(part))
            name, unit = _crs_name(dataset.crs), _unit_metres(dataset)
    except RasterioIOError as error:
        raise SitsparkError(f"{path}: can't be read as a raster ({error}); write the map again") from None
    return Quicklook(values.data, ~np.ma.getmaskarray(values), bounds, name, unit)


def _crs_name(crs: rasterio.CRS) -> str:
    authority = crs.to_authority(confidence_threshold=70)
    return ":".join(authority) if authority else "custom CRS"


def _unit_metres(dataset: rasterio.DatasetReader) -> float | None:
    if dataset.crs is None:
        raise SitsparkError(f"{dataset.name}: has no coordinate reference system; write the map again")
    return None if dataset.crs.is_geographic else float(dataset.crs.linear_units_factor[1])


def _draw_classes(quicklook: Quicklook, nomenclature: Nomenclature, *, longest_side: int = 1000) -> tuple[Figure, Axes]:
    classified = quicklook.valid & (quicklook.values != 0)
    picture = np.full((*quicklook.values.shape, 3), 255, dtype=np.uint8)
    picture[classified] = [int(UNKNOWN[i : i + 2], 16) for i in (1, 3, 5)]
    for land_cover in nomenclature:
        picture[classified & (quicklook.values == land_cover.code)] = land_cover.colour
    return _map_axes(quicklook, picture, longest_side=longest_side)


def _measure_figure(quicklook: Quicklook, valid: npt.NDArray[np.bool_], label: str, colour_map: str, norm: Normalize) -> bytes:
    colours = ScalarMappable(norm, colour_map)
    picture = colours.to_rgba(np.ma.masked_array(quicklook.values, ~valid), bytes=True)[..., :3].copy()
    picture[~valid] = 255
    figure, axes = _map_axes(quicklook, picture, longest_side=560)
    box = axes.get_position().bounds
    across, up = figure.get_size_inches()
    length = min(box[3] * up, 2.6)
    bar = figure.colorbar(colours, cax=inset_axes(figure, 0.11, length, left=box[2] * across + 0.15))
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    bar.ax.tick_params(length=0, labelsize=7.5, labelcolor=MUTED)
    bar.set_label(label, fontsize=8, color=INK)
    return png(figure)


def _map_axes(quicklook: Quicklook, picture: npt.NDArray[np.uint8], *, longest_side: int) -> tuple[Figure, Axes]:
    """Axes in which every pixel of the picture covers a whole number of pixels of the PNG."""
    rows, columns = picture.shape[:2]
    zoom = max(longest_side // max(rows, columns), 1)
    width, height = columns * zoom / DPI, rows * zoom / DPI
    figure = new_figure(width + 1, height + 1)
    axes = inset_axes(figure, width, height)
    # kilometres or degrees: full coordinates in metres are too long to read
    kilometres = 1.0 if quicklook.unit_metres is None else quicklook.unit_metres / 1000
    left, bottom, right, top = (value * kilometres for value in quicklook.bounds)
    axes.imshow(picture, extent=(left, right, bottom, top), interpolation="nearest", aspect="auto")
    for spine in axes.spines.values():
        spine.set(visible=True, color="#8b97a3", linewidth=0.6)
    axes.tick_params(length=3, color="#8b97a3", labelsize=7, labelcolor=MUTED)
    for axis, inches in ((axes.xaxis, width), (axes.yaxis, height)):
        axis.set_major_locator(MaxNLocator(max(round(inches / 1.1), 1), min_n_ticks=1))
    axes.ticklabel_format(useOffset=False, style="plain")
    names = ("Longitude (°)", "Latitude (°)") if quicklook.unit_metres is None else ("Easting (km)", "Northing (km)")
    axes.set_xlabel(f"{names[0]}, {quicklook.crs_name}", fontsize=7.5, color=MUTED)
    axes.set_ylabel(names[1], fontsize=7.5, color=MUTED)
    left, bottom, right, top = quicklook.bounds
    metres = quicklook.unit_metres or _METRES_PER_DEGREE * math.cos(math.radians((bottom + top) / 2))
    scale_bar(axes, (right - left) * metres, width, height)
    return figure, axes


def scale_bar(axes: Axes, ground: float, width: float, height: float) -> None:
    """A bar of a round length above a map that is `ground` metres wide, with the sign of grid north at the right end.

    `width` and `height` are those of the axes in inches.
    """
    length = _round_length(ground / 4)
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    inch_up = 1 / height
    axes.add_patch(
        Rectangle(
            (0, 1 + 0.09 * inch_up),
            length / ground,
            0.045 * inch_up,
            transform=axes.transAxes,
            color=INK,
            clip_on=False,
        )
    )
    text: dict[str, Any] = {"transform": axes.transAxes, "fontsize": 7.5, "color": INK}
    axes.text(length / ground + 0.06 / width, 1 + 0.11 * inch_up, label, va="center", **text)
    axes.text(1, 1 + 0.11 * inch_up, "N ▲", ha="right", va="center", **text)


def _round_length(metres: float) -> float:
    """The largest of 1, 2, 5 x 10^n metres that isn't longer."""
    power = 10.0 ** math.floor(math.log10(metres))
    return next(step * power for step in (5, 2, 1) if step * power <= metres * (1 + 1e-9))
