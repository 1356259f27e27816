"""What settings and archives say of how features are made."""

from collections.abc import Mapping, Sequence
from datetime import date

from sitspark.errors import SitsparkError
from sitspark.features.custom import tried
from sitspark.features.functions import CustomFunctions
from sitspark.features.recipe import Recipe
from sitspark.kernels.feature_space import FeatureSpace, SensorFeatures
from sitspark.kernels.filling import Filler, Linear, Median, Nearest, SavitzkyGolay, Unfilled, Whittaker
from sitspark.scenes.sensors import Sensor, in_feature_order, indices_of
from sitspark.settings import Settings, TimeSettings
from sitspark.timegrid import AcquisitionDates, TimeGrid

# the days on which each sensor saw anything, ascending
Acquired = Mapping[str, tuple[date, ...]]


def recipe_of(
    settings: Settings,
    sensors: Sequence[Sensor],
    acquired: Acquired,
    layers: Sequence[str],
    *,
    functions: CustomFunctions | None,
) -> Recipe:
    """What settings and acquisitions say of how features are made; raises SitsparkError where they contradict each other.

    `layers` are the names of what has no date.

    The user's own functions are tried on made-up numbers, which tells the names of their features.
    """
    in_order = in_feature_order(sensors)
    features = tuple(_features(settings, sensor, acquired) for sensor in in_order)
    _refuse_statistics_of_nothing(settings, features)
    layers = tuple(layers)
    if functions is None:
        return Recipe(FeatureSpace(features, layers))
    acquisitions = tuple(
        (sensor.name, AcquisitionDates(acquired[sensor.name])) for sensor in in_order if sensor.selection.layout.day is None
    )
    return Recipe(FeatureSpace(features, layers, tried(functions, features, layers, acquisitions)), functions, acquisitions)


def _refuse_statistics_of_nothing(settings: Settings, features: Sequence[SensorFeatures]) -> None:
    known = [name for sensor in features for name in (*sensor.bands, *(index.name for index in sensor.indices))]
    for of in settings.features.statistics:
        if of not in known:
            raise SitsparkError(
                f"features.statistics: {of} is no band and no index ({', '.join(dict.fromkeys(known))}); correct the name"
            )


def _features(settings: Settings, sensor: Sensor, acquired: Acquired) -> SensorFeatures:
    layout = sensor.selection.layout
    times, chosen = sensor.own.over(settings.time_series), sensor.own.over(settings.features)
    indices = indices_of(sensor, settings)
    if times.filler == "none" and layout.day is not None:
        raise SitsparkError(
            sensor.told(
                "time_series.filler: none needs days that all pixels share, and scenes.description.day gives each its own"
            )
        )
    if sensor.own.relative and chosen.series != "all":
        raise SitsparkError(
            sensor.told(f"relative: is of bands, and features.series: {chosen.series} leaves them out; add series: all to it")
        )
    # of those for all sensors each gives those of the series that it has; its own are right or wrong
    known, own = {*sensor.selection.bands, *(index.name for index in indices)}, sensor.own.statistics or {}
    try:
        return SensorFeatures(
            sensor.name,
            sensor.selection.bands,
            _dates(times, sensor, acquired[sensor.name]),
            indices,
            layout.red,
            layout.nir,
            layout.swir,
            filler=_filler(times),
            kept=chosen.series,
            relative=chosen.relative,
            statistics=tuple((of, names) for of, names in chosen.statistics.items() if of in known or of in own),
        )
    except SitsparkError as error:
        raise SitsparkError(sensor.told(str(error))) from None


def _dates(times: TimeSettings, sensor: Sensor, acquired: tuple[date, ...]) -> TimeGrid | AcquisitionDates:
    start, end = times.start or acquired[0], times.end or acquired[-1]
    within = tuple(day for day in acquired if start <= day <= end)
    if end < start or (times.filler == "none" and not within):
        raise SitsparkError(
            f"time_series: the period {start} to {end} is empty; {sensor.name} is of {acquired[0]} to {acquired[-1]}"
        )
    if times.filler == "none":
        return AcquisitionDates(within)
    return TimeGrid(start, end, times.step)


def _filler(times: TimeSettings) -> Filler:
    match times.filler:
        case "linear":
            return Linear()
        case "nearest":
            return Nearest()
        case "median":
            return Median()
        case "whittaker":
            return Whittaker(times.smoothness or 10)
        case "savitzky_golay":
            return SavitzkyGolay(times.window or 5, 2 if times.degree is None else times.degree)
        case "none":
            return Unfilled()
