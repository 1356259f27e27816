"""How polygons lie in pixels, without an image (no Spark, no file)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from sitspark.ground_truth.shapes import Geometries
from sitspark.kernels.polygons import hold_a_centre
from sitspark.scenes.outline import moved

_DIAGONAL = 0.7072  # half that of a pixel of side 1, rounded up


@dataclass(frozen=True, slots=True)
class Pixels:
    """A raster grid without end: CRS, a corner, and the side of a pixel in units of the CRS."""

    crs: str
    resolution: float
    left: float = 0.0
    top: float = 0.0

    @staticmethod
    def near(bounds: tuple[float, float, float, float], crs: str, resolution: float) -> "Pixels":
        """Pixels of so many metres where no imagery says more: in the CRS itself, or, of one in degrees, equal in area.

        The latter around the middle of `bounds`, from where shapes are bent with the distance, while areas stay true.
        """
        known = pyproj.CRS.from_user_input(crs)
        if known.is_projected:
            return Pixels(crs, resolution / known.axis_info[0].unit_conversion_factor)
        transformer = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
        lon, lat = transformer.transform((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        return Pixels(f"+proj=laea +lat_0={lat:.3f} +lon_0={lon:.3f} +datum=WGS84 +units=m", resolution)

    def on_grid(self, geometries: Geometries, crs: str) -> Geometries:
        """Geometries of another CRS in that of the pixels."""
        found: Geometries = moved(geometries, crs, self.crs)
        return found

    def narrower(self, polygons: Geometries) -> npt.NDArray[np.bool_]:
        """Whether no disc of a pixel's width fits in, of each single polygon in the CRS of the pixels."""
        # the radius of the largest disc is at least area / perimeter; a thousandth absorbs rounding
        narrow = shapely.area(polygons) <= shapely.length(polygons) * self.resolution / 2
        narrow[narrow] = shapely.is_empty(shapely.buffer(polygons[narrow], -0.4995 * self.resolution))
        return np.asarray(narrow, bool)

    def hold_a_centre(self, polygons: Geometries) -> npt.NDArray[np.bool_]:
        """Whether the centre of any pixel lies inside, of each single polygon in the CRS of the pixels."""
        # a disc of half a pixel's diagonal holds a centre wherever it lies
        holds = shapely.area(polygons) > shapely.length(polygons) * _DIAGONAL * self.resolution
        doubtful = polygons[~holds]
        if len(doubtful):
            _, xy, (rings, offsets) = shapely.to_ragged_array(doubtful)
            vertices = np.column_stack([(xy[:, 0] - self.left) / self.resolution, (self.top - xy[:, 1]) / self.resolution])
            holds[~holds] = hold_a_centre(vertices, rings.astype(np.int64), offsets.astype(np.int64))
        return np.asarray(holds, bool)
