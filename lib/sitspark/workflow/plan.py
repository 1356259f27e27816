"""Foreseeing a run, before anything is paid: headers are opened, windows of the products mapped by way of trial."""

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import shapely

from sitspark.ahead import mapped
from sitspark.errors import SitsparkError
from sitspark.features.from_settings import recipe_of
from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, ChunkShape, Window
from sitspark.ground_truth.folds import NOUNS
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.products import Product, held_bytes, products_of
from sitspark.models.applicability import AreaOfApplicability
from sitspark.models.arithmetic import Precision, arithmetic_of
from sitspark.models.baselines.stand_in import stand_in
from sitspark.models.baselines.training import samples_that_fit
from sitspark.models.gpu import Device, gpu_memory
from sitspark.models.inference import BaselineClassifier, Classifier, one_thread
from sitspark.models.model import Model
from sitspark.models.networks.bank import chosen
from sitspark.scenes.archive import Listed, Rows
from sitspark.scenes.chunk_plan import BESIDE, Coverage, TileExtent, cover
from sitspark.scenes.chunk_shape import chunk_shape, worker_bytes
from sitspark.scenes.container import Container, Files, LooseFiles
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.product import Scene, Source
from sitspark.scenes.reading import Reading
from sitspark.scenes.sensors import ArchiveSensor, reading_of
from sitspark.spark import local_cores, machine_memory_mb
from sitspark.workflow.context import Context
from sitspark.workflow.draw import chunks_begun
from sitspark.workflow.foreseen import Bound, Cost, Foreseen, Held
from sitspark.workflow.learn import refuse_folds_of_models
from sitspark.workflow.map_device import device_of_trial
from sitspark.workflow.rehearsal import Pace, rehearsed
from sitspark.workflow.searching import trials_at_a_time
from sitspark.workflow.speed import Speed, seconds_a_pixel, trial

_THREADS = 8  # products opened at a time: opening waits for the disk or the network
_PLACES = (0.5, 0.2, 0.8, 0.35, 0.65)  # of windows that are drawn by way of trial, among the chunks of a tile
_ASKED = 3  # products of a tile whose sizes a store is asked for


def plan(context: Context, done: Sequence[str] = ()) -> Foreseen:
    """Open the headers, draw windows of the real products with a network of the right size, and multiply.

    `done` are the stages that are finished under the present settings. Raises SitsparkError for a run without imagery.
    """
    if context.settings.observations is not None:
        raise SitsparkError(
            "plan: foresees the reading and mapping of imagery, and the run starts from a table (observations); "
            "`sitspark check` looks at that"
        )
    settings = context.settings
    imagery = _Imagery.of(context)
    work = _Work.on(imagery)
    # a cluster may have any number
    cores = local_cores(settings.spark.master) or os.cpu_count() or 1
    device = device_of_trial(context, tasks=cores)
    costs = _Costs.of(work, trained="train" in done, workers=min(cores, len(work.chunks)), device=device)
    features, folds = len(imagery.recipe.space), _folds(context)
    return Foreseen(
        products=imagery.products,
        tiles=len(imagery.tiles[context.leading.name]),
        chunks=len(work.chunks),
        chunk_shape=str(work.shape),
        pixels=work.pixels,
        dates=imagery.dates,
        features=features,
        bytes_to_read=work.bytes_to_read,
        bytes_to_write={product.name: product.pixel_bytes * work.written_pixels for product in work.products},
        worker_memory_mb=round(work.worker_bytes / 1e6),
        machine_memory_mb=machine_memory_mb() if settings.spark.master.startswith("local") else None,
        cores=cores,
        device=device,
        pixels_per_core_second=round(costs.speed.per_core_second),
        error=round(costs.speed.error, 2),
        costs=costs.of_map(),
        no_folds=_why_no_folds(context),
        fold_costs=costs.of_folds(folds, labelled=_labelled(context, done)) if folds > 1 else {},
        models=settings.training.models * settings.training.ensemble * _grounds(context),
        folds=folds,
        runs=settings.runs,
        left_out=NOUNS[context.truth.folds],
        models_at_a_time=trials_at_a_time(settings.training, settings.spark.master) if settings.training.search else 1,
        training=_bound(context, features) or _held(context, features),
        done=tuple(done),
        chunks_written=0 if "classify" in done or not {"samples", "train"} <= set(done) else chunks_begun(context),
    )


# the products of a sensor by their tiles, read from its archive where they are needed
ByTile = Mapping[str, Rows[Listed]]


@dataclass(frozen=True)
class _Imagery:
    """The imagery of a run as listings and a few headers show it: the products of each sensor by tile, and the output grid."""

    context: Context
    tiles: Mapping[str, ByTile]
    covered: Coverage
    recipe: Recipe

    @staticmethod
    def of(context: Context) -> "_Imagery":
        tiles = {s.name: _near(context, s) for s in context.sensors}
        covered = _coverage(context, tiles)
        layers, functions = tuple(context.settings.features.static), context.custom_functions
        recipe = recipe_of(context.settings, context.sensors, covered.acquired, layers, functions=functions)
        return _Imagery(context, tiles, covered, recipe)

    @property
    def products(self) -> int:
        """How many there are of all sensors."""
        return sum(len(products) for own in self.tiles.values() for products in own.values())

    @property
    def fullest(self) -> str:
        """The tile of the leading sensor that has the most products."""
        own = self.tiles[self.context.leading.name]
        return max(own, key=lambda tile: len(own[tile]))

    @property
    def dates(self) -> int:
        """How many dates that tile has at most."""
        alone = self.context.settings.grid.overlap == "merge"
        return sum(len(own) for sensor in self.context.sensors for own in self._read(sensor, of_all=alone).values())

    @cached_property
    def scenes(self) -> dict[str, list[Scene]]:
        """What may be read in that tile, of each sensor by its name."""
        found = {}
        for sensor in self.context.sensors:
            # blended tiles too are read one beside the other
            several = self.context.settings.grid.overlap != "owner"
            products = [product for own in self._read(sensor, of_all=several).values() for product in own]
            found[sensor.name] = _scenes(sensor.selection, products, most=len(products))
        return found

    @cached_property
    def reading(self) -> Reading:
        """How they are read."""
        region = self.context.region.to(self.covered.grid.crs) if self.context.region else None
        return reading_of(self.context.settings, self.context.sensors, self.covered, region)

    def _read(self, sensor: ArchiveSensor, *, of_all: bool) -> ByTile:
        """Products that are read in the fullest tile: its own of the leading sensor, or those `of_all`; all of the others."""
        own = self.tiles[sensor.name]
        return own if of_all or sensor is not self.context.leading else {self.fullest: own[self.fullest]}


@dataclass(frozen=True)
class _Work:
    """How the map is cut, and what is written of it."""

    imagery: _Imagery
    products: tuple[Product, ...]
    shape: ChunkShape
    chunks: Sequence[Chunk]

    @staticmethod
    def on(imagery: _Imagery) -> "_Work":
        """Raises SitsparkError where no chunk meets the region of interest."""
        settings, covered, reading = imagery.context.settings, imagery.covered, imagery.reading
        products = products_of(settings.map, imagery.context.nomenclature, imagery.recipe.space.names)
        shape = (
            ChunkShape.square(settings.grid.chunk_size)
            if settings.grid.chunk_size
            else chunk_shape(
                reading,
                imagery.scenes,
                imagery.fullest,
                covered.tiles,
                memory=settings.spark.worker_memory,
                written=held_bytes(products),
            )
        )
        chunks = list(covered.chunks(shape, reading.region))
        if not chunks:
            raise SitsparkError(BESIDE)
        return _Work(imagery, products, shape, chunks)

    @property
    def pixels(self) -> int:
        return sum(chunk.window.pixels for chunk in self.chunks)

    @property
    def drawn_pixels(self) -> int:
        """Pixels as often as they are drawn: where tiles are blended, once by the series of each that sees the chunk."""
        if self.imagery.context.settings.grid.overlap != "blend":
            return self.pixels
        reaches = [tile.reach for tile in self.imagery.covered.tiles.values()]
        seen = (sum(not reach.intersection(chunk.window).is_empty for reach in reaches) for chunk in self.chunks)
        return sum(chunk.window.pixels * max(views, 1) for chunk, views in zip(self.chunks, seen, strict=True))

    @property
    def written_pixels(self) -> int:
        """The pixels of all rasters of one product."""
        return self.pixels * (1 + self.imagery.context.settings.map.per_tile)

    @property
    def windows(self) -> list[Window]:
        """Some chunks of the fullest tile, all over it; where none is in the region, what would be one."""
        imagery = self.imagery
        own = [chunk.window for chunk in self.chunks if chunk.tile == imagery.fullest]
        if not own:
            core = imagery.covered.tiles[imagery.fullest].core
            return [core.intersection(Window(core.row, core.col, self.shape.height, self.shape.width))]
        return list(dict.fromkeys(own[round(share * (len(own) - 1))] for share in _PLACES))

    @property
    def worker_bytes(self) -> int:
        """The memory of a worker."""
        windows = self.imagery.covered.tiles[self.imagery.fullest]
        return worker_bytes(self.imagery.reading, self.imagery.scenes, self.shape, windows, written=held_bytes(self.products))

    @property
    def bytes_to_read(self) -> int:
        imagery, covered, leading = self.imagery, self.imagery.covered, self.imagery.context.leading
        return round(
            sum(
                _share(self.chunks, covered.tiles[name].reach if sensor is leading else covered.grid.window)
                * _bytes(products, sensor.selection)
                for sensor in imagery.context.sensors
                for name, products in imagery.tiles[sensor.name].items()
            )
        )


@dataclass(frozen=True)
class _Costs:
    """What a trial on this machine says of the stages, with so many workers.

    `classifying` are the seconds of a pixel that its models take of one core, `on_gpus` those of all GPUs together where the
    map is drawn on them, else 0: the models of folds are always judged on cores.
    """

    work: _Work
    workers: int
    speed: Speed
    classifying: float
    on_gpus: float
    later: Mapping[str, Pace]

    @staticmethod
    def of(work: _Work, *, trained: bool, workers: int, device: Device) -> "_Costs":
        """Draw windows of the map by way of trial, and let what follows have a small one."""
        imagery, context = work.imagery, work.imagery.context
        classifier = _classifier(context, imagery.recipe.space, trained=trained, device=device)
        classifiers = [classifier] * context.settings.training.ensemble
        with tempfile.TemporaryDirectory(prefix="sitspark-plan-") as scratch:
            tried = trial(
                imagery.reading,
                imagery.scenes,
                imagery.fullest,
                work.windows,
                recipe=imagery.recipe,
                classifiers=classifiers,
                products=work.products,
                area=_area(context, len(imagery.recipe.space)),
                scratch=Path(scratch),
            )
        later = rehearsed(
            tried.rasters,
            imagery.covered.grid,
            work.products,
            settings=context.settings.map,
            nomenclature=context.nomenclature,
        )
        ensemble, space = context.settings.training.ensemble, imagery.recipe.space
        on_cores = classifier if device == "cpu" else _classifier(context, space, trained=trained, device="cpu")
        with one_thread():
            classifying = ensemble * seconds_a_pixel(on_cores, tried.features)
        on_gpus = ensemble * seconds_a_pixel(classifier, tried.features) / len(gpu_memory()) if device == "cuda" else 0.0
        return _Costs(work, workers, tried.speed, classifying, on_gpus, later)

    def of_map(self) -> dict[str, Cost]:
        """What each stage that makes the map takes."""
        pixels = dict.fromkeys(self.later, self.work.pixels) | {"mosaic": self.work.written_pixels}
        return {"classify": self._pass(models=1)} | {name: pace.cost(pixels[name]) for name, pace in self.later.items()}

    def of_folds(self, folds: int, *, labelled: int) -> dict[str, Cost]:
        """What judging the models of a cross-validation takes, if all chunks have labelled pixels, and what their maps take."""
        drawn, mosaic = self._pass(models=folds), self.later["mosaic"].cost(self.work.pixels)
        # of each fold there is a raster of its classes alone
        rasters = folds / len(self.work.products)
        once, models = self._pass(models=0), folds * self.work.imagery.context.settings.runs
        judged = models * labelled * self.classifying
        return {
            "judging": Cost(once.core_seconds + judged, once.seconds + judged / self.workers),
            "fold_maps": Cost(drawn.core_seconds + rasters * mosaic.core_seconds, drawn.seconds + rasters * mosaic.seconds),
        }

    def _pass(self, *, models: int) -> Cost:
        """What a pass over the imagery takes with so many models, or ensembles, for each pixel."""
        speed, pixels, tiles = self.speed, self.work.drawn_pixels, len(self.work.imagery.tiles[self._leading])
        # where GPUs classify, cores don't
        more = 0.0 if self.on_gpus else (models - 1) * self.classifying
        core = max(speed.core_seconds(pixels, starts=self.workers + tiles - 1) + pixels * more, 0.0)
        # waiting for the disk or the network takes time, not cores; workers that share a GPU wait for each other
        each = max((1 / speed.per_second + more) / self.workers, models * self.on_gpus)
        return Cost(core, pixels * each + speed.start)

    @property
    def _leading(self) -> str:
        return self.work.imagery.context.leading.name


def _near(context: Context, sensor: ArchiveSensor) -> ByTile:
    """The tiles of another sensor whose first usable product reaches a tile of the leading one; all of that one's own."""
    archive = context.archives[sensor.name]
    tiles = {tile: archive.wanted_of(tile) for tile in archive.tiles}
    if sensor is context.leading:
        return tiles
    ground = shapely.union_all(list(context.tile_extents.values()))
    found = {}
    for tile, products in tiles.items():
        for scene in _scenes(sensor.selection, products, most=1):
            if to_geographic(shapely.box(*scene.assets[0].bounds), scene.crs).intersects(ground):
                found[tile] = products
    return found


def _coverage(context: Context, tiles: Mapping[str, ByTile]) -> Coverage:
    """The output grid as the first usable product of each tile of the leading sensor shows it."""
    extents = []
    for tile, products in tiles[context.leading.name].items():
        usable = _scenes(context.leading.selection, products, most=1)
        if not usable:
            raise SitsparkError(f"scenes: no product of tile {tile} can be used; `sitspark check` says why")
        scene = usable[0]
        boxes = [asset.bounds for asset in scene.assets]
        bounds = min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)
        extents.append(TileExtent(tile, scene.crs, bounds, bounds, min(asset.transform[0] for asset in scene.assets)))
    acquired = {sensor: context.archives[sensor].days_of(own) for sensor, own in tiles.items()}
    for sensor, days in acquired.items():
        if not days:
            raise SitsparkError(f"no product of {sensor} reaches the tiles of {context.leading.name}; correct its folder")
    return cover(extents, acquired, context.settings.grid)


def _folds(context: Context) -> int:
    """How many folds a cross-validation has, if there is ground truth in all of them."""
    truth = context.truth
    if truth.fold_count is not None:
        return truth.fold_count
    return len(context.tile_extents if truth.folds == "tile" else context.named_regions)


def _why_no_folds(context: Context) -> str:
    """Why a cross-validation would be refused; empty where it wouldn't."""
    try:
        refuse_folds_of_models(context.settings)
    except SitsparkError as error:
        return str(error)
    return ""


def _labelled(context: Context, done: Sequence[str]) -> int:
    """The labelled pixels, where they were counted already; few beside those of the map."""
    return sum(row["available"] for row in context.facts("observations")["selection"]) if "observations" in done else 0


def _grounds(context: Context) -> int:
    """How many grounds have models of their own, if there are samples on all of them."""
    per = context.settings.training.model_per
    if per == "map":
        return 1
    return max(len(context.tile_extents if per == "tile" else context.named_regions), 1)


def _scenes(selection: Selection, products: Iterable[Listed], *, most: int) -> list[Scene]:
    """The first usable ones of some products, at most so many."""

    def inspected(product: Listed) -> Scene | None:
        found = inspect_product(product.source, selection)
        if found.left_out is not None or found.crs is None:
            return None
        return Scene(product.scene_id, product.name.tile, product.acquired, found.crs, found.assets)

    found = mapped(inspected, products, threads=min(_THREADS, max(most, 1)))
    with contextlib.closing(found):
        return list(itertools.islice((scene for scene in found if scene is not None), most))


def _classifier(context: Context, space: FeatureSpace, *, trained: bool, device: Device) -> Classifier:
    """The run's own where it is trained, else one that takes as long."""
    training, codes = context.settings.training, context.nomenclature.codes
    model = context.folder.model(context.facts("train")["model_id"]) if trained else None
    bound = _bound(context, len(space))
    if bound is None:
        network = (
            Model.load(model, code=context.own_code).network
            if model is not None
            else chosen(training, space, len(codes), own=context.own_network).eval()
        )
        wanted = context.settings.map.precision
        # what auto will choose isn't known yet
        known: Precision = "fp32" if wanted == "auto" else wanted
        arithmetic = arithmetic_of(known, network, np.zeros((1, len(space)), np.float32), device=device)
        return Classifier.of(network, codes, arithmetic=arithmetic)
    if model is not None:
        return Classifier.load(model)
    assert training.baseline is not None
    samples = min(bound.samples, _most_samples(context) or bound.samples)
    return BaselineClassifier(
        np.array(codes, np.uint16), 1.0, stand_in(training.baseline, len(space), len(codes), samples=samples)
    )


def _area(context: Context, features: int) -> AreaOfApplicability | None:
    """An area of applicability that takes as long as the run's own, if its map shows it."""
    wanted = context.settings.applicability
    if wanted is None or "dissimilarity" not in context.settings.map.products:
        return None
    return AreaOfApplicability.stand_in(
        features, samples=wanted.samples, dimensions=wanted.dimensions, cells=min(wanted.cells, wanted.samples)
    )


def _most_samples(context: Context) -> int | None:
    """How many samples a model learns from at most; None where that hangs on how many there are."""
    samples = context.settings.samples
    rules = (samples, *samples.per_model.values())
    numbers = [rule.per_class for rule in rules if rule.strategy == "constant" and rule.per_class is not None]
    return len(context.nomenclature) * max(numbers) if len(numbers) == len(rules) else None


def _held(context: Context, features: int) -> Held:
    """What a network's training holds of the samples."""
    training = context.settings.training
    most = _most_samples(context)
    held = int(training.memory * 1e9 / (features * np.dtype(training.held_as).itemsize))
    return Held(training.model_name, held, training.memory, most, training.held_as)


def _bound(context: Context, features: int) -> Bound | None:
    """What a baseline learns from at most; None for a network."""
    training = context.settings.training
    if training.baseline is None:
        return None
    return Bound(training.model_name, samples_that_fit(training, features, len(context.nomenclature)), training.memory)


def _share(chunks: Sequence[Chunk], reach: Window) -> float:
    """The part of a window's pixels that lie in chunks, or close enough: files are read there."""
    return min(sum(chunk.window.intersection(reach).pixels for chunk in chunks) / reach.pixels, 1)


def _bytes(products: Rows[Listed], selection: Selection) -> float:
    """The bytes of what is read of the products of a tile; in a store a few stand for all, for asking takes time."""
    local = all(product.source.location.scheme is None for product in products)
    asked = itertools.islice(products, 0, None, 1 if local else max(len(products) // _ASKED, 1))
    sizes = list(mapped(lambda product: _size_of(product.source, selection), asked, threads=_THREADS))
    return sum(sizes) * len(products) / len(sizes)


def _size_of(source: Source, selection: Selection) -> int:
    container = Container(source.location)
    files: Files = container if source.contents is None else LooseFiles()
    try:
        stored = selection.contents(container, source.contents).files
        return sum(files.size(file.member) for file in stored.values() if files.has(file.member))
    except (SitsparkError, FileNotFoundError):
        return 0  # it can't be used, and will not be read
