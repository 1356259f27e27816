"""Bringing a raster onto another grid, window by window, with the numbers that the whole image would give."""

import functools

import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform

from sitspark.grid import Grid
from sitspark.scenes.product import Asset, Scene

_TOLERANCE = 1e-8  # pixels: from 1e-7 on windows give the same numbers; exactly 0 makes rasterio 1.4 fail


def warped(
    source: rasterio.DatasetReader,
    grid: Grid,
    interpolator: str,
    *,
    resolution: float,
    nodata: float | None,
    missing: float | None = None,
    dtype: str | None = None,
) -> WarpedVRT:
    """A raster on a grid; `resolution` is its pixel size in units of the CRS of the grid.

    Pixels of the value `nodata`, and those beyond the raster, are `missing` (None: `nodata` again), in `dtype` (None: its
    own).
    """
    # kernel sizes follow from the ratio of resolutions, not from the window, so that chunks make no seams
    ratio = str(min(resolution / grid.resolution, 1.0))
    return WarpedVRT(
        source,
        crs=grid.crs,
        transform=grid.transform,
        height=grid.height,
        width=grid.width,
        resampling=Resampling[interpolator],
        src_nodata=nodata,
        nodata=nodata if missing is None else missing,
        dtype=dtype,
        tolerance=_TOLERANCE,
        XSCALE=ratio,
        YSCALE=ratio,
        # else a pixel of one band counts as long as any band of the file has data there
        UNIFIED_SRC_NODATA="NO",
    )


@functools.lru_cache(maxsize=1024)  # grids of the files of one archive: most of a tile are alike
def resolution_in(crs: str, own_crs: str, *, width: int, height: int, bounds: tuple[float, float, float, float]) -> float:
    """The pixel size, in units of a CRS, of a raster of so many pixels with these bounds in a CRS of its own."""
    if rasterio.crs.CRS.from_user_input(own_crs) == rasterio.crs.CRS.from_user_input(crs):
        return (bounds[2] - bounds[0]) / width
    transform, _, _ = calculate_default_transform(own_crs, crs, width, height, *bounds)
    return float(transform.a)


def resolution_of(scene: Scene, asset: Asset, crs: str) -> float:
    """The pixel size of a file in units of a CRS."""
    if scene.crs == crs:
        return asset.transform[0]
    return resolution_in(crs, scene.crs, width=asset.width, height=asset.height, bounds=asset.bounds)
