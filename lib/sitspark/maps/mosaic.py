"""From the files of the chunks to one Cloud-Optimised GeoTIFF, in memory that does not grow with its height."""

import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from sitspark import __version__
from sitspark.atomic import attempt_name, publish
from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.gdal import told_gdal
from sitspark.grid import Grid, Window
from sitspark.maps.products import Product, predictor
from sitspark.maps.style import colour_table, sidecar

_BLOCK = 512  # pixels; the side of the mosaic's tiles
_CACHE_BYTES = 128 * 2**20  # of GDAL's block cache
_PIECE_BYTES = 64 * 2**20  # of the pixels that are held at a time

ChunkFile = tuple[Path, Window]


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Part of a raster: a window on its grid, and the pixels of some bands there (bands, rows, columns)."""

    window: Window
    pixels: npt.NDArray[np.generic]
    first_band: int = 1


def mosaic(
    chunks: Iterable[ChunkFile],
    grid: Grid,
    out: Path,
    *,
    product: Product,
    nomenclature: Nomenclature | None = None,
) -> None:
    """Write one Cloud-Optimised GeoTIFF on `grid` from chunk files and their windows on it; ground without chunk is nodata.

    The same pixels give the same bytes, however they were cut and ordered. Memory: 64 MB of pixels and GDAL's cache. Raises
    SitsparkError with the path for a chunk that is missing, broken or not on its window of the grid, and as `write_map` does.
    """
    write_map(_joined(chunks, grid, product), grid, out, product=product, nomenclature=nomenclature)


def write_map(
    pieces: Iterable[Piece],
    grid: Grid,
    out: Path,
    *,
    product: Product,
    nomenclature: Nomenclature | None = None,
) -> None:
    """Write one Cloud-Optimised GeoTIFF on `grid` from pieces that cover it, with overviews inside.

    Bands lie one after another: who looks at one of many reads that alone. With a nomenclature the file has its colours,
    and a sidecar (`sidecar_of`) the names. It is assembled in the folder for temporary files (TMPDIR), which needs room for
    about three times the result, and published by one rename.

    Raises SitsparkError where there is no room or right to write.
    """
    with scratch_of(out) as folder:
        assembled, optimised = folder / "assembled.tif", folder / "optimised.tif"
        checksums = _assemble(pieces, grid, assembled, product, nomenclature)
        _optimise(assembled, optimised, product)
        _read_back(optimised, checksums)
        if nomenclature:
            publish(sidecar_of(out), sidecar(nomenclature).encode())
        _publish_copy(optimised, out)


@contextmanager
def scratch_of(out: Path) -> Iterator[Path]:
    """A folder for what is thrown away when `out` is written; raises SitsparkError where there is no room for it."""
    with (
        told_gdal(GDAL_CACHEMAX=_CACHE_BYTES),
        tempfile.TemporaryDirectory(prefix="sitspark-mosaic-") as folder,
    ):
        try:
            yield Path(folder)
        except (RasterioError, CPLE_BaseError, SystemError, OSError) as error:
            raise SitsparkError(
                f"{out}: can't be assembled in {Path(folder).parent} ({error.__cause__ or error}); make room there (up to "
                "three times the map's size), or set TMPDIR to a folder on another disk"
            ) from error


def sidecar_of(path: Path) -> Path:
    """Where GDAL looks for what a raster's own file doesn't hold."""
    return path.with_name(f"{path.name}.aux.xml")


def write_intermediate(pieces: Iterable[Piece], grid: Grid, path: Path, product: Product) -> None:
    """Write a plain tiled GeoTIFF on `grid`, which is read soon and thrown away.

    Raises an OSError where it can't be read back.
    """
    _read_back(path, _assemble(pieces, grid, path, product))


def _assemble(
    pieces: Iterable[Piece], grid: Grid, path: Path, product: Product, nomenclature: Nomenclature | None = None
) -> dict[tuple[range, Window], int]:
    """Write a plain tiled GeoTIFF on `grid`; quick where pieces are whole blocks of it.

    Gives a checksum of each piece by its bands and window.
    """
    checksums: dict[tuple[range, Window], int] = {}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=product.count,
        dtype=product.dtype,
        crs=grid.crs,
        transform=grid.transform,
        nodata=product.nodata,
        tiled=True,
        blockxsize=_BLOCK,
        blockysize=_BLOCK,
        interleave="band",
        compress="deflate",
        zlevel=1,  # read once more and thrown away
        bigtiff="IF_SAFER",
    ) as target:
        target.update_tags(TIFFTAG_SOFTWARE=f"sitspark {__version__}")
        for number, name in enumerate(product.descriptions, 1):
            target.set_band_description(number, name)
        if nomenclature:
            target.write_colormap(1, colour_table(nomenclature))
        for piece in pieces:
            bands = range(piece.first_band, piece.first_band + len(piece.pixels))
            target.write(piece.pixels, list(bands), window=raster_window(piece.window))
            checksums[bands, piece.window] = zlib.crc32(np.ascontiguousarray(piece.pixels))  # type: ignore[arg-type]  # arrays are buffers
    return checksums


def _joined(chunks: Iterable[ChunkFile], grid: Grid, product: Product) -> Iterator[Piece]:
    by_strip: dict[int, list[ChunkFile]] = {}
    for chunk, window in chunks:
        if not grid.window.contains(window):
            raise SitsparkError(f"{chunk}: {window} reaches outside the grid of the map ({grid.height} x {grid.width})")
        for strip in range(window.row // _BLOCK, -(-window.stop_row // _BLOCK)):
            by_strip.setdefault(strip, []).append((chunk, window))
    for bands, piece in _pieces(grid, product):
        pixels = np.full((len(bands), piece.height, piece.width), product.nodata, product.dtype)
        for chunk, window in sorted(by_strip.get(piece.row // _BLOCK, ()), key=lambda c: (c[1], c[0])):
            _copy_chunk(chunk, window, grid, piece, bands, pixels, product)
        yield Piece(piece, pixels, bands.start)


def _pieces(grid: Grid, product: Product) -> Iterator[tuple[range, Window]]:
    """The numbers of some bands and a window, one row of blocks high, that memory holds; together all bands of the grid."""
    block = _BLOCK * _BLOCK * np.dtype(product.dtype).itemsize
    depth = min(_PIECE_BYTES // block, product.count)
    width = _PIECE_BYTES // (block * depth) * _BLOCK
    for first in range(1, product.count + 1, depth):
        bands = range(first, min(first + depth, product.count + 1))
        for row in range(0, grid.height, _BLOCK):
            for col in range(0, grid.width, width):
                yield bands, Window(row, col, min(_BLOCK, grid.height - row), min(width, grid.width - col))


def _copy_chunk(
    path: Path,
    window: Window,
    grid: Grid,
    piece: Window,
    bands: range,
    pixels: npt.NDArray[np.generic],
    product: Product,
) -> None:
    """Copy the part of a chunk that lies in this piece of the mosaic."""
    part = window.intersection(piece)
    if part.is_empty:
        return
    try:
        with rasterio.open(path) as dataset:
            expected = grid.cropped(window)
            fits = np.can_cast(dataset.dtypes[0], pixels.dtype) and dataset.count == product.count
            placed = dataset.transform.almost_equals(expected.transform, precision=grid.resolution / 100)
            if dataset.shape != (window.height, window.width) or not placed or not fits:
                raise SitsparkError(
                    f"{path}: is not the chunk at row {window.row}, column {window.col} of this map; delete the folder "
                    "of the map's chunks and run again"
                )
            inside = part.shifted(-window.row, -window.col)
            pixels[:, *part.shifted(-piece.row, -piece.col).slices] = dataset.read(list(bands), window=raster_window(inside))
    except RasterioError as error:
        raise SitsparkError(f"{path}: can't be read ({error}); delete it and run again: it is written anew") from error


def _optimise(assembled: Path, path: Path, product: Product) -> None:
    with rasterio.open(assembled, "r+") as dataset:
        dataset.build_overviews(_overviews(max(dataset.shape)), Resampling[product.overview_resampling])
    rasterio.shutil.copy(
        assembled,
        path,
        driver="GTiff",  # GDAL's COG driver would mix the bands; with overviews that are copied the layout is the same
        copy_src_overviews=True,
        tiled=True,
        blockxsize=_BLOCK,
        blockysize=_BLOCK,
        interleave="band",
        compress="deflate",
        predictor=predictor(product),
        bigtiff="IF_SAFER",
    )


def _overviews(side: int) -> list[int]:
    """How many times smaller the overviews are, down to the first that is one block."""
    return [2 << level for level in range(side.bit_length()) if side >> level > _BLOCK]


def _read_back(path: Path, checksums: Mapping[tuple[range, Window], int]) -> None:
    """Raise an OSError unless the file holds the pixels, and overviews that can be read.

    Of a disk that is full when a file is closed GDAL tells its log alone.
    """
    with rasterio.open(path) as dataset:
        for (bands, window), known in checksums.items():
            if zlib.crc32(dataset.read(list(bands), window=raster_window(window))) != known:
                raise OSError("what was written there is not what can be read")
        overviews = len(dataset.overviews(1))
    for level in range(overviews):
        with rasterio.open(path, overview_level=level) as reduced:
            for _, block in reduced.block_windows(1):
                reduced.read(window=block)


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


def raster_window(window: Window) -> RasterWindow:
    """The window as rasterio has it."""
    return RasterWindow(window.col, window.row, window.width, window.height)
