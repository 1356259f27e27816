"""Which dates and which bands a model needs: by how much it errs more often once their values belong to other samples."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from sitspark.kernels.feature_space import FeatureSpace, SensorFeatures
from sitspark.kernels.temporal import names_of

Kind = Literal["date", "band", "layer", "custom"]


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Features that are permuted together: their positions in the feature vector, and what they have in common.

    A 'date' has all series of one sensor on one day, a 'band' a band or an index of one sensor on all its days, with its
    statistics; a 'layer' and a 'custom' feature are alone. `name` is unique within its kind.
    """

    kind: Kind
    name: str
    positions: tuple[int, ...]
    sensor: str | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Importance:
    """How much overall accuracy (0-1) is lost without a group: mean and standard deviation over repetitions.

    0: the model doesn't use the group. Below 0: it did better without it, by chance. `deviation` is None for one repetition.
    """

    group: FeatureGroup
    loss: float
    deviation: float | None


def groups_of(space: FeatureSpace) -> tuple[FeatureGroup, ...]:
    """All groups of a feature space: the dates of each sensor, then its bands and indices, then layers and custom features."""
    place = {name: position for position, name in enumerate(space.names)}
    found = [group for sensor in space.sensors for group in _of_sensor(sensor, space, place)]
    found += [FeatureGroup("layer", name, (place[name],)) for name in space.static]
    found += [FeatureGroup("custom", name, (place[name],)) for name in (space.custom.names if space.custom else ())]
    return tuple(found)


def _of_sensor(sensor: SensorFeatures, space: FeatureSpace, place: dict[str, int]) -> Iterator[FeatureGroup]:
    several = len(space.sensors) > 1
    prefix = f"{sensor.sensor}_" if several else ""
    known = space.series
    series = {name: known[f"{prefix}{name}".lower()].positions for name in sensor.kept_series}
    for number, day in enumerate(sensor.grid.dates if series else ()):
        name = f"{prefix}{day.isoformat()}"
        yield FeatureGroup("date", name, tuple(of[number] for of in series.values()), sensor.sensor, day)
    statistics = {
        of: tuple(place[f"{prefix}{of.lower()}_{name}"] for name in names_of(names)) for of, names in sensor.statistics
    }
    for name in dict.fromkeys((*series, *statistics)):
        positions = (*series.get(name, ()), *statistics.get(name, ()))
        yield FeatureGroup("band", f"{prefix}{name}", positions, sensor.sensor)


def permutation_importance(
    classify: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.integer]],
    features: npt.NDArray[np.float32],
    reference: npt.NDArray[np.integer],
    groups: Sequence[FeatureGroup],
    *,
    repeats: int,
    seed: int,
) -> Iterator[Importance]:
    """The importance of each group for samples of features (n, features) and classes `reference` (n,), n > 0.

    Breiman (2001), Random forests, section 10, on samples that the model has never seen. All features of a group are
    permuted alike, and all groups by the same `repeats` permutations, which follow from the seed.
    """
    permuted, count = features.copy(), len(features)
    orders = [np.random.default_rng((seed, number)).permutation(count) for number in range(repeats)]
    right = np.count_nonzero(classify(features) == reference)
    for group in groups:
        columns = list(group.positions)
        losses = []
        for order in orders:
            permuted[:, columns] = features[order[:, None], columns]
            losses.append((right - np.count_nonzero(classify(permuted) == reference)) / count)
        permuted[:, columns] = features[:, columns]
        yield Importance(group, float(np.mean(losses)), float(np.std(losses, ddof=1)) if repeats > 1 else None)


def weights_of(groups: Sequence[FeatureGroup], losses: Mapping[tuple[Kind, str], float]) -> npt.NDArray[np.float64]:
    """What each feature of a space with these groups counts in a distance, float64 (features,).

    Each band, index, layer and custom feature counts what is lost without it (`losses` by kind and name; below 0: nothing),
    divided among its features so that their number doesn't count. Where nothing is lost without any, or nothing is known, all
    count the same. Dates don't count: they share their features with bands, and neighbouring ones replace each other.
    """
    counting = [group for group in groups if group.kind != "date"]
    found = {group: max(losses.get((group.kind, group.name), 0.0), 0.0) for group in counting}
    if not any(found.values()):
        found = dict.fromkeys(counting, 1.0)
    weights = np.zeros(sum(len(group.positions) for group in counting))
    for group, loss in found.items():
        weights[list(group.positions)] = loss / np.sqrt(len(group.positions))
    return weights
