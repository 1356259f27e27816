"""A raster of classes, whoever made it: its grid, and the classes of its pixels in the codes of a reference."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from sitspark.errors import SitsparkError, some
from sitspark.grid import Grid, Window
from sitspark.kernels.codes import distinct
from sitspark.maps.mosaic import raster_window

NOTHING = int(np.iinfo(np.int32).min)  # the class of a pixel that has none: other maps have 0, or 255, for a class

Classes = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ClassRaster:
    """A raster of one band whose values are class codes, on a north-up grid of square pixels.

    `nodata` is a value that stands for no class beside those that the file itself names. `mapping` gives its codes as those of
    a reference, None for what has no class there; without one they are taken as they are.
    """

    path: Path
    grid: Grid
    nodata: float | None = None
    mapping: Mapping[int, int | None] | None = None

    @staticmethod
    def of(path: Path, *, nodata: float | None = None, mapping: Mapping[int, int | None] | None = None) -> "ClassRaster":
        """Read the header; raises SitsparkError with the path for what can't be a map of classes here, and what to do."""
        if not path.is_file():
            raise SitsparkError(f"there is no map {path}; correct the path")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with rasterio.open(path) as dataset:
                    return ClassRaster(path, _grid_of(dataset, path), nodata, mapping)
        except RasterioError as error:
            raise SitsparkError(f"{path}: can't be read as a raster ({error}); name a GeoTIFF of classes") from None

    def read(self, grid: Grid, window: Window) -> Classes:
        """The codes, as the file has them, of a window of a grid that lies on its pixels; NOTHING where there is none.

        The window may reach beyond the raster. Raises SitsparkError where it can't be read, or holds no whole numbers.
        """
        offset = grid.offset_of(self.grid)
        assert offset is not None, f"{self.path} is not on the pixels of the grid"
        placed = window.shifted(-offset[0], -offset[1])
        part = placed.intersection(self.grid.window)
        codes = np.full((window.height, window.width), NOTHING, np.int32)
        if not part.is_empty:
            codes[part.shifted(-placed.row, -placed.col).slices] = self._codes(part)
        return codes

    def translated(self, codes: Classes) -> Classes:
        """Codes of the file as those of the reference; raises SitsparkError for codes that the mapping doesn't name."""
        if self.mapping is None:
            return codes
        found = codes.ravel().copy()
        known = found != NOTHING
        values, position = distinct(found[known])
        unnamed = [value for value in values.tolist() if value not in self.mapping]
        if unnamed:
            raise SitsparkError(
                f"{self.path}: holds {'codes' if len(unnamed) > 1 else 'code'} {some(map(str, unnamed), most=20)}, which the "
                f"mapping doesn't name; add a line '{unnamed[0]},REFERENCE CODE', or '{unnamed[0]},' to leave it out"
            )
        targets = (self.mapping[value] for value in values.tolist())
        found[known] = np.array([NOTHING if target is None else target for target in targets], np.int32)[position]
        return found.reshape(codes.shape)

    def _codes(self, window: Window) -> Classes:
        try:
            with rasterio.open(self.path) as dataset:
                values = dataset.read(1, window=raster_window(window), masked=True)
        except RasterioError as error:
            raise SitsparkError(
                f"{self.path}: is damaged or cut short, row {window.row} on can't be read ({error}); copy or write it again"
            ) from None
        absent = np.ma.getmaskarray(values)
        raw: npt.NDArray[Any] = values.data
        if self.nodata is not None:
            absent = absent | (raw == self.nodata)
        if raw.dtype.kind == "f":
            absent = absent | np.isnan(raw)
        raw = np.where(absent, raw.dtype.type(0), raw)
        strange = (raw < NOTHING + 1) | (raw > np.iinfo(np.int32).max) if raw.dtype.itemsize >= 4 else np.False_
        if raw.dtype.kind == "f":
            strange = strange | (raw != np.rint(raw))
        if np.any(strange):
            value = raw[strange].flat[0]
            raise SitsparkError(f"{self.path}: holds {value:g}, which is no class code; name the raster of classes")
        codes: Classes = raw.astype(np.int32)
        codes[absent] = NOTHING
        return codes


def described(grid: Grid) -> str:
    """A grid as sentences name it."""
    crs = grid.crs if len(grid.crs) < 20 else CRS.from_user_input(grid.crs).to_dict().get("proj", "a CRS of its own")
    size = f"{grid.width} x {grid.height} pixels of {grid.resolution:.8g}"
    return f"{size} from x {grid.left:.10g}, y {grid.top:.10g}, {crs}"


def common_grid(first: ClassRaster, second: ClassRaster) -> Grid:
    """The part of two rasters' grids that both have; raises SitsparkError where their pixels don't lie on one another."""
    one, other = first.grid, second.grid
    longest = max(one.height, one.width, other.height, other.width)
    alike = abs(one.resolution - other.resolution) * longest < 0.01 * one.resolution and _same_crs(one, other)
    offset = one.offset_of(other) if alike else None
    if offset is None:
        left, bottom, right, top = one.bounds
        crs = one.crs if len(one.crs) < 20 else f"CRS_OF_{first.path.name}"
        raise SitsparkError(
            f"pixels don't lie on one another: {first.path} has {described(one)}; {second.path} has {described(other)}; bring "
            f"one to the grid of the other: gdalwarp -r near -t_srs {crs} -tr {one.resolution:.10g} {one.resolution:.10g} "
            f"-te {left:.10g} {bottom:.10g} {right:.10g} {top:.10g} {second.path.name} aligned.tif"
        )
    common = other.window.shifted(*offset).intersection(one.window)
    if common.is_empty:
        raise SitsparkError(
            f"the maps have no ground in common: {first.path} has {described(one)}; {second.path} has {described(other)}"
        )
    return one.cropped(common)


def _same_crs(one: Grid, other: Grid) -> bool:
    return one.crs == other.crs or CRS.from_user_input(one.crs) == CRS.from_user_input(other.crs)


def _grid_of(dataset: DatasetReader, path: Path) -> Grid:
    if dataset.count != 1:
        raise SitsparkError(
            f"{path}: has {dataset.count} bands, and a map of classes has one; gdal_translate -b 1 {path.name} classes.tif "
            "takes the first"
        )
    if np.dtype(dataset.dtypes[0]).kind == "c":
        raise SitsparkError(f"{path}: holds complex numbers ({dataset.dtypes[0]}), no class codes; name the raster of classes")
    if dataset.crs is None:
        raise SitsparkError(f"{path}: has no CRS; give it one, for example: rio edit-info --crs EPSG:2154 {path.name}")
    to_map = dataset.transform
    if to_map.b or to_map.d or to_map.a <= 0 or to_map.e >= 0:
        raise SitsparkError(
            f"{path}: is turned or upside down (transform {tuple(to_map)[:6]}); gdalwarp -r near {path.name} upright.tif "
            "brings it upright"
        )
    if abs(to_map.a + to_map.e) * max(dataset.shape) > 0.01 * to_map.a:
        raise SitsparkError(
            f"{path}: its pixels aren't square ({to_map.a:.10g} x {-to_map.e:.10g}); gdalwarp -r near -tr {to_map.a:.10g} "
            f"{to_map.a:.10g} {path.name} square.tif makes them so"
        )
    code = dataset.crs.to_epsg()
    crs = f"EPSG:{code}" if code is not None else dataset.crs.to_wkt()
    return Grid(crs, to_map.c, to_map.f, to_map.a, dataset.height, dataset.width)
