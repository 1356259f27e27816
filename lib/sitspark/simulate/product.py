"""Writing one acquisition: as a Theia L2A product, strip by strip, and from that as any other."""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.io import DatasetWriter
from rasterio.windows import Window as RasterWindow

from sitspark.gdal import told_gdal
from sitspark.grid import Grid, Window
from sitspark.simulate.acquisitions import Acquisition
from sitspark.simulate.deliveries import TheiaRasters, landsat_name, safe_name, template, write_landsat, write_safe
from sitspark.simulate.landscape import CRS, RESOLUTION, Landscape
from sitspark.simulate.phenology import BANDS
from sitspark.simulate.scene import BANDS_10M, BANDS_20M, CLOUD, NODATA, Scene, relief, scene

MASKS = ("CLM", "SAT", "EDG")
BLOCK = 512  # pixels a side of a file's tiles, less for small scenes
CACHE_BYTES = 64 * 2**20  # GDAL's block cache of a worker; its default is a share of the machine's memory


@dataclass(frozen=True, slots=True)
class _Group:
    """The files of one resolution: Theia's name of it, its grid and bands."""

    id: str
    grid: Grid
    bands: tuple[str, ...]


def write_product(landscape: Landscape, acquisition: Acquisition, folder: Path, *, strip_blocks: int = 1) -> int:
    """Write a product into a tile's folder under its name, and return its bytes; one that is there is left as it is.

    It appears whole or not at all. strip_blocks: rows of 20 m blocks computed at a time, which bounds the memory;
    the files don't depend on it.
    """
    final = place_of(landscape, acquisition, folder)
    if not final.exists():
        partial = folder / f".{acquisition.product}.{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "MASKS").mkdir(parents=True)
        with told_gdal(GDAL_CACHEMAX=CACHE_BYTES, GDAL_NUM_THREADS=1):
            cloudy = _write_rasters(landscape, acquisition, partial, strip_blocks)
            partial = _delivered(landscape, acquisition, partial, round(100 * cloudy / landscape.size**2))
        if landscape.packed:
            _pack(partial, final).rename(final)
            shutil.rmtree(partial)
        else:
            partial.rename(final)
    files = final.rglob("*") if final.is_dir() else (final,)
    return sum(file.stat().st_size for file in files if file.is_file())


def place_of(landscape: Landscape, acquisition: Acquisition, folder: Path) -> Path:
    """The folder of a product, or the archive file that it is downloaded as, in the folder of its tile."""
    if landscape.layout == "sen2cor_l2a":
        name, suffix = safe_name(acquisition), ".zip"
    elif landscape.layout == "landsat_c2_l2":
        name, suffix = landsat_name(landscape, acquisition), ".tar"
    else:
        name, suffix = acquisition.product, ".zip"
    return folder / (name + suffix if landscape.packed else name)


def _delivered(landscape: Landscape, acquisition: Acquisition, rasters: Path, cloud_percent: int) -> Path:
    """The product of the landscape's layout, beside the rasters of Theia's that it is made of, or these with metadata."""
    if landscape.layout == "theia_l2a":
        text = _metadata(landscape, acquisition, cloud_percent)
        (rasters / f"{acquisition.product}_MTD_ALL.xml").write_text(text, encoding="utf-8")
        return rasters
    target = rasters.with_name(f"{rasters.name}.delivered")
    shutil.rmtree(target, ignore_errors=True)
    read = TheiaRasters(rasters, acquisition.product)
    if landscape.layout == "sen2cor_l2a":
        write_safe(read, acquisition, target, cloud_percent)
    else:
        write_landsat(read, target, landsat_name(landscape, acquisition), cloud_percent)
    shutil.rmtree(rasters)
    return target


def _pack(product: Path, final: Path) -> Path:
    """A product as the download it is, one archive file; the same files give the same bytes."""
    packed = product.with_name(f"{product.name}{final.suffix}")
    files = sorted(path for path in product.rglob("*") if path.is_file())
    if final.suffix == ".tar":  # Landsat's has no folder inside
        with tarfile.open(packed, "w") as tar:
            for file in files:
                member = tarfile.TarInfo(str(file.relative_to(product)))
                member.size = file.stat().st_size
                with file.open("rb") as content:
                    tar.addfile(member, content)
        return packed
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            # of 1 January 1980, whenever it is written
            entry = zipfile.ZipInfo(f"{final.name.removesuffix('.zip')}/{file.relative_to(product)}")
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return packed


def _groups(landscape: Landscape, tile: str) -> tuple[_Group, _Group]:
    fine = landscape.grid_of(tile)
    coarse = Grid(fine.crs, fine.left, fine.top, 2 * fine.resolution, fine.height // 2, fine.width // 2)
    return _Group("R1", fine, BANDS_10M), _Group("R2", coarse, BANDS_20M)


def _block(size: int) -> int:
    """Pixels a side of the blocks: a multiple of 16, as TIFF wants, within the 20 m files."""
    return max(min(BLOCK, size // 2 // 16 * 16), 16)


def _write_rasters(landscape: Landscape, acquisition: Acquisition, folder: Path, strip_blocks: int) -> int:
    """Write bands and masks; return the number of cloudy pixels."""
    cloudy = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(file) for name, file in _open(landscape, acquisition, folder)}
        # whole blocks of both resolutions, so that each is compressed once and in one order
        rows = 2 * _block(landscape.size) * strip_blocks
        for first in range(0, landscape.size, rows):
            window = Window(first, 0, min(rows, landscape.size - first), landscape.size)
            strip = scene(landscape, acquisition, window)
            layers = [*_bands(strip, "FRE"), *_masks(strip)]
            if landscape.sre:
                layers += _bands(_sloping(strip, relief(landscape, acquisition, window)), "SRE")
            for name, array in layers:
                _write(files[name], array, first)
            cloudy += int(np.count_nonzero(strip.clouds[0] & CLOUD))
    return cloudy


def _open(landscape: Landscape, acquisition: Acquisition, folder: Path) -> Iterator[tuple[str, DatasetWriter]]:
    """(name of the layer, open file) for every raster of the product."""
    block = _block(landscape.size)
    for group in _groups(landscape, acquisition.tile):
        layout = {
            "driver": "GTiff",
            "count": 1,
            "crs": CRS,
            "transform": group.grid.transform,
            "height": group.grid.height,
            "width": group.grid.width,
            "tiled": True,
            "blockxsize": block,
            "blockysize": block,
            "compress": "deflate",
        }
        for kind in ("FRE", "SRE") if landscape.sre else ("FRE",):
            for band in group.bands:
                path = folder / f"{acquisition.product}_{kind}_{band}.tif"
                yield f"{kind}_{band}", rasterio.open(path, "w", dtype="int16", nodata=NODATA, predictor=2, **layout)
        for mask in MASKS:
            path = folder / "MASKS" / f"{acquisition.product}_{mask}_{group.id}.tif"
            yield f"{mask}_{group.id}", rasterio.open(path, "w", dtype="uint8", **layout)


def _bands(strip: Scene, kind: str) -> list[tuple[str, np.ndarray]]:
    """(name of the layer, array) for the bands of a strip."""
    bands = zip((*BANDS_10M, *BANDS_20M), (*strip.fine, *strip.coarse), strict=True)
    return [(f"{kind}_{band}", array) for band, array in bands]


def _masks(strip: Scene) -> list[tuple[str, np.ndarray]]:
    """(name of the layer, array) for the masks of a strip, in the order of MASKS."""
    masks = zip(MASKS, (strip.clouds, strip.saturation, strip.edge), strict=True)
    return [(f"{mask}_{group}", array) for mask, pair in masks for group, array in zip(("R1", "R2"), pair, strict=True)]


def _sloping(strip: Scene, illumination: np.ndarray) -> Scene:
    """The same strip before the correction of the slopes."""
    height, width = illumination.shape
    coarse = illumination.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))

    def lit(bands: np.ndarray, factor: np.ndarray) -> np.ndarray:
        return np.where(bands == NODATA, NODATA, np.rint(bands * factor)).astype(np.int16)

    return Scene(lit(strip.fine, illumination), lit(strip.coarse, coarse), strip.clouds, strip.saturation, strip.edge)


def _write(file: DatasetWriter, array: np.ndarray, first: int) -> None:
    """Write a strip that begins at row `first` of the 10 m grid."""
    row = first if file.res[0] == RESOLUTION else first // 2
    file.write(array, 1, window=RasterWindow(0, row, array.shape[1], array.shape[0]))


def _metadata(landscape: Landscape, acquisition: Acquisition, cloud_percent: int) -> str:
    groups = _groups(landscape, acquisition.tile)
    return template("mtd_all.xml.j2").render(
        product=acquisition.product,
        tile=acquisition.tile,
        platform=acquisition.platform,
        orbit=acquisition.orbit,
        acquired=acquisition.acquired.strftime("%Y-%m-%dT%H:%M:%S.") + f"{acquisition.acquired.microsecond // 1000:03d}Z",
        sun_zenith=acquisition.sun_zenith,
        sun_azimuth=acquisition.sun_azimuth,
        groups=groups,
        bands=BANDS,
        images=[("Flat_Reflectance", "FRE"), *([("Surface_Reflectance", "SRE")] if landscape.sre else [])],
        masks=[("Cloud", "CLM"), ("Saturation", "SAT"), ("Edge", "EDG")],
        epsg=CRS.removeprefix("EPSG:"),
        nodata=NODATA,
        cloud_percent=cloud_percent,
    )
