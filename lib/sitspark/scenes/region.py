"""The region of interest: the ground that a run is about."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry.base import BaseGeometry

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window, whole_and_rest
from sitspark.kernels.polygons import paint
from sitspark.scenes.outline import reprojected

Bounds = tuple[float, float, float, float]
_LON_LAT = "EPSG:4326"


@dataclass(frozen=True, slots=True)
class Region:
    """A polygon, or several, as WKB in a CRS."""

    wkb: bytes
    crs: str

    @property
    def outline(self) -> BaseGeometry:
        """The polygons."""
        return _outline(self.wkb)

    def to(self, crs: str) -> "Region":
        """The same ground in another CRS."""
        if crs == self.crs:
            return self
        # edges bend: a kilometre, or a hundredth of a degree, of a straight one stays within a part of a pixel
        step = 1000.0 if pyproj.CRS.from_user_input(self.crs).is_projected else 0.01
        moved = reprojected(shapely.segmentize(self.outline, step), self.crs, crs)
        return Region(shapely.to_wkb(_polygons(shapely.make_valid(moved))), crs)

    def part_of(self, window: Window, grid: Grid) -> Window:
        """The smallest part of a window of `grid` that holds all that the region has in it; empty where it has nothing."""
        box = shapely.box(*grid.cropped(window).bounds)
        inside = self.outline if self.outline.within(box) else _polygons(shapely.intersection(self.outline, box))
        if inside.area == 0:
            return Window(window.row, window.col, 0, 0)
        left, bottom, right, top = inside.bounds
        first_row, first_col = int((grid.top - top) // grid.resolution), int((left - grid.left) // grid.resolution)
        stop_row, stop_col = -int((bottom - grid.top) // grid.resolution), -int((grid.left - right) // grid.resolution)
        return Window(first_row, first_col, stop_row - first_row, stop_col - first_col).intersection(window)

    def pixels(self, grid: Grid) -> npt.NDArray[np.uint8]:
        """1 for the pixels of `grid` whose centres lie in the region, uint8 (rows, columns).

        A pixel is the same on each window of a grid, also where its centre lies on the border.
        """
        box = shapely.box(*grid.bounds)
        if self.outline.contains(box):
            return np.ones((grid.height, grid.width), np.uint8)
        owner = np.zeros((grid.height, grid.width), np.int32)
        if self.outline.intersects(box):
            coordinates, rings = _rings(self.wkb)
            # in pixels from the origin of the CRS, or beside it: the same numbers for each window
            row0, below = whole_and_rest(-grid.top / grid.resolution)
            col0, right = whole_and_rest(grid.left / grid.resolution)
            vertices = coordinates * (1 / grid.resolution, -1 / grid.resolution) - (right, below)
            paint(vertices, rings, np.array([0, len(rings) - 1]), np.ones(1, np.int64), row0, col0, owner)
        return (owner > 0).astype(np.uint8)


def _polygons(outline: BaseGeometry) -> BaseGeometry:
    """What of an outline has an area: lines along an edge would be burnt as pixels."""
    return shapely.union_all([part for part in shapely.get_parts(outline) if part.area > 0])


@functools.lru_cache(maxsize=64)  # as below
def _rings(wkb: bytes) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The corners of all rings (n, 2), and where each ring begins and the last one ends."""
    _, xy, offsets = shapely.to_ragged_array(shapely.get_parts(_outline(wkb)))
    return np.ascontiguousarray(xy[:, :2]), offsets[0].astype(np.int64)


@functools.lru_cache(maxsize=64)  # a worker serves one run: its region of interest, outlines of files, regions of a split
def _outline(wkb: bytes) -> BaseGeometry:
    outline = shapely.from_wkb(wkb)
    if outline.geom_type not in ("Polygon", "MultiPolygon"):
        outline = _polygons(outline)  # a polygon that crossed itself may have left a line
    shapely.prepare(outline)  # it is compared with every chunk
    return outline


def read_region(source: Path | Bounds) -> Region:
    """The polygons of a vector file, as one; or a rectangle (left, bottom, right, top) in degrees of longitude and latitude.

    Raises SitsparkError for a file that can't be read, without CRS or without polygons.
    """
    if not isinstance(source, Path):
        left, bottom, right, top = source
        if not (-180 <= left < right <= 180 and -90 <= bottom < top <= 90):
            raise SitsparkError(
                f"grid.region: {list(source)} is no rectangle in degrees; write [left, bottom, right, top] in longitude and "
                "latitude"
            )
        return Region(shapely.to_wkb(shapely.box(*source)), _LON_LAT)
    if not source.exists():
        raise SitsparkError(f"grid.region: there is no file {source}; correct the path")
    try:
        info, _, geometries, _ = pyogrio.raw.read(source, columns=[])
    except (DataSourceError, DataLayerError) as error:
        raise SitsparkError(f"grid.region: {source} can't be read as a vector file: {error}") from None
    if not info["crs"]:
        raise SitsparkError(f"grid.region: {source} has no CRS; export it with one")
    polygons = [g for g in shapely.make_valid(shapely.from_wkb(geometries)) if g is not None and g.area > 0]
    if not polygons:
        raise SitsparkError(f"grid.region: {source} holds no polygon; name a file with the outline of the region")
    crs = pyproj.CRS.from_user_input(info["crs"])
    return Region(shapely.to_wkb(shapely.unary_union(polygons)), crs.to_string())
