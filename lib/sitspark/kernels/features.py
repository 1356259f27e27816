"""From raw series to features: gap-filling, spectral indices, statistics over time.

The samples table and the map call the same compiled functions on the same data types, so that training and mapping cannot
differ by a bit.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from sitspark.kernels.expression import Program, evaluate
from sitspark.kernels.feature_space import FeatureSpace, SensorFeatures
from sitspark.kernels.filling import Unfilled
from sitspark.kernels.series import PixelSeries
from sitspark.kernels.temporal import Statistics, statistics_of, summarise

# denominators below this give an index of 0 (iota2FeatureExtraction)
SMALLEST_DENOMINATOR = 1e-5
# the furthest that a normalised difference of reflectances is from 0. Of negative ones, as corrected imagery has them over
# water and in shade, the quotient has no bound, and a few of millions are enough that a standardised index tells nothing of all
# other pixels
_FURTHEST = np.float32(1000)


@dataclass(frozen=True, slots=True)
class _Summary:
    """Statistics of one series: every `stride`-th number from `first` on."""

    first: int
    stride: int
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class SensorKernel:
    """What makes the features of one sensor, prepared once for many blocks of pixels.

    `bands` are the positions of red, nir and swir among the bands, -1 for one that there is not; `built_in` those of the
    first NDVI, NDWI and brightness among the numbers of the whole series; `programs` the other indices with theirs; `kept`
    says which numbers of the series are features.
    """

    space: SensorFeatures
    length: int
    kept: range
    edges: npt.NDArray[np.int32]
    bands: npt.NDArray[np.int64]
    built_in: npt.NDArray[np.int64]
    programs: tuple[tuple[int, Program], ...]
    summaries: tuple[_Summary, ...]

    @staticmethod
    def of(space: SensorFeatures) -> "SensorKernel":
        """Prepare the features of a sensor."""
        steps, width = len(space.grid), len(space.bands)
        starts = {index.name: steps * (width + i) for i, index in enumerate(space.indices)}
        bands = [space.bands.index(name) if name in space.bands else -1 for name in (space.red, space.nir, space.swir)]
        programs = tuple(
            (starts[index.name], program) for index in space.indices if (program := space.program(index)) is not None
        )
        own = {index.name for index in space.indices if index.expression is None}
        built_in = [starts[name] if name in own else -1 for name in ("ndvi", "ndwi", "brightness")]
        days = space.grid.days
        summaries = tuple(
            _Summary(starts.get(of, 0), 1, statistics_of(names, days))
            if of in starts
            else _Summary(space.bands.index(of), width, statistics_of(names, days))
            for of, names in space.statistics
        )
        return SensorKernel(
            space,
            space.series_length,
            space.kept_of_series,
            space.grid.edges,
            np.array(bands, np.int64),
            np.array(built_in, np.int64),
            programs,
            summaries,
        )

    def series(self, observed: PixelSeries, out: npt.NDArray[np.float32], first: int = 0) -> None:
        """Write the whole series into `out`, float32 (pixels, ...), `length` numbers a pixel from number `first` on.

        All bands date by date, each index for all dates, and of acquisitions that aren't gap-filled whether each date has a
        valid one. A pixel without any valid acquisition is 0.
        """
        steps, width, filler = len(self.edges) - 1, len(self.space.bands), self.space.filler
        indices, stop = first + steps * width, first + self.length
        filler.fill(observed, self.edges, out, first)
        _built_in(out, first, steps, width, self.bands, self.built_in)
        for place, program in self.programs:
            stack = np.empty((program.depth, steps), np.float32)
            _evaluated(program.code, program.constants, width, stack, out, first, first + place)
        unseen = ~observed.valid.any(axis=1)
        if unseen.any():
            # an expression of zeros may be another number
            out[unseen, indices:stop] = 0
        if isinstance(filler, Unfilled):
            filler.validity(observed, self.edges, out, stop - steps)

    def features(self, observed: PixelSeries, out: npt.NDArray[np.float32], first: int = 0) -> None:
        """Write the features into `out`, float32 (pixels, ...), as many as `space` has from number `first` on."""
        kept, length = self.kept, self.length
        # where the series are the first features as they are, no memory is needed beside the block
        whole, start = (out, first) if len(kept) == length else (np.empty((len(out), length), np.float32), 0)
        self.series(observed, whole, start)
        at = first + len(kept)
        for summary in self.summaries:
            of = summary.statistics
            summarise(whole, start + summary.first, summary.stride, of.kinds, of.parameters, of.weights, out, at)
            at += len(of.kinds)
        if whole is not out:
            out[:, first : first + len(kept)] = whole[:, kept.start : kept.stop]
        if self.space.relative and kept.start == 0:
            _relative(out, first, len(self.edges) - 1, len(self.space.bands), self.bands[0])


@dataclass(frozen=True, slots=True)
class FeatureKernel:
    """What makes the features of a space, prepared once for many blocks of pixels."""

    sensors: tuple[SensorKernel, ...]
    columns: tuple[slice, ...]
    static: slice
    custom: slice

    @staticmethod
    def of(space: FeatureSpace) -> "FeatureKernel":
        """Prepare a feature space."""
        own = len(space.custom.names) if space.custom else 0
        lengths = (*(len(sensor) for sensor in space.sensors), len(space.static), own)
        ends = list(itertools.accumulate(lengths, initial=0))
        *columns, static, custom = (slice(start, stop) for start, stop in itertools.pairwise(ends))
        return FeatureKernel(tuple(SensorKernel.of(sensor) for sensor in space.sensors), tuple(columns), static, custom)

    def features(
        self,
        series: Sequence[PixelSeries],
        static: npt.NDArray[np.float32],
        custom: npt.NDArray[np.float32],
        out: npt.NDArray[np.float32],
    ) -> None:
        """Fill `out`, float32 (pixels, features).

        The series of each sensor of the space, then `static` (pixels, layers), then `custom` (pixels, features of the user's
        own functions).
        """
        for one, kernel, columns in zip(series, self.sensors, self.columns, strict=True):
            kernel.features(one, out, columns.start)
        out[:, self.static] = static
        out[:, self.custom] = custom


# no 'nnan' and 'ninf': a NaN must stay visible; the others only let the compiler fuse and reorder
@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def _built_in(
    out: npt.NDArray[np.float32],
    first: int,
    steps: int,
    width: int,
    bands: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> None:
    """Write iota2's indices of the gap-filled bands (steps x width from `first` on) behind them; place -1: not wanted.

    NDVI = 1000 (nir - red) / (nir + red), NDWI = 1000 (swir - nir) / (swir + nir), both within -1000 .. 1000;
    brightness = sqrt(sum of squares).
    """
    red, nir, swir = bands
    ndvi_at, ndwi_at, brightness_at = starts
    for p in range(out.shape[0]):
        row = out[p][first:]
        if ndvi_at >= 0:
            for k in range(steps):
                row[ndvi_at + k] = _normalised_difference(row[k * width + nir], row[k * width + red])
        if ndwi_at >= 0:
            for k in range(steps):
                row[ndwi_at + k] = _normalised_difference(row[k * width + swir], row[k * width + nir])
        if brightness_at >= 0:
            for k in range(steps):
                squares = np.float32(0)
                for b in range(width):
                    squares += row[k * width + b] * row[k * width + b]
                row[brightness_at + k] = np.sqrt(squares)


@numba.njit(nogil=True, cache=True, inline="always", error_model="numpy")
def _normalised_difference(a: np.float32, b: np.float32) -> np.float32:
    total = a + b
    if abs(total) < SMALLEST_DENOMINATOR:
        return np.float32(0)
    # in this order what is no number stays visible
    return min(max(_FURTHEST * (a - b) / total, -_FURTHEST), _FURTHEST)


@numba.njit(nogil=True, cache=True)
def _evaluated(
    code: npt.NDArray[np.int64],
    constants: npt.NDArray[np.float32],
    width: int,
    stack: npt.NDArray[np.float32],
    out: npt.NDArray[np.float32],
    first: int,
    at: int,
) -> None:
    """Write an index of the gap-filled bands (from `first` on) from number `at` on."""
    steps = stack.shape[1]
    for p in range(out.shape[0]):
        row = out[p]
        evaluate(code, constants, row[first : first + steps * width], width, stack, row[at : at + steps])


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "arcp", "nsz"})
def _relative(out: npt.NDArray[np.float32], first: int, steps: int, width: int, reference: int) -> None:
    """Replace each band but the reference by 1000 (band - reference) / (band + reference), within -1000 .. 1000, in place.

    iota2's rel_refl, which has no bounds.
    """
    for p in range(out.shape[0]):
        row = out[p][first : first + steps * width]
        for k in range(steps):
            at = k * width
            against = row[at + reference]
            for b in range(width):
                if b != reference:
                    row[at + b] = _normalised_difference(row[at + b], against)
