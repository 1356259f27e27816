"""The area of applicability of Meyer and Pebesma (2021): how far a pixel is from the samples that a model learnt from.

All training samples and all features would be too many to compare each pixel with: the directions in which samples differ most
stand for all features, with the distance from these; and samples are gathered in cells, of which the nearest are looked into.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from sitspark.atomic import publish
from sitspark.errors import SitsparkError
from sitspark.kernels.dissimilarity import furthest_first, mean_distance, nearest_in_cells, outlier_free_maximum

_ROWS = 128  # places at a time, always: matrix products of another height may round otherwise
_CELLS = 2  # cells that are looked into for the nearest sample
_CROWDED = 4  # how many times more samples than others a cell has that pixels lie in, as measured
PAIRED = 2000  # samples whose distances to each other are averaged
_ALIKE = "applicability: the samples to train on are alike in all that the model needs; leave it out"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FoldedSamples:
    """Samples: features float32 (n, features), and the fold of each, int64 (n,)."""

    features: Floats
    folds: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScale:
    """Features less `centre`, times `factor`, float32 (features,): standardised by the training samples, and weighted."""

    centre: Floats
    factor: Floats

    @staticmethod
    def of(features: Floats, weights: npt.NDArray[np.float64]) -> "FeatureScale":
        """That of training samples (n, features) and weights (features,); a feature that never differs counts nothing."""
        deviation = features.std(axis=0, dtype=np.float64)
        factor = np.divide(weights, deviation, out=np.zeros(len(weights)), where=deviation > 0)
        return FeatureScale(features.mean(axis=0, dtype=np.float64).astype(np.float32), factor.astype(np.float32))

    def apply(self, features: Floats) -> Floats:
        """The weighted features, (n, features)."""
        scaled: Floats = (features - self.centre) * self.factor
        return scaled


@dataclass(frozen=True, slots=True, eq=False)
class AreaOfApplicability:
    """What it takes to say how far a pixel is from the training samples, and whether that is too far.

    `axes`, float32 (features, d), are orthonormal; `places`, float32 (n, d + 1), are those of the training samples on the axes
    and, last, off them, sorted by cell; `folds`, int64 (n,), are theirs. Cells have `centres`, float32 (cells, d + 1), and
    `starts`, int64 (cells + 1,), among the places. `unit` is the mean distance of training samples, `threshold` the largest
    index inside.
    """

    scale: FeatureScale
    axes: Floats
    places: Floats
    folds: npt.NDArray[np.int64]
    centres: Floats
    starts: npt.NDArray[np.int64]
    unit: float
    threshold: float

    @staticmethod
    def fit(samples: FoldedSamples, weights: npt.NDArray[np.float64], *, dimensions: int, cells: int) -> "AreaOfApplicability":
        """Find it from training samples, of two folds or more, and the weights of features, float64 (features,).

        The threshold is the outlier-free maximum of the index of training samples to those of other folds. Raises SitsparkError
        where samples are of one fold, and where most don't differ in any feature that has a weight.
        """
        scale = FeatureScale.of(samples.features, weights)
        scaled = scale.apply(samples.features)
        axes = _principal_axes(scaled, dimensions)
        places = _placed(scaled, axes)
        unit = mean_distance(spread(places, PAIRED))
        if len(np.unique(samples.folds)) < 2:
            raise SitsparkError(
                "applicability: the samples to train on are of one fold, or one polygon; add some, or leave it out"
            )
        if unit == 0:
            raise SitsparkError(_ALIKE)
        furthest = outlier_free_maximum(nearest_of_others(places, samples.folds, among=places, folds=samples.folds))
        if furthest == 0:
            raise SitsparkError(_ALIKE)
        centres = places[furthest_first(places, cells)]
        cell = _nearest_ones(places, centres, 1)[:, 0]
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(len(centres) + 1))
        return AreaOfApplicability(scale, axes, places[order], samples.folds[order], centres, starts, unit, furthest / unit)

    def index(self, features: Floats) -> Floats:
        """The dissimilarity index of samples (n, features), float32 (n,).

        Each is the same, bit for bit, whatever others come with it.
        """
        places = self._places_of(features)
        cells = _nearest_ones(places, self.centres, min(_CELLS, len(self.centres)))
        return nearest_in_cells(places, cells, self.places, self.starts) / np.float32(self.unit)

    def left_out_index(self, samples: FoldedSamples) -> Floats:
        """The index of samples to those of other folds than their own, float32 (n,), without regard to cells."""
        return nearest_of_others(self._places_of(samples.features), samples.folds, among=self.places, folds=self.folds) / (
            np.float32(self.unit)
        )

    def _places_of(self, features: Floats) -> Floats:
        blocks = (features[first : first + _ROWS] for first in range(0, len(features), _ROWS))
        return np.concatenate([_placed(_whole(self.scale.apply(block)), self.axes)[: len(block)] for block in blocks])

    def save(self, path: Path) -> None:
        """Write it to a file."""
        arrays = {
            "centre": self.scale.centre,
            "factor": self.scale.factor,
            "axes": self.axes,
            "places": self.places,
            "folds": self.folds,
            "centres": self.centres,
            "starts": self.starts,
            "unit": np.array(self.unit),
            "threshold": np.array(self.threshold),
        }
        publish(path, save({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}))

    @staticmethod
    def load(path: Path) -> "AreaOfApplicability":
        """Read what `save` wrote; raises SitsparkError with the path where there is nothing of the kind."""
        try:
            arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in load(path.read_bytes()).items()}
            return AreaOfApplicability(
                FeatureScale(arrays["centre"], arrays["factor"]),
                arrays["axes"],
                arrays["places"],
                arrays["folds"],
                arrays["centres"],
                arrays["starts"],
                arrays["unit"].item(),
                arrays["threshold"].item(),
            )
        except (OSError, SafetensorError, KeyError) as error:
            raise SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew") from None

    @staticmethod
    def stand_in(features: int, *, samples: int, dimensions: int, cells: int) -> "AreaOfApplicability":
        """One that takes as long as that of so many samples of so many features, and says nothing."""
        random, ones = np.random.default_rng(0), np.ones(features, np.float32)
        kept, each = min(dimensions, features), -(-_CROWDED * samples // cells)
        shapes = {"axes": (features, kept), "places": (each * cells, kept + 1), "centres": (cells, kept + 1)}
        arrays = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        folds, starts = np.zeros(each * cells, np.int64), each * np.arange(cells + 1)
        return AreaOfApplicability(FeatureScale(ones, ones), **arrays, folds=folds, starts=starts, unit=1.0, threshold=1.0)


def spread(rows: npt.NDArray[Any], most: int) -> npt.NDArray[Any]:
    """At most so many rows, evenly spread over all."""
    taken: npt.NDArray[Any] = rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))]
    return taken


def nearest(points: Floats, among: Floats) -> Floats:
    """The Euclidean distance of each of `points` (n, d) to the nearest one `among` (m, d), m > 0, float32 (n,)."""
    found = np.empty(len(points), np.float32)
    for rows, compared in _compared(points, among):
        found[rows] = _distance(points[rows], among[compared.argmin(axis=1)])
    return found


def nearest_of_others(points: Floats, own: npt.NDArray[np.int64], *, among: Floats, folds: npt.NDArray[np.int64]) -> Floats:
    """The same to the nearest of another fold, of `folds` (m,), than the point's `own` (n,); infinite where there is none."""
    found = np.empty(len(points), np.float32)
    for rows, compared in _compared(points, among):
        compared[own[rows, np.newaxis] == folds] = np.inf
        ones = compared.argmin(axis=1)
        distance = _distance(points[rows], among[ones])
        found[rows] = np.where(np.isinf(compared[np.arange(len(ones)), ones]), np.inf, distance)
    return found


def _nearest_ones(points: Floats, among: Floats, count: int) -> npt.NDArray[np.int64]:
    """Which `count` ones `among` (m, d) are the nearest of each of `points` (n, d), int64 (n, count), the nearest first."""
    found = np.empty((len(points), count), np.int64)
    for rows, compared in _compared(points, among):
        each = np.arange(len(compared))
        for place in range(count):
            found[rows, place] = ones = compared.argmin(axis=1)
            compared[each, ones] = np.inf
    return found


def _compared(points: Floats, among: Floats) -> Iterator[tuple[slice, Floats]]:
    """Block by block: which points, and half their squared distance to each `among`, less what a point has in all of them."""
    others, halves = torch.from_numpy(np.ascontiguousarray(-among.T)), torch.from_numpy((among**2).sum(axis=1) / 2)
    for first in range(0, len(points), _ROWS):
        rows = slice(first, min(first + _ROWS, len(points)))
        product = torch.addmm(halves, torch.from_numpy(_whole(points[rows])), others).numpy()
        yield rows, product[: rows.stop - first]


def _distance(points: Floats, others: Floats) -> Floats:
    """The distance of each of `points` (n, d) to the one of `others` (n, d) in its place, float32 (n,)."""
    found: Floats = np.sqrt(((others - points) ** 2).sum(axis=1))
    return found


def _whole(block: Floats) -> Floats:
    """A block of `_ROWS` rows, of zeros after the given ones."""
    if len(block) == _ROWS:
        return block
    return np.concatenate([block, np.zeros((_ROWS - len(block), block.shape[1]), np.float32)])


def _principal_axes(scaled: Floats, dimensions: int) -> Floats:
    """The orthonormal directions in which samples (n, features) differ most, float32 (features, at most `dimensions`)."""
    covariance = torch.from_numpy(scaled).T @ torch.from_numpy(scaled)
    vectors = torch.linalg.eigh(covariance.double()).eigenvectors.numpy()
    return np.ascontiguousarray(vectors[:, ::-1][:, :dimensions]).astype(np.float32)


def _placed(scaled: Floats, axes: Floats) -> Floats:
    """The places of scaled features (n, features) on axes and, last, how far off them, float32 (n, d + 1).

    No two places are further apart than the samples are.
    """
    on = (torch.from_numpy(scaled) @ torch.from_numpy(axes)).numpy()
    off = (scaled**2).sum(axis=1) - (on**2).sum(axis=1)
    return np.concatenate([on, np.sqrt(np.maximum(off, 0))[:, np.newaxis]], axis=1)
