"""Bringing the pixels of a file onto a grid by the cheapest exact way: copied, doubled or warped; all of it, or some places.

Files of the usual kind are read by our own hands, block by block; the rest is GDAL's.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.kernels.resample import upsample_2x, upsample_2x_at
from sitspark.scenes.crossing import SUPPORT, Crossing, crossing
from sitspark.scenes.gdal_warp import resolution_of, warped
from sitspark.scenes.mask_rules import OUTSIDE
from sitspark.scenes.open_files import block_file, dataset
from sitspark.scenes.points import Points
from sitspark.scenes.product import NODATA, Asset, Scene
from sitspark.scenes.tiff import BlockCache

_cache = BlockCache()  # of this process; a worker reads one chunk at a time


def keep_blocks(most: int) -> None:
    """Keep at most so many bytes of decoded blocks from now on."""
    _cache.allow(most)


@contextlib.contextmanager
def reading(scene: Scene, asset: Asset) -> Iterator[None]:
    """Say of which tile, date and band a file is that can't be read."""
    try:
        yield
    except (RasterioError, OSError) as error:
        cause = error.__cause__ or error
        raise SitsparkError(
            f"tile {scene.tile}, {scene.acquired:%Y-%m-%d}, {asset.name}: {asset.path} can't be read ({cause}); fetch "
            f"the file again, or leave the product out with scenes.exclude: [{scene.scene_id}]; `sitspark check --deep` finds "
            "all such files"
        ) from error


def read_mask(scene: Scene, asset: Asset, grid: Grid, out: npt.NDArray[np.generic]) -> None:
    """Bring a mask onto the grid: copied, each pixel four times, or warped; always the nearest pixel."""
    source = _same_grid(scene, asset, grid)
    if source and _is_copied(source, grid):
        _copy(asset, source, grid, OUTSIDE, out)
    elif source and _is_half(source, grid):
        _repeat(asset, source, grid, out)
    else:
        _warp(scene, asset, grid, "nearest", OUTSIDE, out)


def read_band(scene: Scene, asset: Asset, grid: Grid, interpolator: str, *, out: npt.NDArray[np.int16]) -> None:
    """Bring a band onto the grid and the common scale by the cheapest exact way: copy, double, or warp."""
    with reading(scene, asset):
        source = _same_grid(scene, asset, grid)
        if source and _is_half(source, grid):
            _double(asset, source, grid, interpolator, out)
            return
        stored = out if _is_common(asset) else np.empty(out.shape, asset.dtype)
        if source and _is_copied(source, grid):
            _copy(asset, source, grid, asset.nodata, stored)
        else:
            _warp(scene, asset, grid, interpolator, asset.nodata, stored)
        if stored is not out:
            out[:] = _common(stored, asset)


def _same_grid(scene: Scene, asset: Asset, grid: Grid) -> Grid | None:
    return asset.grid(scene.crs) if scene.crs == grid.crs else None


def _is_common(asset: Asset) -> bool:
    """Whether stored values are reflectance x 10 000 as they are."""
    return (asset.scale, asset.offset, asset.nodata, asset.dtype) == (1, 0, NODATA, "int16")


def _common(stored: npt.NDArray[np.generic], asset: Asset) -> npt.NDArray[np.int16]:
    """Stored values as reflectance x 10 000, int16."""
    if _is_common(asset):
        return stored  # type: ignore[return-value]  # int16: the line above looked
    scaled = np.rint(stored.astype(np.float32) * np.float32(asset.scale) + np.float32(asset.offset))
    missing = stored == asset.nodata
    if np.issubdtype(stored.dtype, np.floating):
        missing |= np.isnan(stored)
    common: npt.NDArray[np.int16] = np.where(missing, NODATA, scaled.clip(-32768, 32767)).astype(np.int16)
    return common


def is_copied(scene: Scene, asset: Asset, grid: Grid) -> bool:
    """Whether the pixels of a file are those of a grid."""
    return _is_copied(_same_grid(scene, asset, grid), grid)


def is_crossed(scene: Scene, asset: Asset, grid: Grid) -> bool:
    """Whether the pixels of a file are neither those of a grid nor twice as large: each then has a place of its own in it."""
    source = _same_grid(scene, asset, grid)
    return source is None or not (_is_copied(source, grid) or _is_half(source, grid))


def _is_copied(source: Grid | None, grid: Grid) -> bool:
    return source is not None and source.resolution == grid.resolution and source.offset_of(grid) is not None


def _is_half(source: Grid, grid: Grid) -> bool:
    return source.resolution == 2 * grid.resolution and _halved(source).offset_of(grid) is not None


def _halved(grid: Grid) -> Grid:
    return Grid(grid.crs, grid.left, grid.top, grid.resolution / 2, grid.height * 2, grid.width * 2)


def _overlap(source: Grid, grid: Grid) -> tuple[Window, tuple[slice, slice]]:
    """The part of `source` on which `grid`, of the same pixels, lies, and its place in `grid`."""
    row, col = source.offset_of(grid) or (0, 0)
    inside = Window(row, col, grid.height, grid.width).intersection(source.window)
    return inside, inside.shifted(-row, -col).slices


def _copy(asset: Asset, source: Grid, grid: Grid, nodata: float, out: npt.NDArray[np.generic]) -> None:
    inside, place = _overlap(source, grid)
    if inside.pixels == out.size:
        _read(asset, inside, out)
        return
    out[:] = nodata
    if not inside.is_empty:
        _read(asset, inside, out[place])


def _double(asset: Asset, source: Grid, grid: Grid, interpolator: str, out: npt.NDArray[np.int16]) -> None:
    """Interpolate a band of twice the pixel size, on the common scale: there are four times less pixels to scale."""
    inside, place = _overlap(_halved(source), grid)
    if inside.pixels < out.size:
        out[:] = NODATA
    if inside.is_empty:
        return
    coarse = _coarse(inside, 2).grown(SUPPORT).intersection(source.window)
    stored = np.empty((coarse.height, coarse.width), asset.dtype)
    _read(asset, coarse, stored)
    upsample_2x(
        _common(stored, asset),
        out[place],
        row0=inside.row - 2 * coarse.row,
        col0=inside.col - 2 * coarse.col,
        kind=interpolator,
        nodata=NODATA,
    )


def _repeat(asset: Asset, source: Grid, grid: Grid, out: npt.NDArray[np.generic]) -> None:
    """Give each fine pixel the value of the coarse one in which it lies."""
    inside, place = _overlap(_halved(source), grid)
    if inside.pixels < out.size:
        out[:] = OUTSIDE
    if inside.is_empty:
        return
    coarse = _coarse(inside, 2)
    values = np.empty((coarse.height, coarse.width), asset.dtype)
    _read(asset, coarse, values)
    rows = np.arange(inside.row, inside.stop_row) // 2 - coarse.row
    cols = np.arange(inside.col, inside.stop_col) // 2 - coarse.col
    out[place] = values[rows[:, None], cols]


def _warp(scene: Scene, asset: Asset, grid: Grid, interpolator: str, nodata: float, out: npt.NDArray[np.generic]) -> None:
    found = crossing(scene, asset, grid, nodata=nodata)
    if found is None:
        _warp_by_gdal(scene, asset, grid, interpolator, nodata, out)
    else:
        stored = np.empty((found.window.height, found.window.width), asset.dtype)
        if not found.window.is_empty:
            _read(asset, found.window, stored)
        values = np.empty(out.size, out.dtype)
        found.interpolate(stored, interpolator, nodata=nodata, out=values)
        out[:] = values.reshape(out.shape)


def _warp_by_gdal(
    scene: Scene, asset: Asset, grid: Grid, interpolator: str, nodata: float, out: npt.NDArray[np.generic]
) -> None:
    with warped(_dataset(asset), grid, interpolator, resolution=resolution_of(scene, asset, grid.crs), nodata=nodata) as pixels:
        pixels.read(asset.number, out=out)


def _read(asset: Asset, window: Window, out: npt.NDArray[np.generic]) -> None:
    """Fill `out` with a window of a file: by our own hands where it is of the usual kind, else by GDAL's."""
    blocks = block_file(asset.path)
    if blocks is not None:
        asset.refuse_other(blocks.header.height, blocks.header.width, [blocks.header.dtype])
        blocks.read(window, out, cache=_cache)
    else:
        place = RasterWindow(window.col, window.row, window.width, window.height)
        out[:] = _dataset(asset).read(asset.number, window=place)


def _dataset(asset: Asset) -> rasterio.DatasetReader:
    """The file of an asset; raises OSError for one that isn't as the scenes table has it."""
    found = dataset(asset.path)
    asset.refuse_other(found.height, found.width, found.dtypes)
    return found


def mask_at(scene: Scene, asset: Asset, grid: Grid, points: Points) -> npt.NDArray[np.integer]:
    """What `read_mask` gives at some pixels of a grid, (n,)."""
    place = _place(_same_grid(scene, asset, grid), grid, points, support=0)
    values: npt.NDArray[np.integer]
    if place is not None:
        values = _nearest_at(asset, place, OUTSIDE)  # type: ignore[assignment]  # masks are of integers
    else:
        values = _warped_at(scene, asset, grid, points, "nearest", OUTSIDE)  # type: ignore[assignment]  # as above
    return values


def band_at(scene: Scene, asset: Asset, grid: Grid, points: Points, interpolator: str) -> npt.NDArray[np.int16]:
    """What `read_band` gives at some pixels of a grid, int16 (n,)."""
    place = _place(_same_grid(scene, asset, grid), grid, points, support=SUPPORT)
    if place is None:
        return _common(_warped_at(scene, asset, grid, points, interpolator, asset.nodata), asset)
    if place.times == 1:
        return _common(_nearest_at(asset, place, asset.nodata), asset)
    return _doubled_at(asset, place, interpolator)


def _warped_at(
    scene: Scene, asset: Asset, grid: Grid, points: Points, interpolator: str, nodata: float
) -> npt.NDArray[np.generic]:
    """What `_warp` gives at some pixels of a grid, (n,)."""
    found = crossing(scene, asset, grid, nodata=nodata, points=points)
    if found is None:
        whole = np.empty((grid.height, grid.width), asset.dtype)
        _warp_by_gdal(scene, asset, grid, interpolator, nodata, whole)
        return whole[points.rows, points.cols]
    values: npt.NDArray[np.generic] = np.empty(len(points), asset.dtype)
    stored = _read_around(asset, found.window, _pixels_of(found), reach=SUPPORT)
    found.interpolate(stored, interpolator, nodata=nodata, out=values)
    return values


@functools.lru_cache(maxsize=16)
def _pixels_of(found: Crossing) -> Points:
    """The pixels of a file in which places lie, without those beyond it."""
    window = found.window
    known = (found.rows >= 0) & (found.rows < window.height) & (found.cols >= 0) & (found.cols < window.width)
    rows, cols = (places[known].astype(np.int64) for places in (found.rows, found.cols))
    return Points(rows + window.row, cols + window.col)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where some points of a grid lie in a file whose pixels are those of the grid, or `times` as large.

    `reached` says which of them do, bool (n,); `own` are those, in pixels of the grid from the corner of the file on, and
    `pixels` the pixels of the file around them. `window` is of the file: all that the grid lies on, and `reach` pixels around.
    """

    times: int
    reach: int
    window: Window
    reached: npt.NDArray[np.bool_]
    own: Points
    pixels: Points


@functools.lru_cache(maxsize=16)  # on all dates, the files of one pixel size have those of a chunk alike
def _place(source: Grid | None, grid: Grid, points: Points, *, support: int) -> _Place | None:
    """Where points lie in a file, with so many pixels around larger ones; None for a file of other pixels."""
    if source is None:
        return None
    if _is_copied(source, grid):
        times, fine = 1, source
    elif _is_half(source, grid):
        times, fine = 2, _halved(source)
    else:
        return None
    reach = support if times > 1 else 0
    row, col = fine.offset_of(grid) or (0, 0)
    inside = Window(row, col, grid.height, grid.width).intersection(fine.window)
    window = _coarse(inside, times).grown(reach).intersection(source.window)
    there = points.shifted(row, col)
    reached = there.inside(inside)
    own = there[reached]
    return _Place(times, reach, window, reached, own, Points(own.rows // times, own.cols // times))


def _nearest_at(asset: Asset, place: _Place, outside: float) -> npt.NDArray[np.generic]:
    """The stored values of the pixels of a file in which points lie, (n,); `outside` where the file ends."""
    values = np.full(len(place.reached), outside, asset.dtype)
    if len(place.own):
        stored, pixels = _read_around(asset, place.window, place.pixels, reach=place.reach), place.pixels
        values[place.reached] = stored[pixels.rows - place.window.row, pixels.cols - place.window.col]
    return values


def _doubled_at(asset: Asset, place: _Place, interpolator: str) -> npt.NDArray[np.int16]:
    """What `_double` gives at some points."""
    values = np.full(len(place.reached), NODATA, np.int16)
    if len(place.own):
        stored = _read_around(asset, place.window, place.pixels, reach=place.reach)
        found = np.empty(len(place.own), np.int16)
        rows, cols = place.own.rows - 2 * place.window.row, place.own.cols - 2 * place.window.col
        upsample_2x_at(_common(stored, asset), rows, cols, found, kind=interpolator, nodata=NODATA)
        values[place.reached] = found
    return values


def _read_around(asset: Asset, window: Window, pixels: Points, *, reach: int) -> npt.NDArray[np.generic]:
    """A window of a file, of which only blocks within reach of some of its pixels are sure to be read."""
    out = np.zeros((window.height, window.width), asset.dtype)
    if window.is_empty:
        return out
    blocks = block_file(asset.path)
    if blocks is None:
        _read(asset, window, out)
        return out
    header = blocks.header
    asset.refuse_other(header.height, header.width, [header.dtype])
    wanted = _blocks_around(pixels, reach, (header.block_height, header.block_width), header.sizes.shape)
    blocks.read(window, out, cache=_cache, wanted=wanted)
    return out


@functools.lru_cache(maxsize=16)
def _blocks_around(pixels: Points, reach: int, size: tuple[int, int], count: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Which blocks of a file are within reach of pixels, bool (block rows, block columns), of blocks of a size, and so many."""
    (height, width), (down, across) = size, count
    wanted = np.zeros(count, np.bool_)
    rows = [np.minimum(np.maximum(pixels.rows + step, 0) // height, down - 1) for step in _steps(reach, height)]
    cols = [np.minimum(np.maximum(pixels.cols + step, 0) // width, across - 1) for step in _steps(reach, width)]
    for row in rows:
        for col in cols:
            wanted[row, col] = True
    return wanted


def _steps(reach: int, size: int) -> Sequence[int]:
    """Pixels beside a point that lie in all blocks of a size which it reaches into; of low strips those between too."""
    if reach == 0:
        return (0,)
    return (-reach, reach) if size > 2 * reach else range(-reach, reach + 1)


def _coarse(fine: Window, times: int) -> Window:
    """The pixels, `times` as large, in which those of a window lie."""
    row, col = fine.row // times, fine.col // times
    return Window(row, col, -(-fine.stop_row // times) - row, -(-fine.stop_col // times) - col)
