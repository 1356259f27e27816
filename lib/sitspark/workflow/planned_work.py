"""What a map would read and write, as listings and a few headers show it."""

import contextlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import shapely

from sitspark.ahead import mapped
from sitspark.errors import SitsparkError
from sitspark.features.from_settings import recipe_of
from sitspark.features.recipe import Recipe
from sitspark.grid import Chunk, ChunkShape, Window
from sitspark.maps.products import Product, held_bytes, products_of
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
from sitspark.workflow.context import Context

_THREADS = 8  # products opened at a time: opening waits for the disk or the network
_PLACES = (0.5, 0.2, 0.8, 0.35, 0.65)  # of windows that are drawn by way of trial, among the chunks of a tile
_ASKED = 3  # products of a tile whose sizes a store is asked for

# the products of a sensor by their tiles, read from its archive where they are needed
ByTile = Mapping[str, Rows[Listed]]


@dataclass(frozen=True)
class PlannedImagery:
    """The imagery of a run as listings and a few headers show it: the products of each sensor by tile, and the output grid."""

    context: Context
    tiles: Mapping[str, ByTile]
    covered: Coverage
    recipe: Recipe

    @staticmethod
    def of(context: Context) -> "PlannedImagery":
        """List the archives and open the first usable product of each tile; raises SitsparkError for a tile without any."""
        tiles = {s.name: _near(context, s) for s in context.sensors}
        covered = _coverage(context, tiles)
        layers, functions = tuple(context.settings.features.static), context.custom_functions
        recipe = recipe_of(context.settings, context.sensors, covered.acquired, layers, functions=functions)
        return PlannedImagery(context, tiles, covered, recipe)

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
class PlannedWork:
    """How the map is cut, and what is written of it."""

    imagery: PlannedImagery
    products: tuple[Product, ...]
    shape: ChunkShape
    chunks: Sequence[Chunk]

    @staticmethod
    def on(imagery: PlannedImagery) -> "PlannedWork":
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
        return PlannedWork(imagery, products, shape, chunks)

    @property
    def pixels(self) -> int:
        """The pixels of all chunks."""
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
        """The bytes of the files, as far as chunks need them."""
        imagery, covered, leading = self.imagery, self.imagery.covered, self.imagery.context.leading
        return round(
            sum(
                _share(self.chunks, covered.tiles[name].reach if sensor is leading else covered.grid.window)
                * _bytes(products, sensor.selection)
                for sensor in imagery.context.sensors
                for name, products in imagery.tiles[sensor.name].items()
            )
        )


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
