"""What a model, or the series of a tile, weighs at each pixel of a window of the output grid."""

import functools
import math

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from sitspark.grid import Grid, Window
from sitspark.scenes.region import Region
from sitspark.settings import BoundarySettings

Weights = npt.NDArray[np.float32]


def tile_weights(reach: Window, window: Window) -> Weights:
    """How far the pixels of a window lie from the edges of a tile, float32 (rows, columns); 0 outside of it.

    The distance to the nearer of its upper and lower edges times that to the nearer of the left and right ones, in pixels.
    Where two neighbours of a row or a column overlap, their shares of the sum change linearly from one edge to the other, and
    bilinearly where four meet.
    """
    rows, cols = window.row + np.arange(window.height) + 0.5, window.col + np.arange(window.width) + 0.5
    down = np.minimum(rows - reach.row, reach.stop_row - rows)
    across = np.minimum(cols - reach.col, reach.stop_col - cols)
    far: Weights = (down.clip(min=0)[:, np.newaxis] * across.clip(min=0)).astype(np.float32)
    return far


@functools.lru_cache(maxsize=32)  # the maps of a pass ask for the same ones, chunk by chunk
def region_weights(region: Region, grid: Grid, boundary: BoundarySettings | None) -> Weights | None:
    """What the model of a region weighs on a grid, float32 (rows, columns) from 0 to 1; None where that is 0 everywhere.

    Without `boundary` 1 inside and 0 outside. With it, after iota2's boundary fusion, the weight falls linearly in the distance
    to the border, from 1 at the distance `interior` inside to 0 at `exterior` outside, but never below `epsilon` on the way.
    The region is in the CRS of the grid. A pixel's weight doesn't hang on the window.
    """
    if boundary is None:
        inside = region.pixels(grid).astype(np.float32)
        return inside if inside.any() else None
    reach = math.ceil(max(boundary.interior, boundary.exterior) / grid.resolution) + 1
    own = grid.window
    around = grid.cropped(own.grown(reach))
    within = region.pixels(around) > 0
    if not within.any():
        return None
    if within.all():
        return np.ones((grid.height, grid.width), np.float32)
    # borders run between the centres of pixels; exact Euclidean distances, as Danielsson's (1980) nearly are
    metres = grid.resolution * np.where(within, distance_transform_edt(within) - 0.5, 0.5 - distance_transform_edt(~within))
    weight = np.clip((metres + boundary.exterior) / (boundary.interior + boundary.exterior), 0, 1)
    weight = np.where(metres > -boundary.exterior, np.maximum(weight, boundary.epsilon), 0)
    found: Weights = weight[own.shifted(reach, reach).slices].astype(np.float32)
    return found if found.any() else None
