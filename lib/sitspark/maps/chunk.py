"""Classifying one chunk (floor 2: files and networks, no Spark): models over what is read of it, then its files."""

import functools
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sitspark.grid import Grid
from sitspark.kernels.committee import Combine
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps import products
from sitspark.maps.areas import counts_of
from sitspark.maps.clock import Clock
from sitspark.maps.dissimilarity import Dissimilarity
from sitspark.maps.drawing import Drawing, Rasters, Speaker
from sitspark.maps.portions import portions, portions_ahead
from sitspark.maps.products import Product
from sitspark.maps.record import ChunkRecord, commit
from sitspark.maps.series import is_heard, weight_of
from sitspark.maps.shares import region_weights
from sitspark.maps.views import ReadChunk, View
from sitspark.models.applicability import AreaOfApplicability
from sitspark.models.card import CARD
from sitspark.models.committee import Member
from sitspark.models.gpu import Device, gpu_taken, room_on_gpu
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

    @property
    def device(self) -> Device:
        """What all of its models compute on."""
        return self.models[0].arithmetic.device


def rasters_of(
    read: ReadChunk,
    space: FeatureSpace,
    drawings: Sequence[Drawing],
    wanted: Sequence[Product],
    area: AreaOfApplicability | None,
) -> list[Rasters]:
    """Go through a chunk portion by portion, features of each view once, and finish all drawings.

    Gives the rasters of each drawing, those of all products that are `wanted` among them ([bands,] rows, columns); without
    `area` the dissimilarity can't be.
    """
    by_name, seen = {product.name: product for product in wanted}, read.is_seen
    kept = np.empty((len(space), seen.size), np.float32) if "features" in by_name else None
    dissimilarity = Dissimilarity.of(area, read.views, seen.size) if area and "dissimilarity" in by_name else None
    on_gpu = any(one.classifier.on_gpu for drawing in drawings for one in drawing.speakers)
    for place, features in (portions_ahead if on_gpu else portions)(read, space):
        if kept is not None:
            kept[:, place] = features[0][: place.stop - place.start].T
        for drawing in drawings:
            drawing.take(place.start, place.stop, features)
        if dissimilarity is not None:
            dissimilarity.take(place, features)
    shared: Rasters = {"validity": read.validity}
    if kept is not None:
        # those of the owner
        kept[:, ~read.views[0].stack.is_seen.ravel()] = np.nan
        shared["features"] = kept.reshape(-1, *seen.shape)
    if dissimilarity is not None:
        shared["dissimilarity"] = dissimilarity.finished(seen)
    finished = (drawing.finished(seen) for drawing in drawings)
    return [{**shared, **rasters} for rasters in finished]


def _speakers(target: MapTarget, views: Sequence[View], grid: Grid) -> list[Speaker]:
    """The models of a map that say anything of a chunk on `grid`, on each view; models are read once a process."""
    weights = {name: region_weights(region, grid, target.boundary) for name, region in target.regions.items()}
    near = {name: weight for name, weight in weights.items() if weight is not None}
    found = []
    for number, view in enumerate(views):
        for model in target.models:
            if not is_heard(model.ground, view.tile, near):
                continue
            weight = weight_of(model.ground, view.weight, near)
            if weight is not None and (weight == 1).all():
                weight = None
            # a worker's next task may have another GPU
            classifier = _classifier(model, (model.folder / CARD).stat().st_mtime_ns, gpu_taken(model.arithmetic.device))
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
    area: AreaOfApplicability | None = None,
) -> list[ChunkRecord]:
    """Classify a chunk with every model, write its files on `grid`, its own, and, last, the record of each map.

    `wanted` are the products of the maps, of which dissimilarity is that to the samples of `area`; `regions`, in the CRS of the
    grid, are those in which classes are counted.
    """
    clock = Clock(read.spent.seconds)
    chunk, window = read.chunk, read.chunk.window
    with room_on_gpu():
        speakers = [_speakers(target, read.views, grid) for target in targets]
        clock.lap("load")
        drawings = [Drawing.of(s, t.combine, window.pixels, wanted) for s, t in zip(speakers, targets, strict=True)]
        drawn = rasters_of(read, space, drawings, wanted, area)
    areas = {name: region.pixels(grid).astype(bool) for name, region in regions.items()}
    clock.lap("classify")
    records = []
    for target, rasters in zip(targets, drawn, strict=True):
        files = {
            product.name: products.write_chunk(
                target.chunks / f"{chunk.chunk_id}_{product.name}.tif", rasters[product.name], grid, product
            )
            for product in wanted
        }
        classes = rasters["classification"].astype(np.uint16)
        clock.lap("write")
        record = ChunkRecord(
            chunk.chunk_id,
            chunk.tile,
            window.row,
            window.col,
            window.height,
            window.width,
            files,
            counts_of(classes),
            {name: counts for name, inside in areas.items() if (counts := counts_of(classes[inside]))},
            sum(len(cube.days) for view in read.views for cube in view.stack.cubes),
            target.precision,
            target.device,
            platform.node(),
            attempt,
            dict(clock.seconds),
            round(clock.cpu_seconds + read.spent.cpu_seconds, 4),
            _peak_mb(),
        )
        commit(record, target.chunks)
        records.append(record)
    return records


@functools.lru_cache(maxsize=64)  # the models of one pass: those of some regions, of one seed or several
def _classifier(model: Member, _modified: int, _gpu: int | None) -> Classifier:
    """A model, read once a process and GPU."""
    return Classifier.load(model.folder, code=model.code, arithmetic=model.arithmetic)


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
