"""How far samples and the map are from the training samples: numbers, and a sentence that says what they mean."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

_THIRD = 1 / 3  # of the way between two medians, up to which a third one is about as the nearer of them
_SHARES = np.linspace(0, 1, 101)

Kind = Literal["training_left_out", "set_aside", "set_aside_left_out", "map"]


@dataclass(frozen=True, slots=True)
class ApproximationError:
    """How many of so many samples change sides of the threshold by the exact index.

    `mean` is the mean difference of the exact index and the approximate one, in units of their thresholds.
    """

    samples: int
    mean: float
    changed: int


@dataclass(frozen=True, slots=True)
class Distances:
    """The dissimilarity indices of so many samples or pixels: their 101 percentiles, and the share that is above the threshold.

    `of` says whose they are, and how far from what: of training samples and of those set aside to the training samples of other
    folds (`training_left_out`, `set_aside_left_out`), of those set aside (`set_aside`) and of the map to all of them.
    """

    of: Kind
    count: int
    percentiles: tuple[float, ...]
    outside: float

    @staticmethod
    def measured(of: Kind, index: npt.NDArray[np.floating], threshold: float) -> "Distances":
        """Those of indices (n,), n > 0."""
        found = np.quantile(index.astype(np.float64), _SHARES)
        return Distances(of, len(index), tuple(found.tolist()), float(np.mean(index > threshold)))

    @staticmethod
    def mapped(counts: npt.NDArray[np.int64], *, scale: int, threshold: float) -> "Distances":
        """Those of a map of which `counts` (values,), not all 0, pixels have each value; `scale` is that of the threshold."""
        total, until = int(counts.sum()), counts.cumsum()
        ranks = np.rint(_SHARES * (total - 1)).astype(np.int64) + 1
        found = np.searchsorted(until, ranks) / scale * threshold
        return Distances("map", total, tuple(found.tolist()), float(counts[scale + 1 :].sum() / total))

    @property
    def median(self) -> float:
        """The index that half of them don't exceed."""
        return self.percentiles[len(self.percentiles) // 2]


@dataclass(frozen=True, slots=True)
class Part:
    """A fold or a tile: how many samples or pixels it has, their median index, and the share that is above the threshold."""

    name: str
    count: int
    median: float
    outside: float

    @staticmethod
    def of(name: str, distances: Distances) -> "Part":
        """What is told of a part."""
        return Part(name, distances.count, distances.median, distances.outside)


@dataclass(frozen=True, slots=True)
class Applicability:
    """The area of applicability of a run: its threshold, what it was found from, and what lies how far away.

    `fold` is what one fold is called; 'polygon' where samples aren't of several folds. `weighted`: features count by
    importance. `error` is None where nothing is set aside. `folds` are those of the samples set aside, each left
    out; `tiles` those of the map, where it is known.
    """

    threshold: float
    fold: str
    weighted: bool
    samples: int
    dimensions: int
    cells: int
    error: ApproximationError | None
    distances: tuple[Distances, ...]
    folds: tuple[Part, ...] = ()
    tiles: tuple[Part, ...] = ()

    def known(self, of: Kind) -> Distances | None:
        """The distances of a kind, where there are some."""
        return next((one for one in self.distances if one.of == of), None)

    @property
    def sentence(self) -> str:
        """What the distances mean."""
        near, far, drawn = (self.known(of) for of in ("set_aside", "set_aside_left_out", "map"))
        told = []
        if near is not None and far is not None:
            told.append(
                f"samples set aside have a median dissimilarity of {near.median:.3f}, and of {far.median:.3f} "
                f"({_times(far.median, near.median)}) when their {self.fold} is left out: {near.outside:.1%} and "
                f"{far.outside:.1%} of them are outside the area of applicability"
            )
        elif near is not None:
            told.append(
                f"samples set aside have a median dissimilarity of {near.median:.3f}, and {near.outside:.1%} of them are "
                "outside the area of applicability"
            )
        if drawn is not None:
            told.append(f"pixels of the map have one of {drawn.median:.3f}, and {drawn.outside:.1%} of them are outside")
            if near is not None and far is not None and near.median < far.median:
                told.append(_which_score((drawn.median - near.median) / (far.median - near.median), self.fold))
        return "; ".join(told)

    def to_json(self) -> dict[str, Any]:
        """JSON-like values."""
        return asdict(self) | {"meaning": self.sentence}

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> "Applicability":
        """Read back what `to_json` gave."""
        own = {name: value for name, value in fields.items() if name != "meaning"}
        error = own.pop("error")
        distances = tuple(Distances(**one | {"percentiles": tuple(one["percentiles"])}) for one in own.pop("distances"))
        folds, tiles = (tuple(Part(**one) for one in own.pop(name)) for name in ("folds", "tiles"))
        return Applicability(**own, error=error and ApproximationError(**error), distances=distances, folds=folds, tiles=tiles)


def parts_csv(parts: Sequence[Part]) -> str:
    """Tiles of a map as CSV: pixels, those outside the area of applicability, their share, and the median index."""
    rows = [f"{one.name},{one.count},{round(one.outside * one.count)},{one.outside:.6f},{one.median:.6f}" for one in parts]
    return "\n".join(("tile,pixels,outside,share_outside,median_dissimilarity", *rows, ""))


def _which_score(place: float, fold: str) -> str:
    """Which score of a cross-validation tells of the map, by its place between samples set aside (0) and those left out (1)."""
    if _THIRD < place < 1 - _THIRD:
        return f"the map lies between the two, and its score between that of the same area and that of a {fold} left out"
    of = "the same area" if place <= _THIRD else f"a {fold} left out"
    return f"the map is about as far as samples of {of}, whose score is the one to expect of it"


def _times(far: float, near: float) -> str:
    return f"{far / near:.1f} times as much" if near > 0 else "more" if far > 0 else "as much"
