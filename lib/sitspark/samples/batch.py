"""From a batch of observations, as Spark hands them over, to their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sitspark.features.recipe import Recipe
from sitspark.kernels.series import PixelSeries


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of observations: an array in each row, as the columns of these names have it."""

    dates: pd.Series
    days: pd.Series
    reflectance: pd.Series
    valid: pd.Series
    static: pd.Series
    custom: pd.Series

    def series_of(
        self, members: npt.NDArray[np.intp], bands: Sequence[int]
    ) -> tuple[list[PixelSeries], npt.NDArray[np.float32]]:
        """The series of rows that have equally many acquisitions, by sensors of so many bands; and the static layers."""
        days, reflectance, valid, static = (
            np.stack(list(column.iloc[members])) for column in (self.days, self.reflectance, self.valid, self.static)
        )
        series, date, value = [], 0, 0
        # contiguous, as the kernel is compiled for
        for dates, width in zip(self.dates.iloc[members[0]], bands, strict=True):
            values = np.ascontiguousarray(reflectance[:, value : value + dates * width], np.int16)
            series.append(
                PixelSeries(
                    values.reshape(len(members), dates, width),
                    np.ascontiguousarray(valid[:, date : date + dates], np.uint8),
                    np.ascontiguousarray(days[:, date : date + dates], np.int32),
                )
            )
            date, value = date + dates, value + dates * width
        return series, static.astype(np.float32)


def features_of_batch(batch: Batch, recipe: Recipe) -> pd.Series:
    """Features of a batch of series, which may have different dates."""
    space = recipe.space
    out = np.zeros((len(batch.dates), len(space)), np.float32)
    bands = [len(sensor.bands) for sensor in space.sensors]
    equally_many, _ = pd.factorize(np.array([dates.tobytes() for dates in batch.dates], object))
    for group in range(equally_many.max(initial=-1) + 1):
        members = np.flatnonzero(equally_many == group)
        block = np.empty((len(members), len(space)), np.float32)
        series, static = batch.series_of(members, bands)
        # what depends on what is around a pixel was computed where that was read
        if recipe.padding:
            custom = np.stack(list(batch.custom.iloc[members])).astype(np.float32)
        else:
            custom = recipe.custom_of_pixels(series, static)
        recipe.kernel.features(series, static, custom, block)
        out[members] = block
    return pd.Series(list(out))
