"""A patch as iota2's external features know it: `self.get_interpolated_Sentinel2_B2()` and its like."""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sitspark.features.patch import Patch

# iota2's names of sensors, and ours
SENSORS = {
    "Sentinel2": "sentinel2",
    "Sentinel2S2C": "sentinel2",
    "Sentinel2L3A": "sentinel2_l3a",
    "Landsat8": "landsat8",
    "Landsat8Old": "landsat8",
}
_ACCESSOR = re.compile(rf"get_(?:(interpolated|raw)_)?({'|'.join(sorted(SENSORS, key=len, reverse=True))})_(\w+)")

Array = npt.NDArray[np.float32]


class Iota2Patch:
    """What a function written for iota2 gets as `self`; arrays are (rows, columns, dates), dates texts as 20180321.

    get_interpolated_<Sensor>_<Band>() and get_<Sensor>_<Band>(): the gap-filled series of a band, or of NDVI, NDWI (clipped to
    -1000 .. 1000 as features are) and Brightness; get_raw_<Sensor>_<Band>(): the acquisitions, 0 where they aren't valid;
    get_<Sensor>_masks() and get_raw_<Sensor>_masks(): 0 valid, 1 not.
    """

    def __init__(self, patch: Patch) -> None:
        self._patch = patch

    @property
    def interpolated_dates(self) -> dict[str, list[str]]:
        """The dates of the gap-filled series of each sensor."""
        return {name: [f"{day:%Y%m%d}" for day in self._patch.dates(own)] for name, own in self._own().items()}

    @property
    def raw_dates(self) -> dict[str, list[str]]:
        """The days of the acquisitions of each sensor."""
        return {name: [f"{day:%Y%m%d}" for day in self._patch.acquired(own)] for name, own in self._own().items()}

    @property
    def exogeneous_data_array(self) -> Array:
        """The static layers, (rows, columns, layers)."""
        layers = [self._patch.static(name) for name in self._patch.layers]
        return np.stack(layers, axis=-1) if layers else np.zeros((*self._patch.shape, 0), np.float32)

    def __getattr__(self, name: str) -> Callable[[], Array]:
        accessor = _ACCESSOR.fullmatch(name)
        if accessor is None:
            raise AttributeError(
                f"{name} is no accessor of sitspark's adapter; docs/custom_features.md lists those that there are"
            )
        kind, sensor, what = accessor[1], accessor[2], accessor[3]
        if sensor not in self._own():
            raise AttributeError(f"{name}: the run reads no {sensor}")
        return lambda: self._array(kind == "raw", SENSORS[sensor], what)

    def _own(self) -> dict[str, str]:
        """iota2's names of the sensors that are read."""
        read = [kernel.space.sensor for kernel in self._patch.sensors]
        return {name: own for name, own in SENSORS.items() if own in read}

    def _array(self, raw: bool, sensor: str, what: str) -> Array:
        if what == "masks":
            return (1 - self._patch.valid(sensor)).astype(np.float32).transpose(1, 2, 0)
        name = what.lower() if what in ("NDVI", "NDWI", "Brightness") else self._band(sensor, what)
        read = self._patch.raw if raw else self._patch.series
        return read(name, sensor).transpose(1, 2, 0)

    def _band(self, sensor: str, name: str) -> str:
        """Our name of a band: products of Sen2Cor call B2 B02."""
        bands = next(kernel.space.bands for kernel in self._patch.sensors if kernel.space.sensor == sensor)
        return name if name in bands else re.sub(r"^B(\d)$", r"B0\1", name)
