"""From the files of the chunks to one Cloud-Optimised GeoTIFF, in memory that does not grow with its height."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from sitspark import __version__
from sitspark.atomic import attempt_name, publish
from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.maps.products import Product, WrittenFile, predictor, sha256_of
from sitspark.maps.style import colour_table, sidecar

_BLOCK = 512  # pixels; the side of the mosaic's tiles, and the rows that are held at a time
_CACHE_BYTES = 128 * 2**20  # of GDAL's block cache

ChunkFile = tuple[Path, Window]


def mosaic(
    chunks: Iterable[ChunkFile],
    grid: Grid,
    out: Path,
    *,
    product: Product,
    nomenclature: Nomenclature | None = None,
) -> WrittenFile:
    """Write one Cloud-Optimised GeoTIFF on `grid` from chunk files and their windows on it; ground without chunk is 0.

    With a nomenclature the file has its colours, and a sidecar `<out>.aux.xml` the names. Overviews are inside. The
    same pixels give the same bytes, however they were cut and ordered. Memory: 512 rows and GDAL's cache. It is
    assembled in the folder for temporary files (TMPDIR), which needs room for about three times the result, and
    published by one rename.

    Raises SitsparkError with the path for a chunk that is missing, broken or not on its window of the grid.
    """
    with (
        rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES),
        tempfile.TemporaryDirectory(prefix="sitspark-mosaic-") as folder,
    ):
        assembled, optimised = Path(folder, "assembled.tif"), Path(folder, "optimised.tif")
        try:
            _assemble(chunks, grid, assembled, product, nomenclature)
            _optimise(assembled, optimised, product)
        except (RasterioError, OSError) as error:
            raise SitsparkError(
                f"{out}: can't be assembled in {Path(folder).parent} ({error.__cause__ or error}); make room there (up to "
                "three times the map's size), or set TMPDIR to a folder on another disk"
            ) from error
        if nomenclature:
            publish(out.with_name(f"{out.name}.aux.xml"), sidecar(nomenclature).encode())
        _publish_copy(optimised, out)
    return WrittenFile(out.name, sha256_of(out), out.stat().st_size)


def _assemble(chunks: Iterable[ChunkFile], grid: Grid, path: Path, product: Product, nomenclature: Nomenclature | None) -> None:
    by_strip: dict[int, list[ChunkFile]] = {}
    for chunk, window in chunks:
        if not grid.window.contains(window):
            raise SitsparkError(f"{chunk}: {window} reaches outside the grid of the map ({grid.height} x {grid.width})")
        for strip in range(window.row // _BLOCK, -(-window.stop_row // _BLOCK)):
            by_strip.setdefault(strip, []).append((chunk, window))
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=product.dtype,
        crs=grid.crs,
        transform=grid.transform,
        nodata=product.nodata,
        tiled=True,
        blockxsize=_BLOCK,
        blockysize=_BLOCK,
        compress="deflate",
        zlevel=1,  # read once more and thrown away
        bigtiff="IF_SAFER",
    ) as target:
        target.update_tags(TIFFTAG_SOFTWARE=f"sitspark {__version__}")
        target.set_band_description(1, product.title)
        if nomenclature:
            target.write_colormap(1, colour_table(nomenclature))
        for strip in range(-(-grid.height // _BLOCK)):
            rows = Window(strip * _BLOCK, 0, min(_BLOCK, grid.height - strip * _BLOCK), grid.width)
            pixels = np.zeros((rows.height, rows.width), product.dtype)
            for chunk, window in sorted(by_strip.get(strip, ()), key=lambda c: (c[1], c[0])):
                _copy_chunk(chunk, window, grid, rows, pixels)
            target.write(pixels, 1, window=_raster_window(rows))


def _copy_chunk(path: Path, window: Window, grid: Grid, rows: Window, pixels: npt.NDArray[np.generic]) -> None:
    """Copy the part of a chunk that lies in these rows of the mosaic."""
    part = window.intersection(rows)
    try:
        with rasterio.open(path) as dataset:
            expected = grid.cropped(window)
            fits = np.can_cast(dataset.dtypes[0], pixels.dtype)
            placed = dataset.transform.almost_equals(expected.transform, precision=grid.resolution / 100)
            if dataset.shape != (window.height, window.width) or not placed or not fits:
                raise SitsparkError(
                    f"{path}: is not the chunk at row {window.row}, column {window.col} of this map; delete the folder "
                    "of the map's chunks and run again"
                )
            inside = part.shifted(-window.row, -window.col)
            pixels[part.shifted(-rows.row, 0).slices] = dataset.read(1, window=_raster_window(inside))
    except RasterioError as error:
        raise SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew") from error


def _optimise(assembled: Path, path: Path, product: Product) -> None:
    rasterio.shutil.copy(
        assembled,
        path,
        driver="COG",
        compress="deflate",
        predictor="YES" if predictor(product) > 1 else "NO",
        blocksize=_BLOCK,
        overview_resampling=product.overview_resampling,
        bigtiff="IF_SAFER",
    )


def _publish_copy(source: Path, path: Path) -> None:
    """Bring a finished file to its place, which may be on another file system: copy in sequence, rename once."""
    part = attempt_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SitsparkError(f"{path}: can't be written ({error.strerror}); check space and rights") from error


def _raster_window(window: Window) -> RasterWindow:
    return RasterWindow(window.col, window.row, window.width, window.height)
