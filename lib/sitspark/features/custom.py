"""Calling the user's functions on patches, and making sure of what they give."""

import functools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError, some
from sitspark.features.functions import CustomFunctions
from sitspark.features.iota2_patch import Iota2Patch
from sitspark.features.patch import Patch, Piece
from sitspark.grid import Grid
from sitspark.kernels.feature_space import CustomFeatures, SensorFeatures
from sitspark.kernels.features import SensorKernel
from sitspark.kernels.series import PixelSeries
from sitspark.timegrid import AcquisitionDates, TimeGrid
from sitspark.user_module import told

_TRIED = 8  # pixels beside the padding of the patch with which functions are tried

# as names of columns; files written for iota2 may have points and hyphens in theirs
_NAME = re.compile(r"[A-Za-z][\w.-]*")
# what was tried, for messages
_TRIAL = "so it did when it was tried on made-up numbers (reflectances of 0.01 to 0.5), before anything was read"

Result = tuple[npt.NDArray[np.float32], tuple[str, ...]]


def custom_features(functions: CustomFunctions, patch: Patch, *, where: str) -> Result:
    """What the functions give for a patch without its padding: float32 (features, rows, columns), and the names.

    Pixels that were never seen are 0. Raises SitsparkError with function and `where` for one that fails, for results of
    another shape than (features, rows, columns) of the patch, names that don't fit, values that aren't finite.
    """
    rows, cols = patch.inner
    seen = patch.seen[rows, cols]
    arrays: list[npt.NDArray[np.float32]] = []
    names: list[str] = []
    for position, (name, function) in enumerate(functions.callables(), 1):
        place = f"custom_features: {name} of {functions.path}"
        of_iota2 = functions.contract == "iota2"
        try:
            result = function(Iota2Patch(patch) if of_iota2 else patch)
            is_pair = isinstance(result, tuple | list) and len(result) == 2 and isinstance(result[1], tuple | list)
            values, own_names = (np.asarray(result[0]), tuple(result[1])) if is_pair else (np.zeros(0), ())
        except Exception as error:
            raise SitsparkError(f"{place} fails ({told(error, functions.path)}); {where}") from error
        if not is_pair:
            given = repr(result[1]) if isinstance(result, tuple | list) and len(result) == 2 else type(result).__name__
            raise SitsparkError(f"{place} gives no pair of an array and a list of names, but {given[:60]}; {where}")
        if of_iota2:
            values, own_names = _from_iota2(values, own_names, position)
        elif values.ndim == 2:
            values = values[None]
        if values.shape != (len(own_names), *patch.shape) or values.dtype.kind not in "biuf":
            raise SitsparkError(
                f"{place} gives {values.dtype} of shape {values.shape} and {len(own_names)} names, not numbers of shape "
                f"(features, rows, columns), here ({len(own_names)}, {patch.shape[0]}, {patch.shape[1]}); {where}"
            )
        odd = [name for name in own_names if not (isinstance(name, str) and _NAME.fullmatch(name))]
        if odd:
            raise SitsparkError(
                f"{place} gives names that aren't of letters, digits and _ ({some(map(repr, odd))}); choose others; {where}"
            )
        inner = values[:, rows, cols].astype(np.float32)
        broken = ~np.isfinite(inner) & seen
        if broken.any():
            feature, row, col = np.argwhere(broken)[0].tolist()
            raise SitsparkError(
                f"{place} gives {inner[feature, row, col]} as {own_names[feature]} in row {row + rows.start}, column "
                f"{col + cols.start} of its patch, where there is imagery; give a number for all that is seen; {where}"
            )
        inner[:, ~seen] = 0
        arrays.append(inner)
        names += own_names
    return np.concatenate(arrays), tuple(names)


@functools.lru_cache(maxsize=4)
def tried(
    functions: CustomFunctions,
    sensors: tuple[SensorFeatures, ...],
    layers: tuple[str, ...],
    acquisitions: tuple[tuple[str, AcquisitionDates], ...],
) -> CustomFeatures:
    """The features of the functions, found by calling them on a little patch of made-up numbers.

    Raises SitsparkError as `custom_features` does.
    """
    side, days_of, rng = 2 * functions.padding + _TRIED, dict(acquisitions), np.random.default_rng(0)
    series = []
    for sensor in sensors:
        dates: AcquisitionDates | TimeGrid = days_of.get(sensor.sensor) or sensor.grid
        days = dates.days
        reflectance = rng.integers(100, 5000, (side * side, len(days), len(sensor.bands)), np.int16)
        series.append(PixelSeries(reflectance, np.ones((side * side, len(days)), np.uint8), days[None]))
    static = rng.random((side * side, len(layers)), np.float32)
    patch = Patch(
        tuple(SensorKernel.of(sensor) for sensor in sensors),
        days_of,
        layers,
        (side, side),
        functions.padding,
        [Piece((slice(0, side), slice(0, side)), tuple(series), static)],
        Grid("EPSG:32631", 500_000.0, 5_000_000.0, 10.0, side, side) if functions.padding else None,
    )
    _, names = custom_features(functions, patch, where=_TRIAL)
    return CustomFeatures(names, functions.sha256, functions.padding)


def _from_iota2(array: npt.NDArray[Any], labels: Sequence[Any], position: int) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Array (rows, columns[, features]) and labels as (features, rows, columns) and names; custFeat_i_bj for wrong labels."""
    array = np.moveaxis(array, -1, 0) if array.ndim == 3 else array[None]
    if len(labels) != len(array):
        labels = [f"custFeat_{position}_b{band}" for band in range(1, len(array) + 1)]
    return array, tuple(str(label) for label in labels)
