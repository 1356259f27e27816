"""Reading all that is known of a window of the output grid, for samples and maps alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from sitspark.grid import Grid, Territory, Window
from sitspark.kernels.series import PixelSeries
from sitspark.scenes.buffers import Allocate
from sitspark.scenes.cube import Cube, blocks_bytes, count_clear, read_cube, read_points, reading_bytes
from sitspark.scenes.layouts import Selection
from sitspark.scenes.onto_grid import is_copied
from sitspark.scenes.points import Points
from sitspark.scenes.product import Asset, Scene
from sitspark.scenes.region import Region
from sitspark.scenes.static import StaticLayer, read_layers

# of a patch of the widest padding, 256 x 256 pixels: their acquisitions and series, and what a function makes of them
_PATCH_BYTES = 400_000_000


@dataclass(frozen=True, slots=True)
class Stack:
    """All that is known of a window: a cube of each sensor, and the static layers, float32 (layers, rows, columns)."""

    cubes: tuple[Cube, ...]
    static: npt.NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.static.shape[1], self.static.shape[2]

    @property
    def is_seen(self) -> npt.NDArray[np.bool_]:
        """Whether a pixel has a usable acquisition of every sensor (rows, columns): of one it knows nothing otherwise."""
        seen: npt.NDArray[np.bool_] = np.all([cube.valid.any(axis=0) for cube in self.cubes], axis=0)
        return seen

    @property
    def clear_dates(self) -> npt.NDArray[np.uint16]:
        """The number of usable acquisitions of each pixel, by whatever sensor, uint16 (rows, columns)."""
        dates = np.zeros(self.shape, np.uint16)
        for cube in self.cubes:
            dates += cube.clear_dates
        return dates

    def cropped(self, window: Window) -> "Stack":
        """The part of a window of the stack, in memory of its own."""
        return Stack(tuple(cube.cropped(window) for cube in self.cubes), np.ascontiguousarray(self.static[:, *window.slices]))


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of a window of the output grid that one tile owns."""

    window: Window
    stack: Stack

    def within(self, window: Window) -> Stack:
        """What is known of a window inside."""
        inside = window.shifted(-self.window.row, -self.window.col)
        return self.stack if window == self.window else self.stack.cropped(inside)


@dataclass(frozen=True, slots=True)
class Reading:
    """How imagery is read: of each sensor its selection, in the order of the features.

    Tiles are those of the sensor `leading`: where they overlap, acquisitions of the owner of a chunk come first, or with
    `merged` all count alike. Those of the other sensors always do. With a `region`, in the CRS of the grid, pixels outside
    it are never valid. `padding` is the number of pixels around a window that its features depend on; `territories` say who
    owns them.
    """

    sensors: tuple[Selection, ...]
    leading: str
    interpolator: str
    grid: Grid
    static: tuple[StaticLayer, ...] = ()
    merged: bool = False
    region: Region | None = None
    padding: int = 0
    territories: tuple[Territory, ...] = ()

    def is_copied(self, scene: Scene, asset: Asset) -> bool:
        """Whether pixels of a file are those of the grid, so that it is read block by block as it is."""
        return is_copied(scene, asset, self.grid)

    def bytes_of(self, scenes: Mapping[str, Sequence[Scene]], window: Window) -> int:
        """The memory that reading a window of the output grid takes, while the one before is classified."""
        grid = self.grid.cropped(window.grown(self.padding))
        before = self._cube_bytes(scenes, window)
        # with a padding the window itself is cut out of what is read
        copies = before + _PATCH_BYTES if self.padding else 0
        return (
            before
            + copies
            + sum(
                reading_bytes(
                    scenes.get(selection.layout.sensor, ()),
                    grid,
                    bands=selection.bands,
                    has_days=selection.layout.day is not None,
                )
                for selection in self.sensors
            )
        )

    def _cube_bytes(self, scenes: Mapping[str, Sequence[Scene]], window: Window) -> int:
        """The memory of the cubes of a window, if all scenes reach it."""
        bands = ((len(scenes.get(s.layout.sensor, ())), len(s.bands)) for s in self.sensors)
        return sum(dates * (2 * count + 1) for dates, count in bands) * window.pixels

    def around(
        self, scenes: Mapping[str, Sequence[Scene]], window: Window, *, tile: str, empty: Allocate = np.empty
    ) -> tuple[Part, ...]:
        """Read a window that `tile` owns, and the padding around it as each tile owns its ground.

        The first part holds the window. What lies beyond all tiles is in none. Without a padding `empty` gives the memory.
        Raises as `stack` does.
        """
        if not self.padding:
            return (Part(window, self.stack(scenes, window, tile=tile, empty=empty)),)
        padded = window.grown(self.padding).intersection(self.grid.window)
        owned = [(territory.tile, territory.window.intersection(padded)) for territory in self.territories]
        around = sorted(
            ((owner, own) for owner, own in owned if not own.is_empty), key=lambda part: not part[1].contains(window)
        )
        return tuple(Part(own, self.stack(scenes, own, tile=owner)) for owner, own in around)

    def stack(self, scenes: Mapping[str, Sequence[Scene]], window: Window, *, tile: str, empty: Allocate = np.empty) -> Stack:
        """Read a window of the output grid that `tile` owns, from the scenes of each sensor by its name.

        `empty` gives the memory. Raises SitsparkError with tile, product, band and file, or with the layer, for what can't be
        read.
        """
        grid = self.grid.cropped(window)
        cubes = tuple(
            read_cube(of_sensor, grid, **how, empty=empty) for of_sensor, how in self._each_sensor(scenes, grid, tile)
        )
        return Stack(cubes, read_layers(self.static, grid))

    def points(
        self, scenes: Mapping[str, Sequence[Scene]], window: Window, points: Points, *, tile: str
    ) -> tuple[tuple[PixelSeries, ...], npt.NDArray[np.float32]]:
        """Read some pixels of a window that `tile` owns: the series of each sensor, and the static layers (pixels, layers).

        They are the numbers of `stack`; raises as it does.
        """
        grid = self.grid.cropped(window)
        series = tuple(read_points(of_sensor, grid, points, **how) for of_sensor, how in self._each_sensor(scenes, grid, tile))
        return series, np.ascontiguousarray(read_layers(self.static, grid)[:, points.rows, points.cols].T)

    def _each_sensor(
        self, scenes: Mapping[str, Sequence[Scene]], grid: Grid, tile: str
    ) -> Iterator[tuple[Sequence[Scene], dict[str, Any]]]:
        """The scenes of each sensor, and how they are read on a grid that `tile` owns: arguments of `read_cube`."""
        within = self.region.pixels(grid) if self.region else None
        by_sensor = [(selection, scenes.get(selection.layout.sensor, ())) for selection in self.sensors]
        # of all sensors: the next chunk reads each of them again
        kept_bytes = sum(blocks_bytes(of_sensor, grid) for _, of_sensor in by_sensor)
        for selection, of_sensor in by_sensor:
            yield (
                of_sensor,
                {
                    "layout": selection.layout,
                    "bands": selection.bands,
                    "interpolator": self.interpolator,
                    "owner": self._owner(selection, tile),
                    "within": within,
                    "kept_bytes": kept_bytes,
                },
            )

    def _owner(self, selection: Selection, tile: str) -> str | None:
        """Whose acquisitions come first in a window that `tile` owns; None: all count alike."""
        return None if self.merged or selection.layout.sensor != self.leading else tile

    def ground(self, scenes: Mapping[str, Sequence[Scene]], window: Window) -> npt.NDArray[np.bool_]:
        """Whether a pixel of a window lies in the region, and on a file of these scenes; bool (rows, columns).

        A file may hold nodata there: what it covers is a rectangle of its own grid.
        """
        grid = self.grid.cropped(window)
        covered = np.zeros((grid.height, grid.width), np.bool_)
        files = {(scene.crs, asset.bounds) for own in scenes.values() for scene in own for asset in scene.assets}
        for crs, bounds in files:
            if not covered.all():
                covered |= Region(shapely.to_wkb(shapely.box(*bounds)), crs).to(grid.crs).pixels(grid) > 0
        return covered & (self.region.pixels(grid) > 0) if self.region else covered

    def clear_dates(self, scenes: Mapping[str, Sequence[Scene]], window: Window, *, tile: str) -> npt.NDArray[np.uint16]:
        """Usable acquisitions of each pixel of a window that `tile` owns, as masks alone tell; uint16 (rows, columns).

        Raises as `stack` does.
        """
        grid = self.grid.cropped(window)
        within = self.region.pixels(grid) if self.region else None
        dates = np.zeros((grid.height, grid.width), np.uint16)
        for selection in self.sensors:
            owner = self._owner(selection, tile)
            of_sensor = scenes.get(selection.layout.sensor, ())
            dates += count_clear(of_sensor, grid, layout=selection.layout, owner=owner, within=within)
        return dates
