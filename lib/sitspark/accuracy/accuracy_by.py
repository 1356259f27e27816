"""Where a map is right: the accuracy of pixels that have something in common, as clear dates, or the tile that they lie on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sitspark.accuracy.bootstrap import Interval, intervals_of
from sitspark.accuracy.unit_counts import UnitCounts

CLEAR_DATES, DISTANCE, TILE, REGION = "clear_dates", "distance_km", "tile", "region"
MOST_BINS = 6  # of clear dates
_KILOMETRES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, np.inf)
_WRONG, _RIGHT = 0, 1

# the name and the bounds of a group, and which rows are its own, bool (n,)
_Cut = tuple[str | None, float | None, float | None, npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class GroupAccuracy:
    """How many pixels of a group are right, of so many polygons, and the 95 % interval of that share, polygons drawn anew.

    `kind` is what they have in common: CLEAR_DATES, from `lower` to `upper`; DISTANCE of their polygon to the nearest one that
    trains, kilometres, from `lower` to below `upper` (None: any); TILE or REGION, by its `name`.
    """

    kind: str
    name: str | None
    lower: float | None
    upper: float | None
    pixels: int = 0
    correct: int = 0
    polygons: int = 0
    interval: Interval | None = None

    @property
    def accuracy(self) -> float:
        """The share of the pixels that is right."""
        return self.correct / self.pixels

    @property
    def label(self) -> str:
        """The group in words, without its unit."""
        if self.name is not None:
            return self.name
        if self.upper is None:
            return f"{self.lower:g} or more"
        return f"{self.lower:g}" if self.lower == self.upper else f"{self.lower:g} to {self.upper:g}"

    def to_facts(self) -> dict[str, Any]:
        """JSON-like values: a row of the table `accuracy_by`."""
        ends = {end: self.interval and getattr(self.interval, end) for end in ("low", "high")}
        own = {name: getattr(self, name) for name in ("kind", "name", "lower", "upper", "pixels", "correct", "polygons")}
        return {**own, "accuracy": self.accuracy, **ends}

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> "GroupAccuracy":
        """Read back what `to_facts` gave."""
        interval = None if facts["low"] is None else Interval(facts["low"], facts["high"])
        own = {name: facts[name] for name in ("kind", "name", "lower", "upper", "pixels", "correct", "polygons")}
        return GroupAccuracy(**own, interval=interval)


def accuracy_by(counts: pd.DataFrame, *, seed: int) -> tuple[GroupAccuracy, ...]:
    """The groups of each kind, bins and names ascending, those without pixels left out.

    `counts` has the columns polygon_id, right (bool), pixels, and one for each kind that is known: CLEAR_DATES (whole numbers),
    DISTANCE (km), TILE, REGION; rows without a value are in no group of that kind.
    """
    found = []
    for kind, cut in _CUTS.items():
        if kind in counts:
            known = counts[counts[kind].notna()]
            for name, lower, upper, own in cut(known[kind], known["pixels"]):
                found.append(_measured(GroupAccuracy(kind, name, lower, upper), known[own], seed))
    return tuple(found)


def kinds_of(groups: Sequence[GroupAccuracy]) -> dict[str, list[GroupAccuracy]]:
    """The groups of each kind of which there are several: one alone says no more than the whole."""
    kinds: dict[str, list[GroupAccuracy]] = {}
    for group in groups:
        kinds.setdefault(group.kind, []).append(group)
    return {kind: of for kind, of in kinds.items() if len(of) > 1}


def in_words(groups: Sequence[GroupAccuracy]) -> str:
    """A sentence on the groups of one kind: bins from the first to the last, or names from the worst to the best."""
    kind, ordered = groups[0].kind, groups
    if kind in (TILE, REGION):
        ordered = sorted(groups, key=lambda group: group.accuracy)
    one, other = ordered[0], ordered[-1]
    where = {
        CLEAR_DATES: "pixels with {} clear dates",
        DISTANCE: "pixels of polygons {} km from the nearest one that trains",
    }.get(kind, "pixels " + ("on tile" if kind == TILE else "in region") + " {}")
    shares = [f"{where.format(group.label)} {100 * group.accuracy:.1f} % are right" for group in (one, other)]
    if f"{one.accuracy:.3f}" == f"{other.accuracy:.3f}":
        return f"Of {where.format(one.label)} as many are right as of {where.format(other.label)}: {100 * one.accuracy:.1f} %."
    return f"Of {shares[0]}, of {shares[1]}; {_overlap(one.interval, other.interval)}."


def _overlap(one: Interval | None, other: Interval | None) -> str:
    if one is None or other is None:
        return "too few polygons say whether that is more than chance"
    if one.high < other.low or other.high < one.low:
        return "their intervals don’t overlap"
    return "their intervals overlap, so that it may be chance"


def _whole_numbers(values: pd.Series, pixels: pd.Series) -> Iterator[_Cut]:
    """Bins of about as many pixels each; a number goes to one bin as a whole."""
    numbers, position = np.unique(values.to_numpy(np.int64), return_inverse=True)
    held = np.bincount(position, pixels.to_numpy(np.float64))
    place = np.floor((np.cumsum(held) - held / 2) / held.sum() * MOST_BINS) if len(held) else held
    for bin_ in np.unique(place):
        own = numbers[place == bin_]
        yield None, float(own[0]), float(own[-1]), (place == bin_)[position]


def _distances(values: pd.Series, _pixels: pd.Series) -> Iterator[_Cut]:
    place = np.digitize(values.to_numpy(np.float64), _KILOMETRES) - 1
    for bin_ in np.unique(place):
        lower, upper = _KILOMETRES[bin_], _KILOMETRES[bin_ + 1]
        yield None, lower, None if np.isinf(upper) else upper, place == bin_


def _names(values: pd.Series, _pixels: pd.Series) -> Iterator[_Cut]:
    for name in sorted(values.unique()):
        yield name, None, None, (values == name).to_numpy()


_CUTS: Mapping[str, Callable[[pd.Series, pd.Series], Iterator[_Cut]]] = {
    CLEAR_DATES: _whole_numbers,
    DISTANCE: _distances,
    TILE: _names,
    REGION: _names,
}


def _measured(group: GroupAccuracy, counts: pd.DataFrame, seed: int) -> GroupAccuracy:
    units, pixels = counts["polygon_id"].to_numpy(), counts["pixels"].to_numpy(np.int64)
    right = counts["right"].to_numpy(bool)
    # all are of one class, and produced as it or not: overall accuracy is the share that is right
    rows = UnitCounts(units, np.full(len(units), _RIGHT), np.where(right, _RIGHT, _WRONG), pixels)
    interval = intervals_of(rows, (_WRONG, _RIGHT), seed=seed).overall_accuracy
    correct = int(pixels[right].sum())
    return replace(group, pixels=int(pixels.sum()), correct=correct, polygons=len(np.unique(units)), interval=interval)
