"""Reading a cube: all dates and bands of a window of the output grid, with one validity mask a date.

Masks are read first; a date without a usable pixel in the window is dropped before its bands are decoded.
"""

import functools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.warp

from sitspark.gdal import told_gdal
from sitspark.grid import Grid, Window
from sitspark.kernels import masks
from sitspark.kernels.series import PixelSeries, pixel_major
from sitspark.scenes import store
from sitspark.scenes.buffers import Allocate
from sitspark.scenes.crossing import SUPPORT, crossing_bytes
from sitspark.scenes.onto_grid import (
    band_at,
    is_copied,
    is_crossed,
    keep_blocks,
    mask_at,
    read_band,
    read_mask,
    reading,
)
from sitspark.scenes.open_files import GDAL
from sitspark.scenes.points import Points
from sitspark.scenes.positions import centres_in
from sitspark.scenes.product import NODATA, Asset, Layout, Scene
from sitspark.timegrid import day_number, days_near

# changes whenever the same files may give other numbers: part of the key of every stage that reads imagery
READER_VERSION = 5
# Kept are as many decoded blocks as those in which a chunk lies, and half as many more for those that the next one shares
# with it: by less, 20 m bands are decoded twice and reading takes a fifth longer. GDAL's own bound is 5 % of the machine's
# memory, for every worker.
_SLACK = 1.5


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
    places = crossing_bytes(scenes, grid, lambda scene, asset: is_crossed(scene, asset, grid))
    return samples * len(bands) * np.dtype(np.int16).itemsize + samples + days + places + blocks_bytes(scenes, grid)


def blocks_bytes(scenes: Sequence[Scene], grid: Grid) -> int:
    """The bytes of decoded blocks that are kept, so that the next chunk finds those that it shares with this one."""
    touched, known = 0, dict[Hashable, int]()  # on all dates there are the same few kinds of files
    for scene in scenes:
        bounds = _bounds_in(grid, scene.crs)
        for asset in scene.assets:
            kind = scene.crs, asset.transform, asset.height, asset.width, asset.block_height, asset.block_width, asset.dtype
            if kind not in known:
                pixel = 0 if is_copied(scene, asset, grid) else max(asset.transform[0], (bounds[2] - bounds[0]) / grid.width)
                known[kind] = asset.block_bytes(bounds, SUPPORT * pixel)
            touched += known[kind]
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
    empty: Allocate = np.empty,
) -> Cube:
    """Read `scenes` on `grid` (a chunk of the output grid); raises SitsparkError with tile, product, band and file.

    Scenes that don't reach the chunk are passed over. With an `owner` scenes of other tiles count only where no scene of
    that tile reaches; without one all count alike. Pixels where `within` (uint8, rows x columns) is 0 are never valid.
    Decoded blocks are kept for the next chunk up to `kept_bytes`; None: as many as this one needs. `empty` gives the memory,
    but of what is brought into the order of days of its own.
    """
    if layout.day is not None:
        empty = np.empty
    scenes = [scene for scene in scenes if _reaches(scene, grid)]
    blocks = blocks_bytes(scenes, grid) if kept_bytes is None else kept_bytes
    keep_blocks(blocks)
    with _environment(scenes), told_gdal(GDAL_CACHEMAX=blocks):
        kept: list[Scene] = []
        valid = empty((len(scenes), grid.height, grid.width), np.uint8)
        for scene, ground in _with_ground(scenes, grid, owner=owner, within=within):
            if _read_validity(scene, grid, layout, ground=ground, out=valid[len(kept)]):
                kept.append(scene)
        valid = valid[: len(kept)]
        # of all dates, so that buffers are as large for each chunk; what nothing is written to costs nothing
        reflectance = empty((len(scenes), len(bands), grid.height, grid.width), np.int16)[: len(kept)]
        for date, scene in enumerate(kept):
            for position, band in enumerate(bands):
                read_band(scene, scene.asset(band), grid, interpolator, out=reflectance[date, position])
                # band by band, while it is in the cache
                masks.nodata(reflectance[date, position : position + 1], NODATA, valid[date])
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


def read_points(
    scenes: Sequence[Scene],
    grid: Grid,
    points: Points,
    *,
    layout: Layout,
    bands: Sequence[str],
    interpolator: str,
    owner: str | None = None,
    within: npt.NDArray[np.uint8] | None = None,
    kept_bytes: int | None = None,
) -> PixelSeries:
    """Read some pixels of `grid` (a chunk of the output grid): the numbers that `read_cube` gives there.

    Only the blocks that they need are decoded, and only they are resampled. Dates without a usable one are left out. The
    rest, and what is raised, is as of `read_cube`.
    """
    scenes = [scene for scene in scenes if _reaches(scene, grid)]
    blocks = blocks_bytes(scenes, grid) if kept_bytes is None else kept_bytes
    keep_blocks(blocks)
    with _environment(scenes), told_gdal(GDAL_CACHEMAX=blocks):
        kept: list[Scene] = []
        valid = np.empty((len(scenes), 1, len(points)), np.uint8)
        for scene, ground in _with_ground(scenes, grid, owner=owner, within=within):
            if _validity_at(scene, grid, points, layout, ground=ground, out=valid[len(kept), 0]):
                kept.append(scene)
        valid = valid[: len(kept)]
        # a cube of one row
        reflectance = np.empty((len(kept), len(bands), 1, len(points)), np.int16)
        for date, scene in enumerate(kept):
            for position, asset in enumerate(map(scene.asset, bands)):
                with reading(scene, asset):
                    reflectance[date, position, 0] = band_at(scene, asset, grid, points, interpolator)
            masks.nodata(reflectance[date], NODATA, valid[date])
        days = np.array([day_number(s.acquired.date()) for s in kept], np.int32)
        cube = Cube(reflectance, valid, days)
        if layout.day is not None:
            pixel_days = np.empty(valid.shape, np.int32)
            for date, scene in enumerate(kept):
                asset = scene.asset(layout.day)
                with reading(scene, asset):
                    stored = mask_at(scene, asset, grid, points)[None]
                _days_of(scene, stored, valid[date], out=pixel_days[date])
            cube = _in_order(Cube(reflectance, valid, days, pixel_days))
    return cube.pixels(Window(0, 0, 1, len(points)))


def _validity_at(
    scene: Scene,
    grid: Grid,
    points: Points,
    layout: Layout,
    *,
    ground: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
) -> bool:
    """Join the masks of a scene at some pixels, where `ground` is 1, in `out` (n,); false as soon as none is left."""
    out[:] = ground[points.rows, points.cols]
    for name, rule in layout.masks.items():
        if not out.any():
            return False
        asset = scene.asset(name)
        with reading(scene, asset):
            rule.invalidate(mask_at(scene, asset, grid, points)[None], out[None])
    return bool(out.any())


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
    stored: npt.NDArray[np.integer] = np.empty(out.shape, asset.dtype)
    with reading(scene, asset):
        read_mask(scene, asset, grid, stored)
    _days_of(scene, stored, valid, out=out)


def _days_of(
    scene: Scene, stored: npt.NDArray[np.integer], valid: npt.NDArray[np.uint8], *, out: npt.NDArray[np.int32]
) -> None:
    """Days of the year as day numbers; what is none isn't valid, and of the product's day."""
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
    return told_gdal(**GDAL, **store.gdal_options(path))


def _not_reached(scenes: Sequence[Scene], grid: Grid) -> npt.NDArray[np.uint8]:
    """1 for the pixels whose centres lie in no band of any of the scenes, uint8 (rows, columns)."""
    outlines = {(scene.crs, scene.assets[-1].bounds) for scene in scenes}
    found = np.ones((grid.height, grid.width), np.uint8)
    for crs, (left, bottom, right, top) in outlines:
        own_x, own_y = _coordinates(grid, crs)
        found[(own_x >= left) & (own_x <= right) & (own_y >= bottom) & (own_y <= top)] = 0
    return found


def _coordinates(grid: Grid, crs: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The centres of a grid's pixels in a CRS, float64 (rows, columns)."""
    if crs != grid.crs:
        centres = centres_in(crs, grid)
        return centres.x, centres.y
    x = grid.left + (np.arange(grid.width) + 0.5) * grid.resolution
    y = grid.top - (np.arange(grid.height) + 0.5) * grid.resolution
    easts, norths = np.meshgrid(x, y)
    return easts, norths


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
        with reading(scene, asset):
            read_mask(scene, asset, grid, values)
        rule.invalidate(values, out)
        if not out.any():
            return False
    return True
