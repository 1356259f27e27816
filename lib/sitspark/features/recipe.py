"""All that makes features of what is read, for samples and maps alike."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError, some
from sitspark.features.custom import custom_features
from sitspark.features.functions import CustomFunctions
from sitspark.features.patch import Patch, Piece
from sitspark.grid import Grid, Window
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.kernels.features import FeatureKernel
from sitspark.kernels.series import PixelSeries
from sitspark.scenes.reading import Part
from sitspark.timegrid import AcquisitionDates

# changes whenever the same functions may be given other numbers, or what they give is taken otherwise
RECIPE_VERSION = 1
PATCH = 32_768  # pixels of a patch, about: of 481 numbers they take 63 MB


@dataclass(frozen=True)
class Recipe:
    """The feature space, and what the user's own features in it are made by.

    `acquisitions` are the days on which each sensor saw anything of the run's tiles, but of sensors whose pixels have days
    of their own.
    """

    space: FeatureSpace
    functions: CustomFunctions | None = None
    acquisitions: tuple[tuple[str, AcquisitionDates], ...] = ()

    @property
    def padding(self) -> int:
        """Pixels around its own that a feature depends on."""
        return self.functions.padding if self.functions else 0

    @cached_property
    def kernel(self) -> FeatureKernel:
        """What makes the features of sensors, prepared once."""
        return FeatureKernel.of(self.space)

    def custom_of(self, parts: Sequence[Part], window: Window, grid: Grid) -> npt.NDArray[np.float32]:
        """The user's own features of a window, float32 (features, rows, columns); no features where there are no functions.

        `parts` cover the window with its padding as far as there is imagery, on the output grid `grid`. Raises
        SitsparkError with function and place for one that fails.
        """
        if self.functions is None:
            return np.zeros((0, window.height, window.width), np.float32)
        assert self.space.custom is not None
        out = np.empty((len(self.space.custom.names), window.height, window.width), np.float32)
        for part in _squares(window, self.padding):
            where = f"rows {part.row} to {part.stop_row - 1}, columns {part.col} to {part.stop_col - 1} of the output grid"
            place = part.shifted(-window.row, -window.col).slices
            out[:, *place] = self._called(self._patch_around(parts, part, grid), where)
        return out

    def custom_of_pixels(self, series: Sequence[PixelSeries], static: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The user's own features of pixels by themselves, float32 (pixels, features)."""
        count = len(static)
        if self.functions is None:
            return np.zeros((count, 0), np.float32)
        piece = Piece((slice(0, count), slice(0, 1)), tuple(series), static)
        found = self._called(self._patch((count, 1), [piece], None), f"a patch of {count} samples, one a row")
        return np.ascontiguousarray(found[:, :, 0].T)

    def _called(self, patch: Patch, where: str) -> npt.NDArray[np.float32]:
        assert self.functions is not None and self.space.custom is not None
        values, names = custom_features(self.functions, patch, where=where)
        if names != self.space.custom.names:
            raise SitsparkError(
                f"custom_features: {self.functions.path} names its features {some(names)} here and "
                f"{some(self.space.custom.names)} elsewhere; names may follow from parameters and dates, not from pixels; "
                f"{where}"
            )
        return values

    def _patch(self, shape: tuple[int, int], pieces: Sequence[Piece], ground: Grid | None) -> Patch:
        return Patch(self.kernel.sensors, dict(self.acquisitions), self.space.static, shape, self.padding, pieces, ground)

    def _patch_around(self, parts: Sequence[Part], window: Window, grid: Grid) -> Patch:
        padded = window.grown(self.padding)
        pieces = []
        for part in parts:
            common = part.window.intersection(padded)
            if common.is_empty:
                continue
            inside = common.shifted(-part.window.row, -part.window.col)
            static = part.stack.static[:, *inside.slices].reshape(len(part.stack.static), common.pixels).T
            pieces.append(
                Piece(
                    common.shifted(-padded.row, -padded.col).slices,
                    tuple(cube.pixels(inside) for cube in part.stack.cubes),
                    np.ascontiguousarray(static),
                )
            )
        return self._patch((padded.height, padded.width), pieces, grid.cropped(padded) if self.padding else None)


def _squares(window: Window, padding: int) -> Iterator[Window]:
    """A window in parts, each of about `PATCH` pixels with its padding."""
    # at least as wide as the padding on both sides, or most of the work is for the padding
    side = max(math.isqrt(PATCH) - 2 * padding, 2 * padding, 1)
    for row in range(0, window.height, side):
        for col in range(0, window.width, side):
            yield Window(window.row + row, window.col + col, min(side, window.height - row), min(side, window.width - col))
