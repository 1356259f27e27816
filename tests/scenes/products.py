"""Writing tiny products in the layouts of their deliverers."""

import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.transform import from_origin

from sitspark.grid import Grid
from sitspark.location import Location
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.landsat import C1_L1 as LANDSAT
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import DeliveredLayout, Scene, Source
from sitspark.scenes.sen2cor import LAYOUT as SEN2COR
from sitspark.scenes.theia import L2A as THEIA

UTM31 = "EPSG:32631"
LEFT, TOP = 300_000.0, 4_900_020.0  # of tile 31TCJ
MASKS = ("CLM", "SAT", "EDG")

Array = npt.NDArray[np.generic]


def write_raster(
    path: Path, values: Array, *, left: float = LEFT, top: float = TOP, resolution: float = 10, crs: str | None = UTM31
) -> Path:
    """A compressed GeoTIFF in small blocks, so that a window crosses several."""
    place = from_origin(left, top, resolution, resolution)
    return _write(path, values, crs, place, driver="GTiff", tiled=True, blockxsize=16, blockysize=16, compress="deflate")


def _write(path: Path, values: Array, crs: str | None, place: Affine, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
    with rasterio.open(path, "w", crs=crs, transform=place, **shape, **options) as file:
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


def scene_of(product: Path, bands: tuple[str, ...], layout: DeliveredLayout = THEIA) -> Scene:
    """A product as the scenes table describes it."""
    source = Source.delivered(Location.of(product))
    name = layout.recognise(source.scene_id)
    found = inspect_product(source, Selection(layout, bands))
    assert name is not None and found.problem is None and found.crs is not None, found.problem
    return Scene(source.scene_id, name.tile, name.acquired, found.crs, found.assets)


def landsat_scene(product: Path, bands: tuple[str, ...]) -> Scene:
    """The same of a Landsat product."""
    return scene_of(product, bands, LANDSAT)


def grid_of(height: int, width: int, *, left: float = LEFT, top: float = TOP, resolution: float = 10, crs: str = UTM31) -> Grid:
    """A grid that starts at the corner of the products, unless told otherwise."""
    return Grid(crs, left, top, resolution, height, width)


def noise(height: int, width: int, seed: int = 0) -> npt.NDArray[np.int16]:
    """Reflectances without any pattern."""
    return np.random.default_rng(seed).integers(-200, 9000, (height, width)).astype(np.int16)


# --- other deliverers -----------------------------------------------------------------------------------------------

SAFE_RESOLUTIONS = dict.fromkeys((*SEN2COR.bands, "SCL"), 20) | dict.fromkeys(("B02", "B03", "B04", "B08"), 10)


def sen2cor_metadata(*, baseline: str | None = "04.00", offset: int | None = -1000, quantification: int | None = 10000) -> str:
    """The parts of MTD_MSIL2A.xml that say how reflectances are stored, in its namespace and nesting."""
    lines = [f"<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>"] if baseline else []
    if quantification is not None:
        lines.append(f'<BOA_QUANTIFICATION_VALUE unit="none">{quantification}</BOA_QUANTIFICATION_VALUE>')
    if offset is not None:
        offsets = (f'<BOA_ADD_OFFSET band_id="{band}">{offset}</BOA_ADD_OFFSET>' for band in range(13))
        lines.append(f"<BOA_ADD_OFFSET_VALUES_LIST>{''.join(offsets)}</BOA_ADD_OFFSET_VALUES_LIST>")
    namespace = "https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd"
    return f'<?xml version="1.0"?><n1:Level-2A_User_Product xmlns:n1="{namespace}">{"".join(lines)}</n1:Level-2A_User_Product>'


def write_jp2(path: Path, values: Array, *, resolution: float, crs: str = UTM31) -> Path:
    """A lossless JPEG 2000 file in small blocks."""
    place = from_origin(LEFT, TOP, resolution, resolution)
    options = {"QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 64, "BLOCKYSIZE": 64}
    return _write(path, values, crs, place, driver="JP2OpenJPEG", **options)


def write_sen2cor(
    archive: Path,
    bands: Mapping[str, Array],
    classes: Array,
    *,
    when: str = "20220130T105259",
    baseline: str = "0400",
    metadata: str | None = "",
) -> Path:
    """A SAFE folder of level 2A; `classes` is the scene classification of 20 m. No metadata: the file is missing."""
    product = archive / f"S2A_MSIL2A_{when}_N{baseline}_R051_T31TCJ_20230101T000000.SAFE"
    images = product / "GRANULE" / "L2A_T31TCJ_A034507_20220130T105256" / "IMG_DATA"
    for name, values in {**bands, "SCL": classes}.items():
        resolution = SAFE_RESOLUTIONS[name]
        write_jp2(images / f"R{resolution}m" / f"T31TCJ_{when}_{name}_{resolution}m.jp2", values, resolution=resolution)
    if metadata is not None:
        (product / "MTD_MSIL2A.xml").write_text(metadata or sen2cor_metadata())
    return product


def write_landsat_c2(archive: Path, bands: Mapping[str, Array], quality: Array, *, day: str = "20220131") -> Path:
    """A Landsat 9 product of Collection 2, level 2."""
    product = archive / f"LC09_L2SP_013032_{day}_20220202_02_T1"
    for name, values in bands.items():
        write_raster(product / f"{product.name}_SR_{name}.TIF", values, resolution=30)
    write_raster(product / f"{product.name}_QA_PIXEL.TIF", quality, resolution=30)
    return product


def packed(product: Path, archive: Path, *, inside: str | None = None) -> Path:
    """The product as one archive file, its own folder inside (`inside` another name of it, "" for none)."""
    root = product.name if inside is None else inside
    files = sorted(file for file in product.rglob("*") if file.is_file())
    names = [str(Path(root) / file.relative_to(product)) for file in files]
    archive.parent.mkdir(parents=True, exist_ok=True)
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for file, name in zip(files, names, strict=True):
                target.write(file, name)
    else:
        with tarfile.open(archive, "w") as target:
            for file, name in zip(files, names, strict=True):
                target.add(file, name)
    return archive
