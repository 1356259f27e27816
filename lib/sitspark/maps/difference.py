"""Two maps of the same ground, pixel by pixel: which class became which, and a raster of where they differ (floor 2)."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.grid import Grid
from sitspark.kernels.codes import pair_counts
from sitspark.maps.class_raster import NOTHING, ClassRaster, common_grid
from sitspark.maps.mosaic import Piece, write_map
from sitspark.maps.products import Product
from sitspark.maps.reading import blocks

SIDE = 2048  # pixels of a block's side: whole blocks of the file that is written

SAME, DIFFERENT, FIRST_ONLY, SECOND_ONLY = 1, 2, 3, 4  # values of the raster; 0: neither map has a class
DIFFERENCE = Product("difference", "Where two maps differ", "uint8", 0, "mode")


@dataclass(frozen=True, slots=True)
class Changes:
    """What two maps give to the same pixels: how many have each pair of classes (first, second), and how many but one."""

    grid: Grid
    pairs: Mapping[tuple[int, int], int]
    first_only: int
    second_only: int

    @property
    def pixels(self) -> int:
        """Pixels that have a class in both."""
        return sum(self.pairs.values())

    @property
    def different(self) -> int:
        """Those of them whose classes differ."""
        return sum(pixels for (first, second), pixels in self.pairs.items() if first != second)

    @property
    def share(self) -> float | None:
        """Their share; None where no pixel has a class in both."""
        return self.different / self.pixels if self.pixels else None

    @property
    def codes(self) -> tuple[int, ...]:
        """The classes that occur in either of them, ascending."""
        return tuple(sorted({code for pair in self.pairs for code in pair}))

    def of_first(self, code: int) -> int:
        """Pixels of a class in the first map."""
        return sum(pixels for (first, _), pixels in self.pairs.items() if first == code)

    def of_second(self, code: int) -> int:
        """Pixels of a class in the second map."""
        return sum(pixels for (_, second), pixels in self.pairs.items() if second == code)


def changes(
    first: ClassRaster,
    second: ClassRaster,
    *,
    out: Path | None = None,
    side: int = SIDE,
    told: Callable[[int], object] = lambda _pixels: None,
) -> Changes:
    """Compare two rasters on the ground that both have, block by block; write the raster of differences to `out`, if asked.

    Memory is that of a block. `told` gets the pixels of each block that is done. Raises SitsparkError where their pixels don't
    lie on one another, where one can't be read, and as `write_map` does.
    """
    grid = common_grid(first, second)
    tally = _Tally()
    pieces = _compared(first, second, grid, side, tally, told)
    if out is None:
        for _ in pieces:
            pass
    else:
        write_map(pieces, grid, out, product=DIFFERENCE, nomenclature=legend(first.path.stem, second.path.stem))
    return Changes(grid, dict(sorted(tally.pairs.items())), tally.first_only, tally.second_only)


def legend(first: str, second: str) -> Nomenclature:
    """Names and colours of the values of a raster of differences."""
    one, other = (first, second) if first != second else ("first", "second")
    return Nomenclature(
        (
            LandCoverClass(SAME, "same class", (222, 226, 230)),
            LandCoverClass(DIFFERENT, "other class", (214, 40, 57)),
            LandCoverClass(FIRST_ONLY, f"class only in {one} (A)", (58, 110, 165)),
            LandCoverClass(SECOND_ONLY, f"class only in {other} (B)", (240, 173, 60)),
        )
    )


@dataclass(slots=True)
class _Tally:
    """What is counted on the way to the file."""

    pairs: Counter[tuple[int, int]] = field(default_factory=Counter)
    first_only: int = 0
    second_only: int = 0


def _compared(
    first: ClassRaster, second: ClassRaster, grid: Grid, side: int, tally: _Tally, told: Callable[[int], object]
) -> Iterator[Piece]:
    for window in blocks(grid.window, side):
        one, other = (raster.translated(raster.read(grid, window)) for raster in (first, second))
        in_first, in_second = one != NOTHING, other != NOTHING
        both = in_first & in_second
        tally.pairs.update(pair_counts(one[both], other[both]))
        tally.first_only += int(np.count_nonzero(in_first & ~in_second))
        tally.second_only += int(np.count_nonzero(in_second & ~in_first))
        values = np.where(one == other, np.uint8(SAME), np.uint8(DIFFERENT))
        values[~both] = (in_first * np.uint8(FIRST_ONLY) + in_second * np.uint8(SECOND_ONLY))[~both]
        yield Piece(window, values[np.newaxis])
        told(window.pixels)
