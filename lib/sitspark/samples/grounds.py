"""Whose ground a pixel lies on, where models have ground of their own: that of its tile, or of a region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError, nearest, some
from sitspark.grid import Grid
from sitspark.scenes.region import Region
from sitspark.settings import Settings

NOBODYS = ""  # the name of the ground outside all regions, and of all of it where one model has it


@dataclass(frozen=True, slots=True)
class Grounds:
    """The grounds of the models by their names: regions in the CRS of the grid, tiles, or all of it for one model."""

    names: tuple[str, ...] = (NOBODYS,)
    regions: tuple[Region, ...] = ()

    @staticmethod
    def of_regions(regions: Mapping[str, Region]) -> "Grounds":
        """Regions by their names; where some overlap the first has the pixel."""
        return Grounds(tuple(regions), tuple(regions.values()))

    def of(self, at: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], grid: Grid, *, tile: str) -> npt.NDArray[np.intp]:
        """The position (n,) among `names` of the ground of each pixel of a tile, -1 where it is nobody's.

        `at` are rows and columns of `grid`.
        """
        if self.regions:
            return first_region(at, self.regions, grid)
        if self.names == (NOBODYS,):
            return np.zeros(len(at[0]), np.intp)
        return np.full(len(at[0]), self.names.index(tile) if tile in self.names else -1, np.intp)


def first_region(
    at: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], regions: Sequence[Region], grid: Grid
) -> npt.NDArray[np.intp]:
    """The position (n,) of the first region that holds the centre of each pixel, -1 where none does.

    `at` are rows and columns of `grid`, whose CRS is that of the regions.
    """
    found = np.full(len(at[0]), -1, np.intp)
    for number, region in reversed(list(enumerate(regions))):
        found[region.pixels(grid)[at] == 1] = number
    return found


def refuse_unknown_models(settings: Settings, grounds: Sequence[str]) -> None:
    """Raise SitsparkError where a setting of the samples names what is none of the grounds, which are regions or tiles."""
    made, per = settings.samples.augmentation, settings.training.model_per
    named = {"per_model": settings.samples.per_model, "augmentation.models": made.models if made else ()}
    for key, names in named.items():
        for name in names:
            if name not in grounds:
                near = nearest(name, grounds) or "; correct it"
                raise SitsparkError(f"samples.{key}: '{name}' is no {per} of this run ({some(grounds)}){near}")
