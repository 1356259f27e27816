"""The parameters of a simulated landscape, and the tiles it is cut into."""

import math
from dataclasses import dataclass
from datetime import date

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.simulate.catalogue import CATALOGUE

LAYOUTS = ("theia_l2a", "sen2cor_l2a", "landsat_c2_l2")
CRS = "EPSG:32631"
RESOLUTION = 10.0
ROW_LETTERS = "KJH"
COLUMN_LETTERS = "CDE"
LEFT = 300000.0
# upper edge of each row of real tiles
TOPS = {"K": 5000040.0, "J": 4900020.0, "H": 4800000.0}


@dataclass(frozen=True, slots=True)
class Landscape:
    """Everything that decides the content of a simulation; equal landscapes give equal bytes.

    tiles: number of tiles, 1-9, laid out as squarely as possible from the upper left.
    size: pixels of 10 m along a tile's side, even, 64 or more (a real tile has 10980).
    dates: products a tile, over the year that begins at `start`.
    classes: how many classes, the first of `catalogue.CATALOGUE`.
    cloud_cover: mean share of a scene under clouds, 0-1.
    overlap: pixels shared by neighbouring tiles, even; None for 9 % of the side, as Sentinel-2's.
    gradient: strength of the eco-climatic gradient over the area; 0 gives the same climate everywhere.
    polygons: labelled polygons wanted for each class in each tile; None for 30 x size / 512.
    sre: whether reflectances without slope correction (`SRE`) are written beside `FRE`.
    packed: whether each product is one archive file, as it is downloaded.
    layout: whose products are written, one of `LAYOUTS`.

    Raises SitsparkError with one sentence for a value that makes no landscape.
    """

    tiles: int = 4
    size: int = 512
    dates: int = 30
    classes: int = len(CATALOGUE)
    seed: int = 0
    start: date = date(2018, 1, 1)
    cloud_cover: float = 0.3
    overlap: int | None = None
    gradient: float = 1.0
    polygons: int | None = None
    sre: bool = False
    packed: bool = False
    layout: str = "theia_l2a"

    def __post_init__(self) -> None:
        most = len(CATALOGUE)
        if self.layout not in LAYOUTS:
            raise SitsparkError(f"products are of one of the layouts {', '.join(LAYOUTS)}, not {self.layout}")
        if self.sre and self.layout != "theia_l2a":
            raise SitsparkError(f"SRE reflectances are Theia's; {self.layout} has none")
        if not 1 <= self.tiles <= 9:
            raise SitsparkError(f"a landscape has 1-9 tiles, not {self.tiles}")
        if self.size < 64 or self.size % 2:
            raise SitsparkError(f"the size of a tile is an even number of pixels, 64 or more, not {self.size}")
        if not 1 <= self.dates <= 120:
            raise SitsparkError(f"a tile has 1-120 dates a year, not {self.dates}")
        if not 2 <= self.classes <= most:
            raise SitsparkError(f"a landscape has 2-{most} classes, not {self.classes}")
        if self.seed < 0:
            raise SitsparkError(f"the seed is 0 or more, not {self.seed}")
        if not 0 <= self.cloud_cover <= 1:
            raise SitsparkError(f"the cloud cover is a share of 0-1, not {self.cloud_cover:g}")
        if self.overlap is not None and (self.overlap % 2 or not 0 <= self.overlap <= self.size // 2):
            raise SitsparkError(
                f"the overlap of tiles is an even number of pixels up to half a tile ({self.size // 2}), not {self.overlap}"
            )
        if not 0 <= self.gradient <= 3:
            raise SitsparkError(f"the gradient is a strength of 0-3, not {self.gradient:g}")
        if self.polygons is not None and self.polygons < 1:
            raise SitsparkError(f"each class needs 1 polygon a tile or more, not {self.polygons}")

    @property
    def overlap_pixels(self) -> int:
        """Pixels shared by neighbours: as given, or 9 % of the side, even."""
        return 2 * round(0.045 * self.size) if self.overlap is None else self.overlap

    @property
    def polygons_per_class(self) -> int:
        """Polygons wanted for each class in each tile: as given, or in proportion to the side."""
        return max(round(30 * self.size / 512), 4) if self.polygons is None else self.polygons

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of the classes that occur, in the order of the catalogue."""
        return tuple(entry.code for entry in CATALOGUE[: self.classes])

    @property
    def extents(self) -> dict[str, Window]:
        """Every tile's window on the grid of the whole area, upper left first."""
        columns = math.ceil(math.sqrt(self.tiles))
        stride = self.size - self.overlap_pixels
        extents = {}
        for index in range(self.tiles):
            row, column = divmod(index, columns)
            name = f"31T{COLUMN_LETTERS[column]}{self._row_letters[row]}"
            extents[name] = Window(row * stride, column * stride, self.size, self.size)
        return extents

    @property
    def area(self) -> Grid:
        """The 10 m grid that covers all tiles."""
        extents = self.extents.values()
        height, width = max(w.stop_row for w in extents), max(w.stop_col for w in extents)
        return Grid(CRS, LEFT, TOPS[self._row_letters[0]], RESOLUTION, height, width)

    def grid_of(self, tile: str) -> Grid:
        """A tile's own 10 m grid."""
        return self.area.cropped(self.extents[tile])

    @property
    def _row_letters(self) -> str:
        # one row of tiles lies where 31TCJ does, the tile of Toulouse
        return ROW_LETTERS if self.tiles > 2 else ROW_LETTERS[1:]
