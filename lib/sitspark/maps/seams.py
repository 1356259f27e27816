"""How visible the borders of tiles are on a map: whether neighbouring pixels differ more often across them than beside."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.grid import Territory, Window
from sitspark.maps.reading import opened, read

_BESIDE = 50  # pixels on each side of a border that stand for the land there
_VISIBLE = 1.5  # times as often as beside them, from which borders show as lines
_ENOUGH = 100  # differing pairs, below which the ratio is chance: it is off by a tenth of itself
_ROWS = 4096  # of a border that are read at a time


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of neighbouring pixels that are both classified, and how many of them differ in class."""

    count: int
    different: int

    @property
    def share(self) -> float | None:
        """The share of pairs that differ; None without a pair."""
        return self.different / self.count if self.count else None

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(self.count + other.count, self.different + other.different)


@dataclass(frozen=True, slots=True)
class Seam:
    """Pairs across the borders of tiles, and pairs of the same direction in the 50 pixels on both sides of them."""

    across: Pairs
    beside: Pairs

    @staticmethod
    def from_facts(facts: Mapping[str, Mapping[str, int]]) -> "Seam":
        """Read back what `dataclasses.asdict` made."""
        return Seam(Pairs(**facts["across"]), Pairs(**facts["beside"]))

    @property
    def is_visible(self) -> bool:
        """Whether a reader of the map will see the borders."""
        return self.ratio is not None and self.ratio > _VISIBLE and self.across.different >= _ENOUGH

    @property
    def ratio(self) -> float | None:
        """How many times as often neighbours differ across a border; 1: it can't be seen. None where nothing differs beside."""
        across, beside = self.across.share, self.beside.share
        return None if across is None or not beside else across / beside


def seam_of(classification: Path, territories: Sequence[Territory], *, origin: Window) -> Seam | None:
    """Compare the classes of a map along all borders between ground of different tiles; None where no tiles meet.

    `territories` are windows of the output grid, `origin` is that of the map on it. Reads strips along the borders alone.
    Raises SitsparkError with the path of a map that can't be read.
    """
    across = beside = Pairs(0, 0)
    with opened(classification) as dataset:
        for strip, border, vertical in _strips(territories, origin):
            codes = read(dataset, strip)[0]
            over, around = _compared(codes if vertical else codes.T, border)
            across, beside = across + over, beside + around
    return Seam(across, beside) if across.count else None


def _compared(codes: npt.NDArray[np.integer], border: int) -> tuple[Pairs, Pairs]:
    """Pairs of one row across a border before column `border`, and all others, of codes (rows, columns)."""
    known = (codes[:, :-1] > 0) & (codes[:, 1:] > 0)
    different = (codes[:, :-1] != codes[:, 1:]) & known
    here = border - 1  # the pair of the columns on both sides
    over = Pairs(int(known[:, here].sum()), int(different[:, here].sum()))
    every = Pairs(int(known.sum()), int(different.sum()))
    return over, Pairs(every.count - over.count, every.different - over.different)


def _strips(territories: Sequence[Territory], origin: Window) -> Iterator[tuple[Window, int, bool]]:
    """Strips of the map along borders, the place of the border in each, and whether it runs from top to bottom."""
    placed = [(t.tile, t.window.shifted(-origin.row, -origin.col)) for t in territories]
    whole = Window(0, 0, origin.height, origin.width)
    for (tile, one), (other_tile, other) in combinations(placed, 2):
        if tile == other_tile:
            continue
        for left, right in ((one, other), (other, one)):
            common = range(max(left.row, right.row), min(left.stop_row, right.stop_row))
            if left.stop_col == right.col and common:
                inside = Window(common.start, left.stop_col - _BESIDE, len(common), 2 * _BESIDE)
                yield from _pieces(inside, _within(inside, left, right), whole, vertical=True)
        for upper, lower in ((one, other), (other, one)):
            common = range(max(upper.col, lower.col), min(upper.stop_col, lower.stop_col))
            if upper.stop_row == lower.row and common:
                inside = Window(upper.stop_row - _BESIDE, common.start, 2 * _BESIDE, len(common))
                yield from _pieces(inside, _within(inside, upper, lower), whole, vertical=False)


def _within(strip: Window, one: Window, other: Window) -> Window:
    """The part of a strip that lies in two windows side by side: beyond them another border may run."""
    return Window.around([strip.intersection(one), strip.intersection(other)])


def _pieces(strip: Window, inside: Window, whole: Window, *, vertical: bool) -> Iterator[tuple[Window, int, bool]]:
    border = strip.col + _BESIDE if vertical else strip.row + _BESIDE
    part = inside.intersection(whole)
    length = part.height if vertical else part.width
    for start in range(0, length, _ROWS):
        piece = min(_ROWS, length - start)
        window = (
            Window(part.row + start, part.col, piece, part.width)
            if vertical
            else Window(part.row, part.col + start, part.height, piece)
        )
        place = border - (window.col if vertical else window.row)
        if 0 < place < (window.width if vertical else window.height):
            yield window, place, vertical
