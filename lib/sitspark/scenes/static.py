"""Layers without a date, as elevation or slope: any raster, brought onto the grid."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from sitspark.errors import SitsparkError, counted
from sitspark.gdal import told_gdal
from sitspark.grid import Grid
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.gdal_warp import resolution_in, warped
from sitspark.scenes.open_files import GDAL, dataset
from sitspark.settings import LayerSettings

_CACHE_BYTES = 64 * 2**20  # GDAL's own bound is 5 % of the machine's memory, for every worker


@dataclass(frozen=True, slots=True)
class StaticLayer:
    """A band of a raster; `fill` stands where it has no value."""

    name: str
    file: Location
    band: int
    interpolator: str
    fill: float


def layers_of(settings: Mapping[str, LayerSettings]) -> tuple[StaticLayer, ...]:
    """The layers of the settings, in their order."""
    return tuple(StaticLayer(name, layer.file, layer.band, layer.interpolator, layer.fill) for name, layer in settings.items())


def bounds_of(layer: StaticLayer) -> tuple[float, float, float, float]:
    """Where a layer lies: (left, bottom, right, top) in degrees of longitude and latitude.

    Raises SitsparkError for a file that can't be opened, has no CRS or hasn't got the band.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            told_gdal(**store.gdal_options(layer.file.gdal)),
            rasterio.open(layer.file.gdal) as raster,
        ):
            crs, count, bounds = raster.crs, raster.count, raster.bounds
            if crs is not None:
                bounds = rasterio.warp.transform_bounds(crs, "EPSG:4326", *bounds)
    except RasterioError as error:
        raise SitsparkError(f"{_key(layer)}: {layer.file} can't be opened ({error}); correct the path") from None
    if crs is None:
        raise SitsparkError(f"{_key(layer)}: {layer.file} has no CRS; write it into the file, as with gdal_edit.py -a_srs")
    if layer.band > count:
        bands = counted(count, "band")
        raise SitsparkError(f"{_key(layer)}: {layer.file} has {bands}, there is no band {layer.band}; correct the number")
    left, bottom, right, top = bounds
    return left, bottom, right, top


def state_of(layer: StaticLayer) -> list[tuple[str, int, str]]:
    """What changes when a layer does: name, size and time of change of all files that GDAL reads for it.

    Raises SitsparkError for a file that can't be opened.
    """
    if layer.file.path is None:
        try:
            return [(layer.file.address, store.size(layer.file), "")]
        except FileNotFoundError:
            raise SitsparkError(f"{_key(layer)}: {layer.file} doesn't exist; correct the path") from None
    try:
        with rasterio.open(layer.file.gdal) as raster:
            files = [Path(file) for file in raster.files]
    except RasterioError as error:
        raise SitsparkError(f"{_key(layer)}: {layer.file} can't be opened ({error}); correct the path") from None
    states = ((str(file), file.stat()) for file in sorted(files) if file.is_file())
    return [(name, status.st_size, str(status.st_mtime_ns)) for name, status in states]


def read_layers(layers: Sequence[StaticLayer], grid: Grid) -> npt.NDArray[np.float32]:
    """The layers on a grid, float32 (layers, rows, columns); raises SitsparkError for a file that can't be read."""
    out = np.empty((len(layers), grid.height, grid.width), np.float32)
    for layer, pixels in zip(layers, out, strict=True):
        try:
            _read(layer, grid, pixels)
        except (RasterioError, OSError) as error:
            raise SitsparkError(
                f"{_key(layer)}: {layer.file} can't be read ({error.__cause__ or error}); restore the file, or drop the layer"
            ) from error
    return out


def _read(layer: StaticLayer, grid: Grid, out: npt.NDArray[np.float32]) -> None:
    path = layer.file.gdal
    with told_gdal(**GDAL, **store.gdal_options(path), GDAL_CACHEMAX=_CACHE_BYTES):
        source = dataset(path)
        nodata, size = source.nodatavals[layer.band - 1], {"width": source.width, "height": source.height}
        resolution = resolution_in(grid.crs, source.crs.to_wkt(), bounds=tuple(source.bounds), **size)
        with warped(
            source, grid, layer.interpolator, resolution=resolution, nodata=nodata, missing=np.nan, dtype="float32"
        ) as pixels:
            pixels.read(layer.band, out=out)
    out[~np.isfinite(out)] = layer.fill


def _key(layer: StaticLayer) -> str:
    return f"features.static.{layer.name}"
