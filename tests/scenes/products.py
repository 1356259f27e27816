"""Writing tiny products in the layouts of their deliverers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import from_origin

from sitspark.grid import Grid
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.landsat import LAYOUT as LANDSAT
from sitspark.scenes.product import Layout, Scene
from sitspark.scenes.theia import LAYOUT as THEIA

UTM31 = "EPSG:32631"
LEFT, TOP = 300_000.0, 4_900_020.0  # of tile 31TCJ
MASKS = ("CLM", "SAT", "EDG")

Array = npt.NDArray[np.generic]


def write_raster(
    path: Path, values: Array, *, left: float = LEFT, top: float = TOP, resolution: float = 10, crs: str | None = UTM31
) -> Path:
    """A compressed GeoTIFF in small blocks, so that a window crosses several."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=from_origin(left, top, resolution, resolution),
        tiled=True,
        blockxsize=16,
        blockysize=16,
        compress="deflate",
    ) as file:
        file.write(values, 1)
    return path


def write_theia(
    archive: Path,
    bands: Mapping[str, Array],
    masks: Mapping[str, Array] | None = None,
    *,
    when: str = "20180103-105429",
    tile: str = "31TCJ",
    platform: str = "SENTINEL2A",
    left: float = LEFT,
    top: float = TOP,
) -> Path:
    """A Theia product; bands that have half the pixels of the masks are of 20 m, masks are empty unless given."""
    product = archive / f"{platform}_{when}-123_L2A_T{tile}_C_V2-2"
    shape = max((values.shape for values in bands.values()), key=lambda shape: shape[0])
    for name in MASKS:
        values = (masks or {}).get(name, np.zeros(shape, np.uint8))
        write_raster(product / "MASKS" / f"{product.name}_{name}_R1.tif", values, left=left, top=top)
    for name, values in bands.items():
        resolution = 10 * shape[0] / values.shape[0]
        write_raster(product / f"{product.name}_FRE_{name}.tif", values, left=left, top=top, resolution=resolution)
    return product


def write_landsat(archive: Path, bands: Mapping[str, Array], quality: Array, *, day: str = "20180131") -> Path:
    """A Landsat 8 product of 30 m."""
    product = archive / f"LC08_L1TP_013032_{day}_20180207_01_T1"
    for name, values in {**bands, "BQA": quality}.items():
        write_raster(product / f"LC08_L1TP_013032_{day}_{name}.TIF", values, resolution=30)
    return product


def scene_of(product: Path, bands: tuple[str, ...], layout: Layout = THEIA) -> Scene:
    """A product as the scenes table describes it."""
    name = layout.recognise(product.name)
    found = inspect_product(product, layout, bands, reflectance="FRE")
    assert name is not None and found.problem is None and found.crs is not None, found.problem
    return Scene(product.name, name.tile, name.acquired, found.crs, found.assets)


def landsat_scene(product: Path, bands: tuple[str, ...]) -> Scene:
    """The same of a Landsat product."""
    return scene_of(product, bands, LANDSAT)


def grid_of(height: int, width: int, *, left: float = LEFT, top: float = TOP, resolution: float = 10, crs: str = UTM31) -> Grid:
    """A grid that starts at the corner of the products, unless told otherwise."""
    return Grid(crs, left, top, resolution, height, width)


def noise(height: int, width: int, seed: int = 0) -> npt.NDArray[np.int16]:
    """Reflectances without any pattern."""
    return np.random.default_rng(seed).integers(-200, 9000, (height, width)).astype(np.int16)
