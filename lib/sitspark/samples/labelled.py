"""Rasterising labelled polygons onto chunks of the output grid (floor 2: one chunk, no Spark)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import rasterize

from sitspark.grid import Grid


@dataclass(frozen=True, slots=True)
class LabelledPixels:
    """Pixels whose centre lies in a polygon: row and col in the window, `piece` as position in the given pieces."""

    row: npt.NDArray[np.int64]
    col: npt.NDArray[np.int64]
    piece: npt.NDArray[np.int64]


def labelled_pixels(outlines: Sequence[shapely.Geometry], labels: Sequence[int], grid: Grid) -> LabelledPixels:
    """Find the labelled pixels of a window; a pixel that two labels claim belongs to none.

    `outlines` and `labels` go together; where two pieces of one label overlap, the first one has the pixel.
    """
    codes = np.asarray(labels, np.int64)
    owner = np.zeros((grid.height, grid.width), np.int32)
    claims = np.zeros((grid.height, grid.width), np.uint8)
    for code in np.unique(codes):
        # the last shape burnt wins, so that the first piece comes last
        shapes = [(outlines[i], i + 1) for i in np.flatnonzero(codes == code)[::-1]]
        burnt = rasterize(shapes, out_shape=owner.shape, transform=grid.transform, fill=0, dtype="int32")
        claims += burnt > 0
        np.copyto(owner, burnt, where=burnt > 0)
    row, col = np.nonzero(claims == 1)
    return LabelledPixels(row, col, owner[row, col].astype(np.int64) - 1)
