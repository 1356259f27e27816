"""The eco-climatic gradient over a landscape."""

import math
from typing import NamedTuple

from numba import njit

from sitspark.simulate.landscape import Landscape

EXTREME = 0.7  # of the climate at the border of the area
STEEPNESS = 5.0  # of the change between neighbouring tiles, which are rather uniform within


class Region(NamedTuple):  # a type that compiled code can take apart
    """Height and width of the area in pixels, and the strength of its gradient."""

    height: float
    width: float
    gradient: float


def region_of(landscape: Landscape) -> Region:
    """The region of a landscape."""
    area = landscape.area
    return Region(float(area.height), float(area.width), landscape.gradient)


@njit(cache=True)
def climate(region: Region, row: float, col: float) -> tuple[float, float]:
    """How southern and how eastern the climate is at a pixel, -EXTREME to EXTREME times the gradient each."""
    south = EXTREME * math.tanh(STEEPNESS * (row / region.height - 0.5))
    east = EXTREME * math.tanh(STEEPNESS * (col / region.width - 0.5))
    return region.gradient * south, region.gradient * east
