"""Rasterising labelled polygons onto chunks of the output grid (floor 2: one chunk, no Spark)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from sitspark.grid import Grid, Window
from sitspark.kernels.polygons import CONTESTED, claim_all, paint


@dataclass(frozen=True, slots=True)
class LabelledPixels:
    """Pixels that a polygon holds: row and col in the window, in that order, `piece` as position in the given pieces.

    `contested` counts the pixels that pieces of two labels claim, which are none's.
    """

    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    piece: npt.NDArray[np.int64]
    contested: int


def labelled_pixels(
    outlines: Sequence[BaseGeometry], labels: Sequence[int], grid: Grid, window: Window, *, touched: bool = False
) -> LabelledPixels:
    """Find the labelled pixels of a window of a grid; a pixel that two labels claim belongs to none.

    `outlines` (polygons, single or multiple) and `labels` go together; where two pieces of one label overlap, the first one
    has the pixel. A pixel is a polygon's when its centre lies in it; with `touched`, when any part of it does.
    """
    owner = np.zeros((window.height, window.width), np.int32)
    codes = np.asarray(labels, np.int64)
    if touched:
        for piece, outline in enumerate(outlines):
            _claim_touched(outline, piece, codes, grid.cropped(window), owner)
    elif len(outlines):
        parts, pieces = shapely.get_parts(np.asarray(outlines, object), return_index=True)
        _, xy, (rings, polygons) = shapely.to_ragged_array(parts)
        vertices = np.empty((len(xy), 2))
        vertices[:, 0] = (xy[:, 0] - grid.left) / grid.resolution
        vertices[:, 1] = (grid.top - xy[:, 1]) / grid.resolution
        # the parts of a piece follow each other, and its rings those of its other parts
        first_part = np.searchsorted(pieces, np.arange(len(outlines) + 1))
        paint(vertices, rings.astype(np.int64), polygons.astype(np.int64)[first_part], codes, window.row, window.col, owner)
    row, col = np.nonzero(owner > 0)
    return LabelledPixels(row, col, owner[row, col].astype(np.int64) - 1, int(np.count_nonzero(owner == CONTESTED)))


def _claim_touched(
    outline: BaseGeometry, piece: int, codes: npt.NDArray[np.int64], grid: Grid, owner: npt.NDArray[np.int32]
) -> None:
    left, bottom, right, top = outline.bounds
    row, col = math.floor((grid.top - top) / grid.resolution), math.floor((left - grid.left) / grid.resolution)
    stop_row, stop_col = math.ceil((grid.top - bottom) / grid.resolution), math.ceil((right - grid.left) / grid.resolution)
    window = Window(row, col, stop_row - row, stop_col - col).intersection(grid.window)
    if window.is_empty:
        return
    burnt = rasterize(
        [outline],
        out_shape=(window.height, window.width),
        transform=grid.cropped(window).transform,
        all_touched=True,
        dtype="uint8",
    )
    claim_all(burnt, window.row, window.col, piece, codes, owner)
