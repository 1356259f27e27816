"""How polygons lie in pixels, without an image: as SQL expressions of a geometry."""

from dataclasses import dataclass

import pyproj

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
        """Pixels of so many metres where no imagery says more: in the CRS itself, or in the UTM zone of a middle in degrees."""
        if pyproj.CRS.from_user_input(crs).is_projected:
            return Pixels(crs, resolution)
        transformer = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
        lon, lat = transformer.transform((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        zone = min(int((lon + 180) // 6) + 1, 60)
        return Pixels(f"EPSG:{(32600 if lat >= 0 else 32700) + zone}", resolution)

    def on_grid(self, geometry: str, crs: str) -> str:
        """A geometry of another CRS in that of the pixels."""
        return geometry if crs == self.crs else f"ST_Transform({geometry}, '{crs}', '{self.crs}')"

    def narrower(self, polygon: str) -> str:
        """Whether no disc of a pixel's width fits in; columns area_m2 and girth spare the exact test where one surely does."""
        # the radius of the largest disc is at least area / perimeter; a thousandth absorbs rounding
        return f"(area_m2 <= girth * {self.resolution / 2}D and ST_IsEmpty(ST_Buffer({polygon}, {-0.4995 * self.resolution}D)))"

    def holds_a_centre(self, polygon: str) -> str:
        """Whether the centre of any pixel lies inside; columns area_m2 and girth as in `narrower`."""
        size = f"{self.resolution}D"
        x, y = f"({self.left}D + (c + 0.5D) * {size})", f"({self.top}D - (r + 0.5D) * {size})"
        first_column, last_column = (
            f"cast({rounded}((ST_X{side}({polygon}) - {self.left}D) / {size} - 0.5D) as bigint)"
            for side, rounded in (("Min", "ceil"), ("Max", "floor"))
        )
        first_row, last_row = (
            f"cast({rounded}(({self.top}D - ST_Y{side}({polygon})) / {size} - 0.5D) as bigint)"
            for side, rounded in (("Max", "ceil"), ("Min", "floor"))
        )
        inside = (
            f"exists(sequence({first_row}, {last_row}), r -> exists(sequence({first_column}, {last_column}), "
            f"c -> ST_Contains({polygon}, ST_Point({x}, {y}))))"
        )
        none = f"{last_row} < {first_row} or {last_column} < {first_column}"
        return f"case when area_m2 > girth * {_DIAGONAL * self.resolution}D then true when {none} then false else {inside} end"
