"""The classes that maps of several folds would give to some pixels of a chunk, none of them drawn (floor 2: no Spark)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, Window
from sitspark.kernels.committee import Combine
from sitspark.maps.drawing import Drawing, Speaker
from sitspark.maps.products import Product
from sitspark.maps.series import Series, is_heard, series_of, weight_of
from sitspark.maps.shares import region_weights
from sitspark.models.committee import Committee, Member
from sitspark.models.inference import BLOCK
from sitspark.samples.extract import read_pixels
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading
from sitspark.scenes.region import Region
from sitspark.settings import BoundarySettings

_PIXELS = 4 * BLOCK  # read at a time: of 481 numbers they take 32 MB, and about as much as they are read

Scenes = Mapping[str, Sequence[Scene]]
Places = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FoldModels:
    """The models that never saw the samples of one fold in one run, and how they classify together."""

    left_out: str
    members: tuple[Member, ...]
    combine: Combine = "mean"
    run: int = 1


@dataclass(frozen=True, slots=True)
class FoldImagery:
    """The imagery as the maps of all folds would read it.

    `regions`, in the CRS of the grid, are the grounds of models of the kind 'region', which meet at a `boundary`; `blended` the
    windows of tiles that draw together what they both see. `classification` is the map's raster of classes.
    """

    scenes_table: Path
    reading: Reading
    recipe: Recipe
    classification: Product
    regions: Mapping[str, Region]
    boundary: BoundarySettings | None
    blended: Mapping[str, Window]


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """What the series of a tile say of n pixels: features (n, features), whether they were seen (n,), what each counts (n,)."""

    tile: str
    features: npt.NDArray[np.float32]
    seen: npt.NDArray[np.bool_]
    weight: Weights | None


def classes_of_folds(
    chunk: Chunk,
    scenes: Scenes,
    rows: Places,
    cols: Places,
    wanted: npt.NDArray[np.bool_],
    *,
    imagery: FoldImagery,
    committees: Sequence[Committee],
) -> npt.NDArray[np.int32]:
    """The class code that each committee gives to pixels of a chunk, int32 (committees, n); 0: not classified, or not wanted.

    Pixels lie at (rows, cols) of the output grid, row after row; `wanted` bool (committees, n) says which of them each is asked
    about. A pixel is read once, whatever the number of committees. Raises SitsparkError as `read_pixels` does.
    """
    found = np.zeros(wanted.shape, np.int32)
    series = series_of(chunk, scenes, imagery.reading, imagery.blended)
    near = _near(chunk, rows, cols, imagery)
    for first in range(0, len(rows), _PIXELS):
        part = slice(first, first + _PIXELS)
        views = [_view(one, rows[part], cols[part], chunk, imagery.recipe) for one in series]
        shares = {name: weight[part] for name, weight in near.items()}
        seen = np.any([view.seen for view in views], axis=0)
        for number, committee in enumerate(committees):
            own = np.flatnonzero(wanted[number, part])
            if len(own):
                found[number, first + own] = _classified(committee, views, shares, seen, own, imagery.classification)
    return found


def _near(chunk: Chunk, rows: Places, cols: Places, imagery: FoldImagery) -> dict[str, Weights]:
    """What the models of each region that has any say in the chunk weigh at the pixels, float32 (n,)."""
    grid, window = imagery.reading.grid.cropped(chunk.window), chunk.window
    weights = {name: region_weights(region, grid, imagery.boundary) for name, region in imagery.regions.items()}
    return {name: weight[rows - window.row, cols - window.col] for name, weight in weights.items() if weight is not None}


def _view(series: Series, rows: Places, cols: Places, chunk: Chunk, recipe: Recipe) -> _View:
    raw = read_pixels(series.scenes, rows, cols, series.reading, recipe, window=chunk.window, tile=series.tile)
    custom = raw.custom if recipe.padding else recipe.custom_of_pixels(raw.series, raw.static)
    features = np.empty((len(rows), len(recipe.space)), np.float32)
    recipe.kernel.features(raw.series, raw.static, custom, features)
    seen: npt.NDArray[np.bool_] = np.all([one.valid.any(axis=1) for one in raw.series], axis=0)
    weight = None
    if series.weight is not None:
        weight = np.where(seen, series.weight[rows - chunk.window.row, cols - chunk.window.col], np.float32(0))
    return _View(series.tile, features, seen, weight)


def _classified(
    committee: Committee,
    views: Sequence[_View],
    near: Mapping[str, Weights],
    seen: npt.NDArray[np.bool_],
    own: npt.NDArray[np.intp],
    classification: Product,
) -> npt.NDArray[np.int32]:
    """The class codes of the pixels at the positions `own`, as the map that these models draw has them."""
    drawing = Drawing.of(list(_speakers(committee, views, near, own)), committee.combine, len(own), [classification])
    drawing.take(0, len(own), [view.features[own] for view in views])
    return drawing.finished(seen[own])["classification"].astype(np.int32)


def _speakers(
    committee: Committee, views: Sequence[_View], near: Mapping[str, Weights], own: npt.NDArray[np.intp]
) -> Iterator[Speaker]:
    """The models that say anything of the pixels at the positions `own`, on each view."""
    for number, view in enumerate(views):
        for ground, classifier in committee.classifiers:
            if not is_heard(ground, view.tile, near):
                continue
            weight = weight_of(ground, view.weight, near)
            yield Speaker(classifier, number, None if weight is None else weight[own])
