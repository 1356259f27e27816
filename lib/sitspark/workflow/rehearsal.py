"""How long this machine takes for what follows the drawing of a map: a small one, made of copies of one window of it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sitspark.classes import Nomenclature
from sitspark.grid import Grid, Window
from sitspark.hashing import sha256_of
from sitspark.maps.areas import pixel_hectares
from sitspark.maps.filters import regularisation_of
from sitspark.maps.mosaic import mosaic
from sitspark.maps.products import Product, write_chunk
from sitspark.maps.regularise import regularise
from sitspark.maps.vectorise import FILES, Sources, vectorise
from sitspark.settings import MapSettings
from sitspark.workflow.speed import Rasters, Spent, Stopwatch

_COPIES = 2  # of the window, side by side and below each other
_BANDS = 8  # of features, which may be hundreds: all of them take as many times longer


@dataclass(frozen=True, slots=True)
class _Map:
    """A small map in a folder of its own."""

    folder: Path
    grid: Grid
    rasters: Rasters
    nomenclature: Nomenclature

    @property
    def pixels(self) -> int:
        return self.grid.window.pixels

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.tif"

    def joined(self, product: Product) -> Spent:
        """Put a product together from chunks; with what a stage takes to hash it."""
        height, width = self.rasters[product.name].shape[-2:]
        chunks = []
        for row in range(0, self.grid.height, height):
            for col in range(0, self.grid.width, width):
                window = Window(row, col, height, width)
                chunks.append((self.folder / "chunks" / f"{product.name}_{row}_{col}.tif", window))
                pixels = self.rasters[product.name]
                bands = pixels if pixels.ndim == 2 else pixels[: product.count]
                write_chunk(chunks[-1][0], bands, self.grid.cropped(window), product)
        names, watch = self.nomenclature if product.name == "classification" else None, Stopwatch()
        mosaic(chunks, self.grid, self.path(product.name), product=product, nomenclature=names)
        sha256_of(self.path(product.name))
        return watch.spent(self.pixels)

    def mosaicked(self, products: Sequence[Product]) -> Spent:
        """Put all products together."""
        cpu = wall = 0.0
        for product in products:
            part = product if product.name != "features" else replace(product, bands=product.bands[:_BANDS])
            spent = self.joined(part).times(product.count / part.count)
            cpu, wall = cpu + spent.cpu, wall + spent.wall
        return Spent(self.pixels, cpu, wall)


def rehearsed(
    rasters: Rasters, grid: Grid, products: Sequence[Product], *, settings: MapSettings, nomenclature: Nomenclature
) -> dict[str, Spent]:
    """What the stages after `classify` take, by their names, as far as the settings ask for them.

    `rasters` are those of a window, `grid` is the one that it lies on. Raises SitsparkError where there is no room for it.
    """
    height, width = rasters["classification"].shape
    found: dict[str, Spent] = {}
    for copies in (1, _COPIES):  # the first time pays for compiling
        with tempfile.TemporaryDirectory(prefix="sitspark-plan-") as folder:
            extent = grid.cropped(Window(0, 0, copies * height, copies * width))
            found = _stages(_Map(Path(folder), extent, rasters, nomenclature), products, settings)
    return found


def _stages(drawn: _Map, products: Sequence[Product], settings: MapSettings) -> dict[str, Spent]:
    found = {"mosaic": drawn.mosaicked(products)}
    how = regularisation_of(settings, drawn.nomenclature, pixel_hectares(drawn.grid))
    before = drawn.path("classification")
    if how is not None:
        watch = Stopwatch()
        regularise(drawn.folder, drawn.grid, how, nomenclature=drawn.nomenclature)
        found["regularise"] = watch.spent(drawn.pixels)
    if settings.vectors is not None:
        classes, original = (before, None) if how is None else (drawn.path("regularised"), before)
        watch = Stopwatch()
        vectorise(
            Sources(classes, drawn.path("confidence"), original),
            drawn.grid,
            drawn.folder / FILES[settings.vectors.format],
            nomenclature=drawn.nomenclature,
            simplify=settings.vectors.simplify / drawn.grid.resolution,
        )
        found["vectorise"] = watch.spent(drawn.pixels)
    return found
