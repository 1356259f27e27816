"""From the settings of a map to what is done to it after it is drawn."""

import math
from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.maps.regularise import Filter, Majority, Regularisation, Sieve, Smoothing
from sitspark.settings import MapSettings, RegulariseSettings, SmoothingSettings, UnitSettings

_Value = TypeVar("_Value", int, float)


def regularisation_of(settings: MapSettings, nomenclature: Nomenclature, hectares: float) -> Regularisation | None:
    """What the settings ask for, on a grid whose pixels have so many hectares; None: nothing.

    Raises SitsparkError with the key for what is no class, or is named twice.
    """
    smoothing = None if settings.smoothing is None else _smoothing(settings.smoothing, settings.probability_scale, nomenclature)
    filters: list[Filter] = []
    if settings.regularise is not None:
        filters.append(_majority(settings.regularise, nomenclature))
    if settings.minimum_unit is not None:
        filters.append(_sieve(settings.minimum_unit, nomenclature, hectares))
    return Regularisation(smoothing, tuple(filters)) if smoothing is not None or filters else None


def _smoothing(settings: SmoothingSettings, scale: int, nomenclature: Nomenclature) -> Smoothing:
    smoothness = np.full(len(nomenclature), settings.smoothness)
    for position, value in _positions(settings.by_class.items(), nomenclature, "map.smoothing.by_class").items():
        smoothness[position - 1] = value
    return Smoothing(settings.radius, smoothness, scale)


def _majority(settings: RegulariseSettings, nomenclature: Nomenclature) -> Majority:
    group = np.zeros(len(nomenclature) + 1, np.int64)
    radius = np.full(len(nomenclature) + 1, settings.radius, np.int64)
    members = [(name, number) for number, one in enumerate(settings.groups, 1) for name in one.classes]
    for position, number in _positions(members, nomenclature, "map.regularise.groups").items():
        group[position], radius[position] = number, settings.groups[number - 1].radius
    radius[0] = 0
    return Majority(group, radius, settings.passes)


def _sieve(settings: UnitSettings, nomenclature: Nomenclature, hectares: float) -> Sieve:
    wanted = np.full(len(nomenclature) + 1, settings.hectares)
    for position, value in _positions(settings.by_class.items(), nomenclature, "map.minimum_unit.by_class").items():
        wanted[position] = value
    # 0.3 ha are 30 pixels of 10 m, whatever floating point says
    return Sieve(np.array([math.ceil(round(value / hectares, 6)) for value in wanted.tolist()], np.int64))


def _positions(given: Iterable[tuple[int | str, _Value]], nomenclature: Nomenclature, key: str) -> dict[int, _Value]:
    """Values by position of the class from 1, from codes or names."""
    of_name = {c.name: i for i, c in enumerate(nomenclature, 1)} | {str(c.code): i for i, c in enumerate(nomenclature, 1)}
    found: dict[int, _Value] = {}
    for name, value in given:
        if str(name) not in of_name:
            raise SitsparkError(f"{key}: '{name}' is neither a code nor a name of classes.nomenclature; correct it")
        if of_name[str(name)] in found:
            raise SitsparkError(f"{key}: class {name} is named twice; leave one of them out")
        found[of_name[str(name)]] = value
    return found
