"""Where several maps of the same ground disagree (floor 2): a raster, and what it comes to, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sitspark.grid import Grid, Window
from sitspark.kernels.disagreement import count_classes
from sitspark.maps.mosaic import Piece, write_map
from sitspark.maps.products import Product
from sitspark.maps.reading import blocks, opened, read

RASTER, PICTURE = "disagreement.tif", "disagreement.png"  # beside the maps
# 0: not classified by any
DISAGREEMENT = Product("disagreement", "Number of classes that the maps give", "uint8", 0, "average")
_SIDE = 2048  # pixels of a block's side, about: whole cells


@dataclass(frozen=True, slots=True, eq=False)
class Disagreement:
    """The pixels by the number of classes that maps give to them, from 1 on; and by cells, squares of `side` pixels.

    `disputed` is the share of a whole cell's pixels to which they give more than one class, float64 (rows, columns of cells):
    where a cell is cut by the edge or hardly classified it is small.
    """

    pixels: tuple[int, ...]
    side: int
    disputed: npt.NDArray[np.float64]

    @property
    def share(self) -> float | None:
        """The share of all classified pixels to which they give more than one; None without any."""
        total = sum(self.pixels)
        return 1 - self.pixels[0] / total if total else None


def disagreement_of(
    maps: Sequence[Path],
    grid: Grid,
    out: Path,
    *,
    side: int,
    told: Callable[[int], object] = lambda _pixels: None,
) -> Disagreement:
    """Write how many classes maps on `grid` give to each pixel, and count it in cells of `side` pixels.

    `told` gets the pixels of each block. Raises SitsparkError with the path of a map that can't be read, and as `write_map`
    does.
    """
    rows, cols = -(-grid.height // side), -(-grid.width // side)
    pixels = np.zeros(len(maps) + 1, np.int64)
    disputed = np.zeros((rows, cols))

    def pieces() -> Iterator[Piece]:
        with ExitStack() as stack:
            sources = [stack.enter_context(opened(path)) for path in maps]
            for window in blocks(grid.window, max(_SIDE // side, 1) * side):
                found = count_classes(np.stack([read(source, window)[0] for source in sources]))
                pixels[:] += np.bincount(found.ravel(), minlength=len(pixels))
                for cell, place in _cells(window, side):
                    disputed[cell] += np.count_nonzero(found[place.slices] > 1)
                yield Piece(window, found[np.newaxis])
                told(window.pixels)

    write_map(pieces(), grid, out, product=DISAGREEMENT)
    return Disagreement(tuple(pixels[1:].tolist()), side, disputed / side**2)


def _cells(window: Window, side: int) -> Iterator[tuple[tuple[int, int], Window]]:
    """The cells of a window that begins with one, by their row and column, and their place in it."""
    for row in range(0, window.height, side):
        for col in range(0, window.width, side):
            inside = Window(row, col, min(side, window.height - row), min(side, window.width - col))
            yield ((window.row + row) // side, (window.col + col) // side), inside
