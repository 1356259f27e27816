"""Reading a cube: all dates and bands of a window of the output grid, with one validity mask a date.

Masks are read first; a date without a usable pixel in the window is dropped before its bands are decoded.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.warp
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.kernels import masks
from sitspark.kernels.resample import upsample_2x
from sitspark.kernels.series import PixelSeries, pixel_major
from sitspark.scenes import store
from sitspark.scenes.mask_rules import OUTSIDE
from sitspark.scenes.open_files import GDAL, block_file, dataset
from sitspark.scenes.product import NODATA, Asset, Layout, Scene
from sitspark.scenes.tiff import BlockCache
from sitspark.scenes.warp import resolution_in, warped
from sitspark.timegrid import day_number, days_near

# changes whenever the same files may give other numbers: part of the key of every stage that reads imagery
READER_VERSION = 4
# Kept are as many decoded blocks as those in which a chunk lies, and half as many more for those that the next one shares
# with it: by less, 20 m bands are decoded twice and reading takes a fifth longer. GDAL's own bound is 5 % of the machine's
# memory, for every worker.
_SLACK = 1.5
_cache = BlockCache()  # of this process; a worker reads one chunk at a time
_SUPPORT = 2  # coarse pixels that cubic interpolation reaches to either side


@dataclass(frozen=True, slots=True)
class Cube:
    """A block of the archive: reflectance x 10 000 int16 (dates, bands, rows, columns), validity, day numbers.

    valid is uint8 (dates, rows, columns), 1 = usable; days int32 (dates,), ascending, with repetitions where two
    acquisitions fall on one day. Where each pixel has days of its own, `pixel_days` has them instead: int32 (dates, rows,
    columns), ascending along the dates, with reflectance and validity in that order.
    """

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.uint8]
    days: npt.NDArray[np.int32]
    pixel_days: npt.NDArray[np.int32] | None = None

    def cropped(self, window: Window) -> "Cube":
        """The part of a window of the cube, in memory of its own."""
        rows, cols = window.slices
        return Cube(
            np.ascontiguousarray(self.reflectance[:, :, rows, cols]),
            np.ascontiguousarray(self.valid[:, rows, cols]),
            self.days,
            None if self.pixel_days is None else np.ascontiguousarray(self.pixel_days[:, rows, cols]),
        )

    def pixels(self, window: Window) -> PixelSeries:
        """The series of the pixels of a window of the cube, row after row."""
        dates, bands, height, width = self.reflectance.shape
        series, valid = self.reflectance.reshape(dates, bands, height * width), self.valid.reshape(dates, height * width)
        reflectance = np.empty((window.pixels, dates, bands), np.int16)
        usable = np.empty((window.pixels, dates), np.uint8)
        for row in range(window.height):
            own = slice(row * window.width, (row + 1) * window.width)
            pixel_major(series, valid, (window.row + row) * width + window.col, reflectance[own], usable[own])
        if self.pixel_days is None:
            return PixelSeries(reflectance, usable, self.days[None])
        days = self.pixel_days[:, *window.slices].reshape(dates, window.pixels)
        return PixelSeries(reflectance, usable, np.ascontiguousarray(days.T))

    @property
    def clear_dates(self) -> npt.NDArray[np.uint16]:
        """The number of usable acquisitions of each pixel, uint16 (rows, columns)."""
        dates: npt.NDArray[np.uint16] = self.valid.sum(axis=0, dtype=np.uint16)
        return dates


class CubeStrips:
    """The series of a cube pixel after pixel, at most so many at a time, always in the same memory."""

    def __init__(self, cube: Cube, most: int) -> None:
        dates, bands, height, width = cube.reflectance.shape
        self._series = cube.reflectance.reshape(dates, bands, height * width)
        self._valid = cube.valid.reshape(dates, height * width)
        self._days = cube.days[None]
        self._pixel_days = None if cube.pixel_days is None else cube.pixel_days.reshape(dates, height * width)
        self._pixels = np.empty((most, dates, bands), np.int16)
        self._pixels_valid = np.empty((most, dates), np.uint8)

    def strip(self, first: int, stop: int) -> PixelSeries:
        """The pixels from `first` to before `stop`; valid until the next call."""
        pixels, valid = self._pixels[: stop - first], self._pixels_valid[: stop - first]
        pixel_major(self._series, self._valid, first, pixels, valid)
        days = self._days if self._pixel_days is None else np.ascontiguousarray(self._pixel_days[:, first:stop].T)
        return PixelSeries(pixels, valid, days)


def reading_bytes(scenes: Sequence[Scene], grid: Grid, *, bands: Sequence[str], has_days: bool = False) -> int:
    """The memory that reading a cube takes: the cube, its validity, days of its pixels, the decoded blocks that are kept."""
    scenes = [scene for scene in scenes if _reaches(scene, grid)]
    samples = len(scenes) * grid.window.pixels
    days = samples * np.dtype(np.int32).itemsize if has_days else 0
    return samples * len(bands) * np.dtype(np.int16).itemsize + samples + days + blocks_bytes(scenes, grid)


def blocks_bytes(scenes: Sequence[Scene], grid: Grid) -> int:
    """The bytes of decoded blocks that are kept, so that the next chunk finds those that it shares with this one."""
    touched = 0
    for scene in scenes:
        bounds = _bounds_in(grid, scene.crs)
        for asset in scene.assets:
            pixel = 0 if is_copied(scene, asset, grid) else max(asset.transform[0], (bounds[2] - bounds[0]) / grid.width)
            touched += asset.block_bytes(bounds, _SUPPORT * pixel)
    return round(_SLACK * touched)


def _reaches(scene: Scene, grid: Grid) -> bool:
    left, bottom, right, top = _bounds_in(grid, scene.crs)
    own_left, own_bottom, own_right, own_top = scene.assets[-1].bounds
    return own_left < right and left < own_right and own_bottom < top and bottom < own_top


@functools.lru_cache(maxsize=64)  # the CRSs of one archive
def _bounds_in(grid: Grid, crs: str) -> tuple[float, float, float, float]:
    """The bounds of a grid (left, bottom, right, top) in another CRS."""
    if crs == grid.crs:
        return grid.bounds
    found: tuple[float, float, float, float] = rasterio.warp.transform_bounds(grid.crs, crs, *grid.bounds)
    return found


def read_cube(
    scenes: Sequence[Scene],
    grid: Grid,
    *,
    layout: Layout,
    bands: Sequence[str],
    interpolator: str,
    owner: str | None = None,
    within: npt.NDArray[np.uint8] | None = None,
    kept_bytes: int | None = None,
) -> Cube:
    """Read `scenes` on `grid` (a chunk of the output grid); raises SitsparkError with tile, product, band and file.

    Scenes that don't reach the chunk are passed over. With an `owner` scenes of other tiles count only where no scene of
    that tile reaches; without one all count alike. Pixels where `within` (uint8, rows x columns) is 0 are never valid.
    Decoded blocks are kept for the next chunk up to `kept_bytes`; None: as many as this one needs.
    """
    scenes = [scene for scene in scenes if _reaches(scene, grid)]
    blocks = blocks_bytes(scenes, grid) if kept_bytes is None else kept_bytes
    _cache.allow(blocks)
    with _environment(scenes), rasterio.Env(GDAL_CACHEMAX=blocks):
        kept: list[Scene] = []
        valid = np.empty((len(scenes), grid.height, grid.width), np.uint8)
        for scene, ground in _with_ground(scenes, grid, owner=owner, within=within):
            if _read_validity(scene, grid, layout, ground=ground, out=valid[len(kept)]):
                kept.append(scene)
        valid = valid[: len(kept)]
        reflectance = np.empty((len(kept), len(bands), grid.height, grid.width), np.int16)
        for date, scene in enumerate(kept):
            for position, band in enumerate(bands):
                _read_band(scene, scene.asset(band), grid, interpolator, out=reflectance[date, position])
            masks.nodata(reflectance[date], NODATA, valid[date])
        days = np.array([day_number(s.acquired.date()) for s in kept], np.int32)
        if layout.day is None:
            return Cube(reflectance, valid, days)
        pixel_days = np.empty(valid.shape, np.int32)
        for date, scene in enumerate(kept):
            _read_days(scene, scene.asset(layout.day), grid, valid[date], out=pixel_days[date])
    return _in_order(Cube(reflectance, valid, days, pixel_days))


def _with_ground(
    scenes: Sequence[Scene], grid: Grid, *, owner: str | None, within: npt.NDArray[np.uint8] | None
) -> Iterator[tuple[Scene, npt.NDArray[np.uint8]]]:
    """The scenes in the order of their dates, and the pixels for which each counts, uint8 (rows, columns)."""
    everywhere = np.ones((grid.height, grid.width), np.uint8) if within is None else within
    unmixed = owner is None or all(scene.tile == owner for scene in scenes)
    left_over = everywhere if unmixed else everywhere & _not_reached([s for s in scenes if s.tile == owner], grid)
    for scene in sorted(scenes, key=lambda s: (s.acquired, s.scene_id)):
        yield scene, everywhere if scene.tile == owner else left_over


def count_clear(
    scenes: Sequence[Scene],
    grid: Grid,
    *,
    layout: Layout,
    owner: str | None = None,
    within: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray[np.uint16]:
    """How many scenes each pixel of `grid` is usable in by their masks, uint16 (rows, columns); as `read_cube` otherwise."""
    scenes = [scene for scene in scenes if _reaches(scene, grid)]
    counts, valid = np.zeros((grid.height, grid.width), np.uint16), np.empty((grid.height, grid.width), np.uint8)
    with _environment(scenes):
        for scene, ground in _with_ground(scenes, grid, owner=owner, within=within):
            if _read_validity(scene, grid, layout, ground=ground, out=valid):
                counts += valid
    return counts


def _read_days(scene: Scene, asset: Asset, grid: Grid, valid: npt.NDArray[np.uint8], *, out: npt.NDArray[np.int32]) -> None:
    """The day number on which each pixel was acquired; one without a day of the year isn't valid, and of the product's day."""
    stored = np.empty(out.shape, asset.dtype)
    with _reading(scene, asset):
        _read_mask(scene, asset, grid, stored)
    day = scene.acquired.date()
    valid[(stored < 1) | (stored > 366)] = 0
    out[:] = np.where(valid == 1, days_near(day, stored.astype(np.int32)), day_number(day))


def _in_order(cube: Cube) -> Cube:
    """Each pixel's acquisitions in the order of its own days: those of composites that overlap may change places."""
    assert cube.pixel_days is not None
    if (np.diff(cube.pixel_days, axis=0) >= 0).all():
        return cube
    order = np.argsort(cube.pixel_days, axis=0, kind="stable")
    return Cube(
        np.take_along_axis(cube.reflectance, order[:, None], axis=0),
        np.take_along_axis(cube.valid, order, axis=0),
        cube.days,
        np.take_along_axis(cube.pixel_days, order, axis=0),
    )


def read_validity(scene: Scene, grid: Grid, *, layout: Layout) -> npt.NDArray[np.uint8]:
    """The pixels of `grid` that the masks of one scene leave usable, uint8 (rows, columns); raises as `read_cube` does."""
    valid = np.empty((grid.height, grid.width), np.uint8)
    with _environment([scene]):
        _read_validity(scene, grid, layout, ground=np.ones_like(valid), out=valid)
    return valid


def _environment(scenes: Sequence[Scene]) -> rasterio.Env:
    """What GDAL is told; the files of one sensor are in one place."""
    path = scenes[0].assets[0].path if scenes else ""
    return rasterio.Env(**GDAL, **store.gdal_options(path))


def _not_reached(scenes: Sequence[Scene], grid: Grid) -> npt.NDArray[np.uint8]:
    """1 for the pixels whose centres lie in no band of any of the scenes, uint8 (rows, columns)."""
    outlines = {(scene.crs, scene.assets[-1].bounds) for scene in scenes}
    found = np.ones((grid.height, grid.width), np.uint8)
    x = grid.left + (np.arange(grid.width) + 0.5) * grid.resolution
    y = grid.top - (np.arange(grid.height) + 0.5) * grid.resolution
    easts, norths = np.meshgrid(x, y)
    for crs, (left, bottom, right, top) in outlines:
        own_x, own_y = easts, norths
        if crs != grid.crs:
            moved = rasterio.warp.transform(grid.crs, crs, easts.ravel(), norths.ravel())
            own_x, own_y = (np.asarray(values).reshape(found.shape) for values in moved)
        found[(own_x >= left) & (own_x <= right) & (own_y >= bottom) & (own_y <= top)] = 0
    return found


def _read_validity(
    scene: Scene, grid: Grid, layout: Layout, *, ground: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]
) -> bool:
    """Join the masks of a scene, where `ground` is 1, in `out` (rows, columns); false as soon as no pixel is left."""
    out[:] = ground
    if not out.any():
        return False
    for name, rule in layout.masks.items():
        asset = scene.asset(name)
        values = np.empty((grid.height, grid.width), asset.dtype)
        with _reading(scene, asset):
            _read_mask(scene, asset, grid, values)
        rule.invalidate(values, out)
        if not out.any():
            return False
    return True


@contextlib.contextmanager
def _reading(scene: Scene, asset: Asset) -> Iterator[None]:
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


def _read_mask(scene: Scene, asset: Asset, grid: Grid, out: npt.NDArray[np.generic]) -> None:
    """Bring a mask onto the grid: copied, each pixel four times, or warped; always the nearest pixel."""
    source = _same_grid(scene, asset, grid)
    if source and _is_copied(source, grid):
        _copy(asset, source, grid, OUTSIDE, out)
    elif source and _is_half(source, grid):
        _repeat(asset, source, grid, out)
    else:
        _warp(scene, asset, grid, "nearest", OUTSIDE, out)


def _read_band(scene: Scene, asset: Asset, grid: Grid, interpolator: str, *, out: npt.NDArray[np.int16]) -> None:
    """Bring a band onto the grid and the common scale by the cheapest exact way: copy, double, or warp."""
    with _reading(scene, asset):
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
    first_row, first_col = max(inside.row // 2 - _SUPPORT, 0), max(inside.col // 2 - _SUPPORT, 0)
    coarse = Window(
        first_row,
        first_col,
        min(-(-inside.stop_row // 2) + _SUPPORT, source.height) - first_row,
        min(-(-inside.stop_col // 2) + _SUPPORT, source.width) - first_col,
    )
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
    first_row, first_col = inside.row // 2, inside.col // 2
    coarse = Window(first_row, first_col, -(-inside.stop_row // 2) - first_row, -(-inside.stop_col // 2) - first_col)
    values = np.empty((coarse.height, coarse.width), asset.dtype)
    _read(asset, coarse, values)
    rows = np.arange(inside.row, inside.stop_row) // 2 - first_row
    cols = np.arange(inside.col, inside.stop_col) // 2 - first_col
    out[place] = values[rows[:, None], cols]


def _warp(scene: Scene, asset: Asset, grid: Grid, interpolator: str, nodata: float, out: npt.NDArray[np.generic]) -> None:
    source = _dataset(asset)
    resolution = asset.transform[0] if scene.crs == grid.crs else resolution_in(grid.crs, source)
    with warped(source, grid, interpolator, resolution=resolution, nodata=nodata) as pixels:
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
