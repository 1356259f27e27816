"""Foreseeing a run: what is read, written and held in memory, and how long the map takes, before anything is paid."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import numpy as np
import shapely

from sitspark.errors import SitsparkError, counted
from sitspark.features.from_settings import recipe_of
from sitspark.grid import Chunk, ChunkShape, Window
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.maps.products import held_bytes, products_of
from sitspark.models.arithmetic import FP32, arithmetic_of
from sitspark.models.baselines.stand_in import stand_in
from sitspark.models.baselines.training import samples_that_fit
from sitspark.models.inference import BaselineClassifier, Classifier
from sitspark.models.networks.bank import chosen
from sitspark.scenes.archive import Listed
from sitspark.scenes.chunk_plan import BESIDE, Coverage, TileExtent, cover
from sitspark.scenes.chunk_shape import chunk_shape, worker_bytes
from sitspark.scenes.container import Container, Files, LooseFiles
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.product import Scene, Source
from sitspark.scenes.sensors import ArchiveSensor, reading_of
from sitspark.settings import HeldAs
from sitspark.spark import local_cores, machine_memory_mb
from sitspark.workflow.context import Context
from sitspark.workflow.draw import chunks_begun
from sitspark.workflow.searching import trials_at_a_time
from sitspark.workflow.speed import measured_speed

_THREADS = 8  # products opened at a time: opening waits for the disk or the network
_ASKED = 3  # products of a tile whose sizes a store is asked for


@dataclass(frozen=True, slots=True)
class Bound:
    """How many samples a baseline learns from at most, since it holds them in so many GB of memory."""

    name: str
    samples: int
    memory_gb: float

    def to_text(self) -> str:
        """The numbers in a sentence."""
        return (
            f"train    {self.name} on at most {self.samples:,} samples, those that {self.memory_gb:g} GB of memory hold "
            "(training.memory); of more it is given a share of each class"
        )


@dataclass(frozen=True, slots=True)
class Held:
    """How many samples a network's training holds in so many GB of memory, and how many there are at most (None: not known).

    `held_as` is what their features are held as.
    """

    name: str
    samples: int
    memory_gb: float
    most: int | None
    held_as: HeldAs = "float32"

    def to_text(self) -> str:
        """The numbers in a sentence."""
        there = "" if self.most is None else f" on at most {self.most:,} samples"
        hold = f"{self.memory_gb:g} GB of memory (training.memory) hold"
        if self.most is not None and self.most <= self.samples:
            return f"train    {self.name}{there}: {hold} all of them as {self.held_as}"
        return (
            f"train    {self.name}{there}: {hold} {self.samples:,} as {self.held_as}; of more each epoch reads part after part"
        )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run will take; sizes in bytes, times in seconds of one core, and of the clock with `cores` cores.

    `bytes_to_write` are those of each raster of the map. `error` is how far the speeds of windows are from their mean, as a
    share. `core_seconds` hold the starts of workers, and in tiles. `done` are the stages that are finished under
    these settings, and will be skipped; `chunks_written` those of a map that was begun. `models` are those that are trained, of
    which a search tries several, `models_at_a_time` of them beside each other (None on a cluster). `seconds` is for the map
    alone: labelled pixels are read once more, at most as much as their chunks. The memory of the machine is None where a
    cluster works.
    """

    products: int
    tiles: int
    chunks: int
    chunk_shape: str
    pixels: int
    dates: int
    features: int
    bytes_to_read: int
    bytes_to_write: Mapping[str, int]
    worker_memory_mb: int
    machine_memory_mb: int | None
    cores: int
    pixels_per_core_second: int
    error: float
    core_seconds: float
    seconds: float
    models: int
    models_at_a_time: int | None
    training: Bound | Held
    done: tuple[str, ...]
    chunks_written: int

    def to_json(self, **more: str) -> str:
        """The numbers as JSON, and what is added to them."""
        return json.dumps(asdict(self) | more, indent=2)

    def _together(self) -> str:
        if self.models == 1 or self.models_at_a_time is None:
            return ""
        return f", {min(self.models, self.models_at_a_time)} at a time (their threads and training.memory say how many),"

    def to_text(self) -> str:
        """The numbers in sentences."""
        workers = min(self.cores, self.chunks)
        return "\n".join(
            (
                *self._unchanged(),
                f"read     {counted(self.products, 'product')} of {counted(self.tiles, 'tile')}, {_size(self.bytes_to_read)}; "
                f"up to {counted(self.dates, 'date')} a tile",
                f"features {self.features} a pixel",
                self.training.to_text(),
                f"map      {self.pixels:,} pixels in {counted(self.chunks, 'chunk')} of {self.chunk_shape}; "
                f"{_size(sum(self.bytes_to_write.values()))} before compression ({self._each_raster()})",
                f"memory   {self.worker_memory_mb} MB a worker, {workers} at a time"
                + memory_caution(workers, self.worker_memory_mb, machine_mb=self.machine_memory_mb),
                f"time     {_duration(self.core_seconds)} of one core at {self.pixels_per_core_second:,} pixels a second "
                f"(measured now on windows of the products, which differ by up to {self.error:.0%}), {_duration(self.seconds)} "
                f"with {counted(self.cores, 'core')}; starting Spark (5 to 20 s), reading the labelled pixels and training "
                f"{counted(self.models, 'model')}{self._together()} come on top",
            )
        )

    def _unchanged(self) -> Iterator[str]:
        """What a run will not do again."""
        if self.done:
            yield f"done     {', '.join(self.done)}: unchanged, and will be skipped"
        if self.chunks_written:
            yield f"         {self.chunks_written} of {counted(self.chunks, 'chunk')} are written, and will be kept"

    def _each_raster(self) -> str:
        return ", ".join(f"{name} {_size(size)}" for name, size in self.bytes_to_write.items())


def plan(context: Context, done: Sequence[str] = ()) -> Foreseen:
    """Open the headers, time one window of the real products with a network of the right size, and multiply.

    `done` are the stages that are finished under the present settings. Raises SitsparkError for a run without imagery.
    """
    if context.settings.observations is not None:
        raise SitsparkError(
            "plan: foresees the reading and mapping of imagery, and the run starts from a table (observations); "
            "`sitspark check` looks at that"
        )
    settings, leading = context.settings, context.leading.name
    tiles = {sensor.name: _near(context, sensor, _by_tile(context.archives[sensor.name].wanted)) for sensor in context.sensors}
    covered = _coverage(context, tiles)
    region = context.region.to(covered.grid.crs) if context.region else None
    layers = tuple(settings.features.static)
    recipe = recipe_of(settings, context.sensors, covered.acquired, layers, functions=context.custom_functions)
    tile = max(tiles[leading], key=lambda tile: len(tiles[leading][tile]))
    dates = {
        sensor: sum(map(len, own.values())) if sensor != leading or settings.grid.overlap == "merge" else len(own[tile])
        for sensor, own in tiles.items()
    }
    scenes = _scenes_around(context, tiles, tile)
    reading = reading_of(settings, context.sensors, covered, region)
    memory = settings.spark.worker_memory
    size = settings.grid.chunk_size
    windows = covered.tiles[tile]
    products = products_of(settings.map, context.nomenclature, recipe.space.names)
    held = held_bytes(products)
    shape = ChunkShape.square(size) if size else chunk_shape(reading, scenes, tile, covered.tiles, memory=memory, written=held)
    chunks = list(covered.chunks(shape, region))
    if not chunks:
        raise SitsparkError(BESIDE)
    pixels = sum(chunk.window.pixels for chunk in chunks)
    # where tiles are blended each that sees a chunk draws it
    reaches = [own.reach for own in covered.tiles.values()] if settings.grid.overlap == "blend" else []
    views = (max(sum(not reach.intersection(chunk.window).is_empty for reach in reaches), 1) for chunk in chunks)
    drawn = sum(chunk.window.pixels * count for chunk, count in zip(chunks, views, strict=True))
    classifier = _classifier_of_the_size(context, recipe.space)
    speed = measured_speed(
        reading,
        scenes,
        tile,
        windows.core,
        shape=shape,
        recipe=recipe,
        classifiers=[classifier] * settings.training.ensemble,
        wanted=products,
    )
    # a cluster may have any number
    cores = local_cores(settings.spark.master) or os.cpu_count() or 1
    workers = min(cores, len(chunks))
    core_seconds = speed.core_seconds(drawn, starts=workers + len(tiles[leading]))
    return Foreseen(
        products=sum(len(products) for own in tiles.values() for products in own.values()),
        tiles=len(tiles[leading]),
        chunks=len(chunks),
        chunk_shape=str(shape),
        pixels=pixels,
        dates=sum(dates.values()),
        features=len(recipe.space),
        bytes_to_read=round(
            sum(
                _share(chunks, covered.tiles[name].reach if sensor.name == leading else covered.grid.window)
                * _bytes(products, sensor.selection)
                for sensor in context.sensors
                for name, products in tiles[sensor.name].items()
            )
        ),
        bytes_to_write={product.name: product.pixel_bytes * pixels * (1 + settings.map.per_tile) for product in products},
        worker_memory_mb=round(worker_bytes(reading, scenes, shape, windows, written=held) / 1e6),
        machine_memory_mb=machine_memory_mb() if settings.spark.master.startswith("local") else None,
        cores=cores,
        pixels_per_core_second=round(speed.per_core_second),
        error=round(speed.error, 2),
        core_seconds=round(core_seconds, 1),
        # waiting for the disk or the network takes time, not cores
        seconds=round(drawn / speed.per_second / workers + speed.start, 1),
        models=settings.training.models * settings.training.ensemble * _grounds(context),
        models_at_a_time=trials_at_a_time(settings.training, settings.spark.master) if settings.training.search else 1,
        training=_bound(context, len(recipe.space)) or _held(context, len(recipe.space)),
        done=tuple(done),
        chunks_written=0 if "classify" in done or not {"samples", "train"} <= set(done) else chunks_begun(context),
    )


# the products of a sensor by their tiles
ByTile = Mapping[str, list[Listed]]


def _by_tile(products: Sequence[Listed]) -> ByTile:
    found: dict[str, list[Listed]] = {}
    for product in products:
        found.setdefault(product.name.tile, []).append(product)
    return found


def _near(context: Context, sensor: ArchiveSensor, tiles: ByTile) -> ByTile:
    """The tiles of another sensor whose first usable product reaches a tile of the leading one; all of that one's own."""
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
    acquired = {}
    for sensor, own in tiles.items():
        days = {product.acquired.date() for products in own.values() for product in products}
        if not days:
            raise SitsparkError(f"no product of {sensor} reaches the tiles of {context.leading.name}; correct its folder")
        acquired[sensor] = tuple(sorted(days))
    return cover(extents, acquired, context.settings.grid)


def _scenes_around(context: Context, tiles: Mapping[str, ByTile], tile: str) -> dict[str, list[Scene]]:
    """What may be read in a tile of the leading sensor: its scenes, and those of all tiles of the others, or of all."""
    found = {}
    for sensor in context.sensors:
        own = tiles[sensor.name]
        every = sensor is not context.leading or context.settings.grid.overlap == "merge"
        products = [product for of_tile in own.values() for product in of_tile] if every else own[tile]
        found[sensor.name] = _scenes(sensor.selection, products, most=len(products))
    return found


def _grounds(context: Context) -> int:
    """How many grounds have models of their own, if there are samples on all of them."""
    per = context.settings.training.model_per
    if per == "map":
        return 1
    return max(len(context.tile_extents if per == "tile" else context.named_regions), 1)


def _scenes(selection: Selection, products: Sequence[Listed], *, most: int) -> list[Scene]:
    """The first usable ones of some products, at most so many."""
    scenes: list[Scene] = []
    step = min(_THREADS, most)
    with ThreadPoolExecutor(_THREADS) as pool:
        for first in range(0, len(products), step):
            some = products[first : first + step]
            for product, found in zip(some, pool.map(lambda p: inspect_product(p.source, selection), some), strict=True):
                if found.left_out is None and found.crs is not None:
                    scenes.append(Scene(product.scene_id, product.name.tile, product.acquired, found.crs, found.assets))
            if len(scenes) >= most:
                break
    return scenes[:most]


def _classifier_of_the_size(context: Context, space: FeatureSpace) -> Classifier:
    """A classifier that takes as long as a trained one would."""
    training, codes = context.settings.training, context.nomenclature.codes
    bound = _bound(context, len(space))
    if training.baseline is None or bound is None:
        network = chosen(training, space, len(codes), own=context.own_network).eval()
        wanted = context.settings.map.precision
        # what auto will choose isn't known yet
        arithmetic = FP32 if wanted == "auto" else arithmetic_of(wanted, network, np.zeros((1, len(space)), np.float32))
        return Classifier.of(network, codes, arithmetic=arithmetic)
    samples = min(bound.samples, len(codes) * (context.settings.samples.per_class or bound.samples))
    return BaselineClassifier(
        np.array(codes, np.uint16), 1.0, stand_in(training.baseline, len(space), len(codes), samples=samples)
    )


def _held(context: Context, features: int) -> Held:
    """What a network's training holds of the samples."""
    training, samples = context.settings.training, context.settings.samples
    constant = samples.strategy == "constant" and samples.per_class is not None
    most = len(context.nomenclature) * samples.per_class if constant and samples.per_class else None
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


def _bytes(products: Sequence[Listed], selection: Selection) -> float:
    """The bytes of what is read of the products of a tile; in a store a few stand for all, for asking takes time."""
    local = all(product.source.location.scheme is None for product in products)
    asked = products if local else products[:: max(len(products) // _ASKED, 1)]
    with ThreadPoolExecutor(_THREADS) as pool:
        sizes = list(pool.map(lambda product: _size_of(product.source, selection), asked))
    return sum(sizes) * len(products) / len(sizes)


def _size_of(source: Source, selection: Selection) -> int:
    container = Container(source.location)
    files: Files = container if source.contents is None else LooseFiles()
    try:
        stored = selection.contents(container, source.contents).files
        return sum(files.size(file.member) for file in stored.values() if files.has(file.member))
    except (SitsparkError, FileNotFoundError):
        return 0  # it can't be used, and will not be read


def memory_caution(workers: int, worker_mb: int, *, machine_mb: int | None) -> str:
    """The end of a sentence on the memory of workers at work together, where they take more than the machine has."""
    taken = workers * worker_mb
    if machine_mb is None or taken <= machine_mb:
        return ""
    return (
        f": {taken} MB, too much for the {machine_mb} MB of this machine; lower spark.worker_memory (or grid.chunk_size where "
        "it is set), or the cores in spark.master"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
