"""The calendar of acquisitions: when each tile was seen, and how much of it was clear."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from sitspark.grid import Window
from sitspark.scenes.cube import read_validity
from sitspark.scenes.product import Layout, Scene
from sitspark.scenes.region import Region

MOST_TILES = 100  # of which every acquisition is shown: a chart of more is as high as nobody looks at
_BLOCKS = 64  # of a mask that are read: 15 % of a Sentinel-2 tile, evenly spread
_WEEKS = 53
_LEVELS = "▁▂▃▄▅▆▇█"
_NOTHING = "·"


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One product of a tile: its date, and the share (0-1) of its pixels that are clear, None where not known."""

    tile: str
    acquired: date
    clear_share: float | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """The acquisitions of the first tiles by name; of all, the number of `tiles` and `products` and the mean clear share."""

    acquisitions: tuple[Acquisition, ...]
    tiles: int
    products: int
    clear_share: float | None

    @property
    def tiles_beyond(self) -> int:
        """The tiles whose acquisitions are not shown."""
        return self.tiles - len({acquisition.tile for acquisition in self.acquisitions})


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """One tile in one year: a sign for each week, the number of acquisitions, the mean share that is clear."""

    tile: str
    year: int
    weeks: str
    acquisitions: int
    clear_share: float | None


def clear_share(scene: Scene, layout: Layout, region: Region | None = None) -> float | None:
    """The share (0-1) of a product's pixels (in the region) that its masks leave usable, from 64 blocks spread over it at most.

    None for products without masks, with pixels that aren't square, or without a pixel in the region. Raises SitsparkError
    for a damaged mask.
    """
    if not layout.masks:
        return None
    mask = scene.asset(next(iter(layout.masks)))
    grid = mask.grid(scene.crs)
    if grid is None:
        return None
    part, ground = grid.window, None
    if region is not None:
        ground = region.to(scene.crs)
        part = ground.part_of(grid.window, grid)
    if part.is_empty:
        return None
    clear = pixels = 0
    for window in spread_blocks(part, (mask.block_height, mask.block_width), most=_BLOCKS):
        here = grid.cropped(window)
        valid = read_validity(scene, here, layout=layout)
        inside = np.ones_like(valid) if ground is None else ground.pixels(here)
        clear += int((valid & inside).sum())
        pixels += int(inside.sum())
    return clear / pixels if pixels else None


def spread_blocks(part: Window, block: tuple[int, int], *, most: int) -> list[Window]:
    """At most `most` of the blocks that a part of an image touches, cut to it; evenly spread, all where there are no more."""
    first_row, first_col = part.row // block[0], part.col // block[1]
    rows, cols = -(-part.stop_row // block[0]) - first_row, -(-part.stop_col // block[1]) - first_col
    if rows * cols > most:
        across = min(cols, max(int(most**0.5), most // rows))
        down = min(rows, most // across)
    else:
        down, across = rows, cols
    return [
        part.intersection(Window(row * block[0], col * block[1], *block))
        for row in (first_row + _evenly(rows, down)).tolist()
        for col in (first_col + _evenly(cols, across)).tolist()
    ]


def _evenly(size: int, count: int) -> npt.NDArray[np.int64]:
    """`count` of the numbers below `size`, each in the middle of its share."""
    return ((2 * np.arange(count) + 1) * size // (2 * count)).astype(np.int64)


def calendar_rows(acquisitions: Sequence[Acquisition]) -> list[CalendarRow]:
    """A row for each tile and year; the sign of a week is the height of its clearest acquisition, a dot where there is none."""
    found: dict[tuple[str, int], list[Acquisition]] = {}
    for acquisition in acquisitions:
        found.setdefault((acquisition.tile, acquisition.acquired.year), []).append(acquisition)
    return [_row(tile, year, found[tile, year]) for tile, year in sorted(found)]


def _row(tile: str, year: int, acquisitions: Sequence[Acquisition]) -> CalendarRow:
    best: dict[int, float] = {}
    for acquisition in acquisitions:
        week = (acquisition.acquired.timetuple().tm_yday - 1) // 7
        share = 1.0 if acquisition.clear_share is None else acquisition.clear_share
        best[week] = max(best.get(week, 0.0), share)
    weeks = "".join(_sign(best[week]) if week in best else _NOTHING for week in range(_WEEKS))
    known = [a.clear_share for a in acquisitions if a.clear_share is not None]
    return CalendarRow(tile, year, weeks, len(acquisitions), sum(known) / len(known) if known else None)


def _sign(share: float) -> str:
    return _LEVELS[min(int(share * len(_LEVELS)), len(_LEVELS) - 1)]


def month_ruler() -> str:
    """The first letters of the months above the weeks in which they begin, as wide as the weeks of a row."""
    ruler = [" "] * _WEEKS
    for month in range(1, 13):
        ruler[(date(2001, month, 1).timetuple().tm_yday - 1) // 7] = f"{date(2001, month, 1):%b}"[0]
    return "".join(ruler)
