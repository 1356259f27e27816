"""How far the pixels of a window are from the training samples, kept while the window is gone through block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.grid import Territory, Window
from sitspark.maps.products import DISSIMILARITY
from sitspark.maps.reading import blocks, opened, read
from sitspark.maps.views import View
from sitspark.models.applicability import AreaOfApplicability

_SIDE = 2048  # pixels of a raster that are read at a time, and as many rows


@dataclass(frozen=True, slots=True, eq=False)
class Dissimilarity:
    """The dissimilarity indices of a window in the making, float32 (pixels,), as parts of the threshold.

    Where several series draw a pixel it is their mean, as that of their probabilities.
    """

    area: AreaOfApplicability
    shares: tuple[npt.NDArray[np.float32] | None, ...]
    found: npt.NDArray[np.float32]

    @staticmethod
    def of(area: AreaOfApplicability, views: Sequence[View], pixels: int) -> "Dissimilarity":
        """Nothing is known yet of so many pixels."""
        shares: tuple[npt.NDArray[np.float32] | None, ...] = (None,)
        if len(views) > 1:
            weights = np.array([np.zeros(pixels, np.float32) if v.weight is None else v.weight.ravel() for v in views])
            whole = weights.sum(axis=0)
            shares = tuple(np.divide(weights, whole, out=np.zeros_like(weights), where=whole > 0))
        return Dissimilarity(area, shares, np.zeros(pixels, np.float32))

    def take(self, place: slice, features: Sequence[npt.NDArray[np.float32]]) -> None:
        """Note some pixels; `features` are those of each view: theirs are the first of a block, float32 (samples, features)."""
        for share, of_view in zip(self.shares, features, strict=True):
            if share is None or share[place].any():
                index = self.area.index(of_view[: place.stop - place.start]) / np.float32(self.area.threshold)
                self.found[place] += index if share is None else index * share[place]

    def finished(self, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
        """The raster (rows, columns); nodata where nothing was `seen` (rows, columns)."""
        largest = int(DISSIMILARITY.nodata) - 1
        scaled = np.minimum(np.ceil(self.found * DISSIMILARITY.scale), largest).astype(np.uint16).reshape(seen.shape)
        return np.where(seen, scaled, np.uint16(DISSIMILARITY.nodata))


def values_by_tile(path: Path, territories: Sequence[Territory], *, origin: Window) -> dict[str, npt.NDArray[np.int64]]:
    """How many pixels of each tile have each value of a raster of dissimilarities, int64 (65535,); nodata isn't counted.

    `territories` are windows of the output grid, `origin` is that of the raster on it. Raises SitsparkError with the path where
    it can't be read.
    """
    found: dict[str, npt.NDArray[np.int64]] = {}
    nodata = int(DISSIMILARITY.nodata)
    with opened(path) as source:
        for owned in territories:
            window = owned.window.intersection(origin).shifted(-origin.row, -origin.col)
            counts = found.setdefault(owned.tile, np.zeros(nodata, np.int64))
            for block in blocks(window, _SIDE):
                counts += np.bincount(read(source, block).ravel(), minlength=nodata + 1)[:nodata]
    return {tile: counts for tile, counts in found.items() if counts.any()}
