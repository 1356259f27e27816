"""Value types of the plane: windows, pixel grids, chunks and who owns which ground. Pure geometry, no file.

Axis order is always (row, column) for pixels and (x, y) for coordinates; only north-up grids of square pixels exist here.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from affine import Affine


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A rectangle of pixels: first row, first column, height and width."""

    row: int
    col: int
    height: int
    width: int

    @property
    def stop_row(self) -> int:
        """The row after the last one."""
        return self.row + self.height

    @property
    def stop_col(self) -> int:
        """The column after the last one."""
        return self.col + self.width

    @property
    def is_empty(self) -> bool:
        """Whether the window holds no pixel."""
        return self.height <= 0 or self.width <= 0

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return max(self.height, 0) * max(self.width, 0)

    @property
    def slices(self) -> tuple[slice, slice]:
        """(rows, columns), to index an array that starts at the origin of the grid."""
        return slice(self.row, self.stop_row), slice(self.col, self.stop_col)

    def intersection(self, other: "Window") -> "Window":
        """The common part; empty (never negative) when there is none."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        height = min(self.row + self.height, other.row + other.height) - row
        width = min(self.col + self.width, other.col + other.width) - col
        return Window(row, col, max(height, 0), max(width, 0))

    @staticmethod
    def around(windows: Iterable["Window"]) -> "Window":
        """The smallest window that holds all of some."""
        held = list(windows)
        row, col = min(w.row for w in held), min(w.col for w in held)
        return Window(row, col, max(w.stop_row for w in held) - row, max(w.stop_col for w in held) - col)

    def contains(self, other: "Window") -> bool:
        """Whether every pixel of `other` lies in this window."""
        return self.intersection(other) == other

    def grown(self, pixels: int) -> "Window":
        """The same rectangle with so many pixels more on each side."""
        return Window(self.row - pixels, self.col - pixels, self.height + 2 * pixels, self.width + 2 * pixels)

    def shifted(self, rows: int, cols: int) -> "Window":
        """The same rectangle, moved."""
        return Window(self.row + rows, self.col + cols, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Grid:
    """A north-up raster grid: CRS (as authority code or WKT), upper-left corner and resolution in CRS units, size in pixels."""

    crs: str
    left: float
    top: float
    resolution: float
    height: int
    width: int

    @property
    def transform(self) -> Affine:
        """Pixel (column, row) corners to coordinates (x, y)."""
        return Affine(self.resolution, 0.0, self.left, 0.0, -self.resolution, self.top)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in CRS units."""
        return (
            self.left,
            self.top - self.height * self.resolution,
            self.left + self.width * self.resolution,
            self.top,
        )

    @property
    def window(self) -> Window:
        """The window of the whole grid."""
        return Window(0, 0, self.height, self.width)

    def cropped(self, window: Window) -> "Grid":
        """The grid of one window; the window may reach outside."""
        return Grid(
            self.crs,
            self.left + window.col * self.resolution,
            self.top - window.row * self.resolution,
            self.resolution,
            window.height,
            window.width,
        )

    def window_of(self, bounds: tuple[float, float, float, float]) -> Window:
        """The smallest window whose pixels cover the bounds (left, bottom, right, top); it may reach outside the grid."""
        left, bottom, right, top = bounds
        # a thousandth of a pixel absorbs the rounding of projected coordinates
        col = math.floor((left - self.left) / self.resolution + 1e-3)
        row = math.floor((self.top - top) / self.resolution + 1e-3)
        stop_col = math.ceil((right - self.left) / self.resolution - 1e-3)
        stop_row = math.ceil((self.top - bottom) / self.resolution - 1e-3)
        return Window(row, col, stop_row - row, stop_col - col)

    def centres_in(self, bounds: tuple[float, float, float, float]) -> Window:
        """The window of the pixels whose centres lie in the bounds (left, bottom, right, top); it may reach outside."""
        left, bottom, right, top = bounds
        # a thousandth of a pixel absorbs the rounding of projected coordinates
        col = math.ceil((left - self.left) / self.resolution - 0.501)
        row = math.ceil((self.top - top) / self.resolution - 0.501)
        stop_col = math.floor((right - self.left) / self.resolution + 0.501)
        stop_row = math.floor((self.top - bottom) / self.resolution + 0.501)
        return Window(row, col, max(stop_row - row, 0), max(stop_col - col, 0))

    def offset_of(self, other: "Grid") -> tuple[int, int] | None:
        """(row, column) of the other grid's corner in pixels of this one; None unless it falls on a pixel corner."""
        row, col = (self.top - other.top) / self.resolution, (other.left - self.left) / self.resolution
        # a hundredth of a pixel: far below any geolocation error, far above rounding
        if abs(row - round(row)) > 0.01 or abs(col - round(col)) > 0.01:
            return None
        return round(row), round(col)

    @staticmethod
    def covering(
        crs: str,
        resolution: float,
        bounds: Iterable[tuple[float, float, float, float]],
        *,
        corner: tuple[float, float] | None = None,
    ) -> "Grid":
        """The smallest grid over all bounds whose upper-left corner is `corner` (x, y), moved by whole pixels.

        Without one it is that of the first bounds.
        """
        boxes = list(bounds)
        left, top = corner or (boxes[0][0], boxes[0][3])
        seed = Grid(crs, left, top, resolution, 0, 0)
        windows = [seed.window_of(box) for box in boxes]
        row, col = min(w.row for w in windows), min(w.col for w in windows)
        stop_row, stop_col = max(w.stop_row for w in windows), max(w.stop_col for w in windows)
        return seed.cropped(Window(row, col, stop_row - row, stop_col - col))


@dataclass(frozen=True, slots=True)
class TileWindows:
    """A tile on the output grid.

    `reach` is the window that its products touch; `core` the part of it that each of them covers wholly: smaller where
    reprojection turns the products, or where their extents differ.
    """

    reach: Window
    core: Window


@dataclass(frozen=True, slots=True)
class Territory:
    """A rectangle of the output grid and the tile that owns it."""

    tile: str
    window: Window


@dataclass(frozen=True, slots=True)
class Chunk:
    """One window of the output grid, owned by one tile: the unit of work of a worker.

    Of a `shared` one the owner doesn't surely see every pixel: acquisitions of other tiles fill what it doesn't.
    """

    tile: str
    window: Window
    shared: bool = False

    @property
    def chunk_id(self) -> str:
        """Tile, first row and first column on the output grid: unique within a run."""
        return f"{self.tile}_r{self.window.row:06d}_c{self.window.col:06d}"


@dataclass(frozen=True, slots=True)
class ChunkShape:
    """The rows and columns of a chunk, but at the edges of a tile's ground."""

    height: int
    width: int

    @staticmethod
    def square(side: int) -> "ChunkShape":
        """As many rows as columns."""
        return ChunkShape(side, side)

    def __str__(self) -> str:
        return f"{self.height} x {self.width}"


_EDGES_A_TILE = 100  # edges closer than a tile's side by this are one


def territories(tiles: Mapping[str, TileWindows], margin: int) -> list[Territory]:
    """Cut overlapping tiles into rectangles that are owned by one tile each; together they cover every tile once.

    Edges less than a hundredth of a tile apart count as one: reprojection moves the edges of neighbours by some pixels,
    which would make strips of a few rows. So a territory may reach beyond its tile.

    After iota2: where two tiles overlap the left one owns the ground (of two in one column the upper one), except the last
    `margin` pixels at its right and bottom edge, which serve as a buffer against border effects.
    """
    reaches = {tile: windows.reach for tile, windows in tiles.items()}
    ranked = _left_and_upper_first(reaches)
    kept = {tile: _without_margin(window, reaches.values(), margin) for tile, window in reaches.items()}
    least = min(min(w.height, w.width) for w in reaches.values()) // _EDGES_A_TILE
    edges = [*reaches.values(), *kept.values()]
    rows = _apart({edge for w in edges for edge in (w.row, w.stop_row)}, least)
    cols = _apart({edge for w in edges for edge in (w.col, w.stop_col)}, least)

    def owner(cell: Window, near: list[str]) -> str | None:
        middle = Window(cell.row + cell.height // 2, cell.col + cell.width // 2, 1, 1)
        for windows in (kept, reaches):
            for tile in near:
                if windows[tile].contains(middle):
                    return tile
        # a strip at the edge of a tile, whose own edge was taken for that of another one
        return next((tile for tile in near if not reaches[tile].intersection(cell).is_empty), None)

    strips: list[Territory] = []
    for row, stop_row in pairwise(rows):
        line: list[Territory] = []
        near = [tile for tile in ranked if reaches[tile].row < stop_row and reaches[tile].stop_row > row]
        for col, stop_col in pairwise(cols):
            tile = owner(Window(row, col, stop_row - row, stop_col - col), near)
            if tile is None:
                continue
            last = line[-1] if line else None
            if last and (last.tile, last.window.stop_col) == (tile, col):
                line[-1] = replace(last, window=replace(last.window, width=stop_col - last.window.col))
            else:
                line.append(Territory(tile, Window(row, col, stop_row - row, stop_col - col)))
        strips += line
    return _joined_downwards(strips)


def _apart(edges: Iterable[int], least: int) -> list[int]:
    """Edges in order, without those that follow less than `least` after another; the outermost stay."""
    first, *rest = sorted(edges)
    kept = [first]
    for edge in rest:
        if edge - kept[-1] >= least:
            kept.append(edge)
    last = rest[-1] if rest else first
    return kept if kept[-1] == last else [*(kept if len(kept) == 1 else kept[:-1]), last]


def _left_and_upper_first(reaches: Mapping[str, Window]) -> list[str]:
    """Tiles column by column; reprojection moves those of one column apart by some pixels, never by half a tile."""
    ranked: list[str] = []
    column: list[str] = []
    for tile in sorted(reaches, key=lambda tile: (reaches[tile].col, tile)):
        if column and reaches[tile].col - reaches[column[0]].col > reaches[column[0]].width / 2:
            ranked += _upper_first(column, reaches)
            column = []
        column.append(tile)
    return ranked + _upper_first(column, reaches)


def _upper_first(column: list[str], reaches: Mapping[str, Window]) -> list[str]:
    return sorted(column, key=lambda tile: (reaches[tile].row, reaches[tile].col, tile))


def _without_margin(window: Window, others: Iterable[Window], margin: int) -> Window:
    """A tile's window less the margin at those of its right and bottom edges beyond which a neighbour goes on."""
    meeting = [other for other in others if not other.intersection(window).is_empty]
    right = any(other.stop_col > window.stop_col for other in meeting)
    below = any(other.stop_row > window.stop_row for other in meeting)
    return Window(
        window.row,
        window.col,
        max(window.height - margin * below, 0),
        max(window.width - margin * right, 0),
    )


def _joined_downwards(strips: list[Territory]) -> list[Territory]:
    """Join rectangles of one owner that stand exactly below each other."""
    joined: list[Territory] = []
    open_at: dict[tuple[str, int, int, int], int] = {}
    for strip in strips:
        w = strip.window
        index = open_at.pop((strip.tile, w.col, w.width, w.row), None)
        if index is None:
            index = len(joined)
            joined.append(strip)
        else:
            above = joined[index].window
            joined[index] = replace(strip, window=replace(above, height=above.height + w.height))
        open_at[(strip.tile, w.col, w.width, w.stop_row)] = index
    return joined


def chunks_in(territory: Territory, own: TileWindows, shape: ChunkShape) -> Iterator[Chunk]:
    """The chunks of a territory; `own` are the windows of the tile that owns it.

    Cuts lie at multiples of the shape from the tile's own corner, so that chunks follow the blocks of its files; a rest of
    less than a quarter of the shape joins its neighbour.
    """
    ground = territory.window
    for row in _cuts(ground.row, ground.stop_row, own.reach.row, shape.height):
        for col in _cuts(ground.col, ground.stop_col, own.reach.col, shape.width):
            window = Window(row.start, col.start, len(row), len(col))
            yield Chunk(territory.tile, window, shared=not own.core.contains(window))


def _cuts(start: int, stop: int, origin: int, size: int) -> list[range]:
    """Pieces of [start, stop) cut at origin + k * size, without short ones at its ends."""
    first = origin + ((start - origin) // size + 1) * size
    inner = [at for at in range(first, stop, size) if at - start >= size / 4 and stop - at >= size / 4]
    edges = [start, *inner, stop]
    return [range(low, high) for low, high in pairwise(edges)]


def whole_and_rest(place: float, *, digits: int = 6) -> tuple[int, float]:
    """A number of pixels, as whole ones and a part of one; windows of a grid differ in the former alone.

    The part is rounded, for coordinates of windows are.
    """
    whole = math.floor(place + 10.0**-digits)
    return whole, round(place - whole, digits)
