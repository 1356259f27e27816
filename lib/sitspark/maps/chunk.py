"""Classifying one chunk (floor 2: files and networks, no Spark): models over what is read of it, then its files."""

import functools
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid
from sitspark.kernels.committee import Combine
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps import products
from sitspark.maps.areas import counts_of
from sitspark.maps.clock import Clock
from sitspark.maps.drawing import Drawing, Speaker
from sitspark.maps.products import Product
from sitspark.maps.record import ChunkRecord, commit
from sitspark.maps.shares import region_weights
from sitspark.maps.views import ReadChunk, View
from sitspark.models.card import CARD
from sitspark.models.committee import Member
from sitspark.models.inference import Classifier
from sitspark.scenes.region import Region
from sitspark.settings import BoundarySettings


@dataclass(frozen=True, slots=True)
class MapTarget:
    """A map: the folder that takes its chunks, its models, and how they draw it together.

    `regions`, in the CRS of the grid, are the grounds of models of the kind 'region', by their names.
    """

    chunks: Path
    models: tuple[Member, ...]
    combine: Combine = "mean"
    regions: Mapping[str, Region] = field(default_factory=dict)
    boundary: BoundarySettings | None = None

    @property
    def precision(self) -> str:
        """That of all of its models."""
        return self.models[0].arithmetic.precision


def classify_views(
    views: Sequence[View],
    space: FeatureSpace,
    drawings: Sequence[Drawing],
    *,
    kept: npt.NDArray[np.float32] | None = None,
) -> None:
    """Go on with all drawings of a window through all of its pixels; features of a view are computed once.

    `kept` takes all features of the first view, float32 (features, pixels).
    """
    for of_views in zip(*(view.blocks(space) for view in views), strict=True):
        place, first = of_views[0]
        if kept is not None:
            kept[:, place] = first[: place.stop - place.start].T
        for drawing in drawings:
            drawing.take(place.start, place.stop, [features for _, features in of_views])


def _speakers(target: MapTarget, views: Sequence[View], grid: Grid) -> list[Speaker]:
    """The models of a map that say anything of a chunk on `grid`, on each view; models are read once a process."""
    near = {name: region_weights(region, grid, target.boundary) for name, region in target.regions.items()}
    found = []
    for number, view in enumerate(views):
        for model in target.models:
            ground, weight = model.ground, view.weight
            if ground is not None and ground.kind == "tile" and ground.name != view.tile:
                continue
            if ground is not None and ground.kind == "region":
                own = near.get(ground.name)
                if own is None:
                    continue
                weight = own if weight is None else weight * own
            if weight is not None and (weight == 1).all():
                weight = None
            classifier = _classifier(model, (model.folder / CARD).stat().st_mtime_ns)
            found.append(Speaker(classifier, number, None if weight is None else weight.ravel()))
    return found


def write_chunk_maps(
    read: ReadChunk,
    space: FeatureSpace,
    grid: Grid,
    *,
    targets: Sequence[MapTarget],
    wanted: Sequence[Product],
    regions: Mapping[str, Region],
    attempt: int,
) -> list[ChunkRecord]:
    """Classify a chunk with every model, write its files on `grid`, its own, and, last, the record of each map.

    `wanted` are the products of the maps; `regions`, in the CRS of the grid, those in which classes are counted.
    """
    clock = Clock(read.spent.seconds, read.spent.cpu_seconds)
    chunk, window, seen = read.chunk, read.chunk.window, read.is_seen
    drawings = [Drawing.of(_speakers(target, read.views, grid), target.combine, window.pixels, wanted) for target in targets]
    clock.lap("load")
    by_name = {product.name: product for product in wanted}
    kept = np.empty((len(space), window.pixels), np.float32) if "features" in by_name else None
    classify_views(read.views, space, drawings, kept=kept)
    arrays: dict[str, npt.NDArray[np.generic]] = {"validity": read.validity}
    if kept is not None:
        kept[:, ~read.views[0].stack.is_seen.ravel()] = np.nan
        arrays["features"] = kept.reshape(-1, *seen.shape)
    areas = {name: region.pixels(grid).astype(bool) for name, region in regions.items()}
    clock.lap("classify")
    records = []
    for target, drawing in zip(targets, drawings, strict=True):
        result = drawing.finished(seen)
        own = {
            "classification": result.classes.astype(by_name["classification"].dtype),
            "confidence": result.confidence,
            **result.further,
        }
        files = {
            name: products.write_chunk(target.chunks / f"{chunk.chunk_id}_{name}.tif", array, grid, by_name[name])
            for name, array in (arrays | own).items()
        }
        clock.lap("write")
        record = ChunkRecord(
            chunk.chunk_id,
            chunk.tile,
            window.row,
            window.col,
            window.height,
            window.width,
            files,
            counts_of(result.classes),
            {name: counts for name, inside in areas.items() if (counts := counts_of(result.classes[inside]))},
            sum(len(cube.days) for view in read.views for cube in view.stack.cubes),
            target.precision,
            platform.node(),
            attempt,
            dict(clock.seconds),
            clock.cpu_seconds,
            _peak_mb(),
        )
        commit(record, target.chunks)
        records.append(record)
    return records


@functools.lru_cache(maxsize=64)  # the models of one pass: those of some regions, of one seed or several
def _classifier(model: Member, _modified: int) -> Classifier:
    """A model, read once a process."""
    return Classifier.load(model.folder, code=model.code, arithmetic=model.arithmetic)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
