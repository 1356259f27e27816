"""What the user's functions are given: a part of the imagery, with all that is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.kernels.features import SensorKernel
from sitspark.kernels.filling import Unfilled
from sitspark.kernels.series import PixelSeries
from sitspark.timegrid import AcquisitionDates


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of a patch of which the acquisitions are the same: its place, its pixels row after row.

    `series` are those of each sensor, static float32 (pixels, layers).
    """

    place: tuple[slice, slice]
    series: tuple[PixelSeries, ...]
    static: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Patch:
    """A part of the imagery as functions see it: `shape` rows and columns, `padding` of which on each side are not asked for.

    Outside the imagery (and the region of interest) everything is 0 and nothing is valid. `sensors` are those of the run in
    the order of their features, `acquisitions` the days on which each saw anything, `layers` the static layers, `grid` the
    pixels on the ground, where they are an image: with a padding of 0 they may be any.
    """

    sensors: tuple[SensorKernel, ...]
    acquisitions: Mapping[str, AcquisitionDates]
    layers: tuple[str, ...]
    shape: tuple[int, int]
    padding: int
    pieces: Sequence[Piece]
    ground: Grid | None = None

    def series(self, name: str, sensor: str | None = None) -> npt.NDArray[np.float32]:
        """A gap-filled band (reflectance x 10 000) or an index, float32 (dates, rows, columns)."""
        position, kernel = self._sensor(sensor)
        space = kernel.space
        steps, width = len(kernel.edges) - 1, len(space.bands)
        indices = [index.name for index in space.indices]
        if name in space.bands:
            places = slice(space.bands.index(name), steps * width, width)
        elif name in indices:
            first = steps * (width + indices.index(name))
            places = slice(first, first + steps)
        else:
            raise SitsparkError(f"{name} is no band and no index of {space.sensor} ({', '.join((*space.bands, *indices))})")
        return np.ascontiguousarray(self._series(position)[:, :, places].transpose(2, 0, 1))

    def dates(self, sensor: str | None = None) -> tuple[date, ...]:
        """The dates of the gap-filled series."""
        return self._sensor(sensor)[1].space.grid.dates

    def raw(self, band: str, sensor: str | None = None) -> npt.NDArray[np.float32]:
        """A band as it was acquired (reflectance x 10 000), 0 where it isn't valid, float32 (acquisitions, rows, columns)."""
        position, kernel = self._sensor(sensor)
        bands = kernel.space.bands
        if band not in bands:
            raise SitsparkError(f"{band} is no band of {kernel.space.sensor} ({', '.join(bands)})")
        if position not in self._raw:
            edges = self._acquisitions(kernel).edges
            out = np.zeros((*self.shape, (len(edges) - 1) * len(bands)), np.float32)
            for piece in self.pieces:
                series = piece.series[position]
                values = np.empty((len(series), out.shape[2]), np.float32)
                Unfilled().fill(series, edges, values, 0)
                out[piece.place] = values.reshape(out[piece.place].shape)
            self._raw[position] = out
        return np.ascontiguousarray(self._raw[position][:, :, bands.index(band) :: len(bands)].transpose(2, 0, 1))

    def valid(self, sensor: str | None = None) -> npt.NDArray[np.uint8]:
        """Where an acquisition can be used, uint8 (acquisitions, rows, columns): 1, or 0 for clouds, saturation, no data."""
        position, kernel = self._sensor(sensor)
        edges = self._acquisitions(kernel).edges
        out = np.zeros((*self.shape, len(edges) - 1), np.uint8)
        for piece in self.pieces:
            series = piece.series[position]
            values = np.empty((len(series), out.shape[2]), np.float32)
            Unfilled().validity(series, edges, values, 0)
            out[piece.place] = values.reshape(out[piece.place].shape)
        return np.ascontiguousarray(out.transpose(2, 0, 1))

    def acquired(self, sensor: str | None = None) -> tuple[date, ...]:
        """The days of `raw` and `valid`: those on which the sensor saw any part of the run's tiles."""
        return self._acquisitions(self._sensor(sensor)[1]).dates

    def static(self, name: str) -> npt.NDArray[np.float32]:
        """A static layer, float32 (rows, columns)."""
        if name not in self.layers:
            raise SitsparkError(f"{name} is no static layer ({', '.join(self.layers) or 'there is none'})")
        out = np.zeros(self.shape, np.float32)
        for piece in self.pieces:
            out[piece.place] = piece.static[:, self.layers.index(name)].reshape(out[piece.place].shape)
        return out

    @cached_property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Where there is a usable acquisition of every sensor, bool (rows, columns)."""
        out = np.zeros(self.shape, np.bool_)
        for piece in self.pieces:
            seen = np.ones(len(piece.static), np.bool_)
            for series in piece.series:
                seen &= series.valid.any(axis=1)
            out[piece.place] = seen.reshape(out[piece.place].shape)
        return out

    @property
    def grid(self) -> Grid:
        """The pixels on the ground; only known with a padding: without one the pixels may come from anywhere."""
        if self.ground is None:
            raise SitsparkError("the grid of a patch is known with custom_features.padding of 1 or more; raise it")
        return self.ground

    @property
    def inner(self) -> tuple[slice, slice]:
        """What is asked for: rows and columns without the padding."""
        rows, cols = self.shape
        return slice(self.padding, rows - self.padding), slice(self.padding, cols - self.padding)

    def _sensor(self, name: str | None) -> tuple[int, SensorKernel]:
        names = [kernel.space.sensor for kernel in self.sensors]
        if name is None and len(names) == 1:
            return 0, self.sensors[0]
        if name not in names:
            raise SitsparkError(
                f"{name} is no sensor of the run ({', '.join(names)})" if name else f"say of which sensor: {', '.join(names)}"
            )
        return names.index(name), self.sensors[names.index(name)]

    def _acquisitions(self, kernel: SensorKernel) -> AcquisitionDates:
        sensor = kernel.space.sensor
        if sensor not in self.acquisitions:
            raise SitsparkError(f"pixels of {sensor} have days of their own (scenes.description.day): there are no common ones")
        return self.acquisitions[sensor]

    @cached_property
    def _raw(self) -> dict[int, npt.NDArray[np.float32]]:
        """The acquisitions of sensors that were asked for, float32 (rows, columns, numbers)."""
        return {}

    @cached_property
    def _filled(self) -> dict[int, npt.NDArray[np.float32]]:
        """The whole series of sensors that were asked for, float32 (rows, columns, numbers)."""
        return {}

    def _series(self, position: int) -> npt.NDArray[np.float32]:
        """The whole series of a sensor: the numbers of the features, bit for bit."""
        if position not in self._filled:
            kernel = self.sensors[position]
            out = np.zeros((*self.shape, kernel.length), np.float32)
            for piece in self.pieces:
                values = np.empty((len(piece.series[position]), kernel.length), np.float32)
                kernel.series(piece.series[position], values)
                out[piece.place] = values.reshape(out[piece.place].shape)
            self._filled[position] = out
        return self._filled[position]
