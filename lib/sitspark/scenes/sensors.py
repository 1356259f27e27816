"""The sensors of a run: each with the settings of its archive, and what is read of its products."""

from collections.abc import Sequence
from dataclasses import dataclass

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import Index, require_bands
from sitspark.scenes.chunk_plan import Coverage
from sitspark.scenes.layouts import Selection
from sitspark.scenes.reading import Reading
from sitspark.scenes.region import Region
from sitspark.scenes.static import layers_of
from sitspark.settings import ScenesSettings, SeriesSettings, Settings

# iota2's order of sensors in a feature vector, by our layouts; those that a user describes come last, as they are given
_ORDER = ("landsat_c2_l2", "landsat_c1_l1", "theia_l2a", "sen2cor_l2a", "theia_l3a")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor; `key` is the settings' name of its section, for messages.

    `own` is what the settings say of its series alone.
    """

    key: str
    selection: Selection
    own: SeriesSettings

    @property
    def name(self) -> str:
        """The name in the tables and in the names of features."""
        return self.selection.layout.sensor

    def told(self, sentence: str) -> str:
        """What is wrong with its archive; sentences name keys of `scenes`, of another section the key comes before."""
        return sentence if self.key == "scenes" else f"{self.key} ({self.name}): {sentence}"


@dataclass(frozen=True, slots=True)
class ArchiveSensor(Sensor):
    """A sensor with the settings of the archive that its imagery lies in."""

    settings: ScenesSettings


def sensors_of(settings: Settings) -> tuple[ArchiveSensor, ...]:
    """The sensors of a run, first the leading one, whose tiles divide the map.

    Raises SitsparkError for a band that a layout doesn't have, and for two sensors of one name.
    """
    keys = ("scenes", *(f"other_sensors.{number}" for number in range(len(settings.other_sensors))))
    sensors: list[ArchiveSensor] = []
    # without an archive there is no key either
    for key, archive in zip(keys, settings.archives, strict=False):
        try:
            selection = Selection.of(archive)
            sensor = ArchiveSensor(key, selection, archive, archive)
        except SitsparkError as error:
            raise SitsparkError(str(error) if key == "scenes" else f"{key}: {error}") from None
        same = [other.key for other in sensors if other.name == sensor.name]
        if same:
            raise SitsparkError(
                f"{key}: is of the sensor {sensor.name}, as {same[0]} is; a run reads one archive of each: bring the products "
                "together in one folder (of pattern and stac description.sensor may name another)"
            )
        sensors.append(sensor)
    return tuple(sensors)


def indices_of(sensor: Sensor, settings: Settings) -> tuple[Index, ...]:
    """The spectral indices of a sensor; raises SitsparkError for one whose bands aren't read."""
    chosen = sensor.own.over(settings.features)
    indices = tuple(Index(name, expression) for name, expression in chosen.indices.items())
    layout = sensor.selection.layout
    try:
        require_bands(indices, sensor.selection.bands, red=layout.red, nir=layout.nir, swir=layout.swir)
    except SitsparkError as error:
        raise SitsparkError(sensor.told(str(error))) from None
    return indices


def in_feature_order(sensors: Sequence[Sensor]) -> list[Sensor]:
    """The sensors as their features follow each other."""
    layouts = {sensor.key: sensor.selection.layout.name for sensor in sensors}
    return sorted(sensors, key=lambda s: _ORDER.index(layouts[s.key]) if layouts[s.key] in _ORDER else len(_ORDER))


def reading_of(settings: Settings, sensors: Sequence[Sensor], covered: Coverage, region: Region | None) -> Reading:
    """How imagery is read on the output grid, in a region in its CRS."""
    padding = settings.custom_features.padding if settings.custom_features else 0
    return Reading(
        tuple(sensor.selection for sensor in in_feature_order(sensors)),
        sensors[0].name,
        settings.grid.interpolator,
        covered.grid,
        static=layers_of(settings.features.static),
        merged=settings.grid.overlap == "merge",
        region=region,
        padding=padding,
        # of a country they are thousands, which each task would carry
        territories=tuple(covered.territories) if padding else (),
    )
