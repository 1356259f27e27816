"""How long this machine takes for what follows the drawing of a map: a small one, made of copies of one window of it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sitspark.accuracy import quicklook
from sitspark.classes import Nomenclature
from sitspark.grid import Grid, Territory, Window
from sitspark.hashing import sha256_of
from sitspark.maps.areas import pixel_hectares
from sitspark.maps.dissimilarity import values_by_tile
from sitspark.maps.drawing import Rasters
from sitspark.maps.filters import regularisation_of
from sitspark.maps.mosaic import mosaic
from sitspark.maps.products import Product, write_chunk
from sitspark.maps.regularise import Regularisation, regularise
from sitspark.maps.vectorise import FILES, Sources, vectorise
from sitspark.settings import MapSettings, VectorSettings
from sitspark.workflow.foreseen import Cost
from sitspark.workflow.speed import Spent, Stopwatch

_BANDS = 8  # of features, which may be hundreds: all of them take as many times longer


@dataclass(frozen=True, slots=True)
class Pace:
    """What a stage takes once, for compiling and for its picture, and what it takes for each pixel."""

    once: Cost
    pixel: Cost

    @staticmethod
    def of(first: Spent, then: Spent) -> "Pace":
        """Of a small map, the first of all, and a larger one without a picture."""
        cpu, wall = then.cpu / then.pixels, then.wall / then.pixels
        once = Cost(max(first.cpu - first.pixels * cpu, 0.0), max(first.wall - first.pixels * wall, 0.0))
        return Pace(once, Cost(cpu, wall))

    def cost(self, pixels: int) -> Cost:
        """What a map of so many pixels takes."""
        once, each = self.once, self.pixel
        return Cost(once.core_seconds + pixels * each.core_seconds, once.seconds + pixels * each.seconds)


@dataclass(frozen=True, slots=True)
class _Map:
    """A small map in a folder of its own, copies of a window side by side and below each other; with pictures or without."""

    folder: Path
    grid: Grid
    rasters: Rasters
    nomenclature: Nomenclature
    pictured: bool

    @property
    def pixels(self) -> int:
        return self.grid.window.pixels

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.tif"

    def picture(self, name: str) -> None:
        """Draw a raster of classes, if wanted."""
        if self.pictured:
            quicklook.classification_figure(quicklook.read_class_quicklook(self.path(name)), self.nomenclature)

    def mosaic(self, products: Sequence[Product]) -> Spent:
        """Put all products together."""
        cpu = wall = 0.0
        for product in products:
            part = product if product.name != "features" else replace(product, bands=product.bands[:_BANDS])
            spent, times = self.joined(part), product.count / part.count
            cpu, wall = cpu + spent.cpu * times, wall + spent.wall * times
        watch = Stopwatch()
        self.picture("classification")
        last = watch.spent(self.pixels)
        return Spent(self.pixels, cpu + last.cpu, wall + last.wall)

    def joined(self, product: Product) -> Spent:
        """Put a product together from chunks, and hash it as a stage does."""
        height, width = self.rasters[product.name].shape[-2:]
        pixels = self.rasters[product.name].reshape(-1, height, width)[: product.count]
        chunks = []
        for row in range(0, self.grid.height, height):
            for col in range(0, self.grid.width, width):
                window = Window(row, col, height, width)
                chunks.append((self.folder / "chunks" / f"{product.name}_{row}_{col}.tif", window))
                write_chunk(chunks[-1][0], pixels, self.grid.cropped(window), product)
        names, watch = self.nomenclature if product.name == "classification" else None, Stopwatch()
        mosaic(chunks, self.grid, self.path(product.name), product=product, nomenclature=names)
        sha256_of(self.path(product.name))
        return watch.spent(self.pixels)

    def dissimilarities(self) -> Spent:
        """Count the pixels outside the area of applicability."""
        watch = Stopwatch()
        values_by_tile(self.path("dissimilarity"), [Territory("", self.grid.window)], origin=self.grid.window)
        return watch.spent(self.pixels)

    def regularised(self, how: Regularisation) -> Spent:
        """Smooth and filter the classes."""
        watch = Stopwatch()
        regularise(self.folder, self.grid, how, nomenclature=self.nomenclature)
        self.picture("regularised")
        return watch.spent(self.pixels)

    def vectorised(self, wanted: VectorSettings, *, of: str) -> Spent:
        """Make polygons of the classes of a raster."""
        original = None if of == "classification" else self.path("classification")
        watch = Stopwatch()
        vectorise(
            Sources(self.path(of), self.path("confidence"), original),
            self.grid,
            self.folder / FILES[wanted.format],
            nomenclature=self.nomenclature,
            simplify=wanted.simplify / self.grid.resolution,
        )
        return watch.spent(self.pixels)


def rehearsed(
    rasters: Rasters, grid: Grid, products: Sequence[Product], *, settings: MapSettings, nomenclature: Nomenclature
) -> dict[str, Pace]:
    """What the stages after `classify` take, by their names, as far as the settings ask for them.

    `rasters` are those of a window, `grid` is the one that it lies on. Raises SitsparkError where there is no room for it.
    """
    height, width = rasters["classification"].shape
    rounds = []
    for copies in (1, 2):
        extent = grid.cropped(Window(0, 0, copies * height, copies * width))
        with tempfile.TemporaryDirectory(prefix="sitspark-plan-") as folder:
            drawn = _Map(Path(folder), extent, rasters, nomenclature, pictured=copies == 1)
            rounds.append(_stages(drawn, products, settings))
    first, then = rounds
    return {name: Pace.of(spent, then[name]) for name, spent in first.items()}


def _stages(drawn: _Map, products: Sequence[Product], settings: MapSettings) -> dict[str, Spent]:
    found, classes = {"mosaic": drawn.mosaic(products)}, "classification"
    how = regularisation_of(settings, drawn.nomenclature, pixel_hectares(drawn.grid))
    if how is not None:
        found["regularise"], classes = drawn.regularised(how), "regularised"
    if "dissimilarity" in settings.products:
        found["dissimilarity"] = drawn.dissimilarities()
    if settings.vectors is not None:
        found["vectorise"] = drawn.vectorised(settings.vectors, of=classes)
    return found
