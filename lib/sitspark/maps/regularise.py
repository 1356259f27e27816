"""What is done to a drawn map: smoothing, majority, sieve (floor 2), block by block with margins, as on the whole at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sitspark.classes import Nomenclature
from sitspark.grid import Grid, Window
from sitspark.kernels.majority import majority
from sitspark.kernels.sieve import sieve
from sitspark.kernels.smoothing import gaussian, logits, smooth
from sitspark.maps.mosaic import Piece, scratch_of, write_intermediate, write_map
from sitspark.maps.products import Product, regularised
from sitspark.maps.reading import blocks, opened, read

SIDE = 2048  # pixels of a block's side: whole blocks of the files

Classes = npt.NDArray[np.uint16]
_Codes = tuple[Window, Classes]


class Filter(Protocol):
    """Something that gives pixels other classes, by what lies around them. Classes are positions from 1; 0: none."""

    @property
    def margin(self) -> int:
        """How many pixels around a block are read to begin with."""

    def apply(self, classes: Classes, cut: npt.NDArray[np.bool_]) -> tuple[Classes, npt.NDArray[np.bool_]]:
        """The new classes of a window, and where they are those that the whole map gives.

        `cut` says at which sides (top, bottom, left, right) the map goes on outside.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Majority:
    """The majority filter; `group` and `radius` of each class, by position (that of 0 unused)."""

    group: npt.NDArray[np.int64]
    radius: npt.NDArray[np.int64]
    passes: int

    @property
    def margin(self) -> int:
        """What the passes reach together."""
        return int(self.radius.max()) * self.passes

    def apply(self, classes: Classes, cut: npt.NDArray[np.bool_]) -> tuple[Classes, npt.NDArray[np.bool_]]:
        """See Filter."""
        (rows, cols), exact = classes.shape, np.zeros(classes.shape, np.bool_)
        top, bottom, left, right = (self.margin * side for side in cut.tolist())
        exact[top : rows - bottom, left : cols - right] = True
        return majority(classes, self.group, self.radius, self.passes), exact


@dataclass(frozen=True, slots=True, eq=False)
class Sieve:
    """The sieve; the least number of pixels of a part of each class, by position (that of 0 unused)."""

    smallest: npt.NDArray[np.int64]

    @property
    def margin(self) -> int:
        """Enough for nearly all blocks; a wider one is read where it isn't."""
        return 128

    def apply(self, classes: Classes, cut: npt.NDArray[np.bool_]) -> tuple[Classes, npt.NDArray[np.bool_]]:
        """See Filter."""
        sieved, exact = sieve(classes, self.smallest, cut)
        return sieved, exact


@dataclass(frozen=True, slots=True, eq=False)
class Smoothing:
    """Bayesian smoothing of probabilities, written as 0 to `scale`: radius in pixels, smoothness of each class in order."""

    radius: int
    smoothness: npt.NDArray[np.float64]
    scale: int


@dataclass(frozen=True, slots=True)
class Regularisation:
    """What is done to a map, in this order: the smoothed probabilities give the classes, then come the filters."""

    smoothing: Smoothing | None
    filters: tuple[Filter, ...]

    @property
    def steps(self) -> int:
        """How often each pixel is looked at."""
        return len(self.filters) + (self.smoothing is not None)


def regularise(
    folder: Path,
    grid: Grid,
    how: Regularisation,
    *,
    nomenclature: Nomenclature,
    side: int = SIDE,
    told: Callable[[int], object] = lambda _pixels: None,
) -> int:
    """Write `regularised.tif` on `grid` into a map's folder, from the rasters that lie there; how many pixels changed class.

    The result doesn't hang on `side`, that of the blocks in pixels: around each one as much is read as its pixels hang on.
    Memory is that of a block with its margin; a sieve asks for more where small parts lie beside nothing but small parts for
    long. `told` gets the pixels of each block of each of the steps that is done.

    Raises SitsparkError with the path for a raster that can't be read, and as `write_map` does.
    """
    codes, product = nomenclature.codes, regularised(nomenclature.codes)
    before, out = folder / "classification.tif", folder / f"{product.name}.tif"
    changed = _Changed(before)
    with scratch_of(out) as scratch:
        if how.smoothing is not None:
            pieces = _smoothed(folder / "probability.tif", grid, how.smoothing, codes, side)
            if how.filters:
                before = scratch / "smoothed.tif"
                write_intermediate(_of_type(pieces, product, told), grid, before, product)
        for number, one in enumerate(how.filters, 1):
            pieces = _filtered(before, grid, one, codes, side)
            if number < len(how.filters):
                before = scratch / f"filtered-{number}.tif"
                write_intermediate(_of_type(pieces, product, told), grid, before, product)
        write_map(_of_type(changed.counting(pieces), product, told), grid, out, product=product, nomenclature=nomenclature)
    return changed.pixels


class _Changed:
    """How many pixels pass, on their way to the file, that have another class than before."""

    def __init__(self, original: Path) -> None:
        self.original = original
        self.pixels = 0

    def counting(self, pieces: Iterable[_Codes]) -> Iterator[_Codes]:
        with opened(self.original) as source:
            for window, codes in pieces:
                self.pixels += int(np.count_nonzero(codes != read(source, window)[0]))
                yield window, codes


def _of_type(pieces: Iterable[_Codes], product: Product, told: Callable[[int], object]) -> Iterator[Piece]:
    for window, codes in pieces:
        yield Piece(window, codes[np.newaxis].astype(product.dtype))
        told(window.pixels)


def _filtered(path: Path, grid: Grid, one: Filter, codes: Sequence[int], side: int) -> Iterator[_Codes]:
    code_of = np.array([0, *codes], np.uint16)
    position_of = np.zeros(code_of.max() + 1, np.uint16)
    position_of[code_of] = np.arange(code_of.size)
    with opened(path) as source:
        for block in blocks(grid.window, side):
            margin, known = one.margin, False
            while not known:
                window = block.grown(margin).intersection(grid.window)
                cut = [window.row > 0, window.stop_row < grid.height, window.col > 0, window.stop_col < grid.width]
                classes, exact = one.apply(position_of[read(source, window)[0]], np.array(cut))
                inside = block.shifted(-window.row, -window.col).slices
                known, margin = bool(exact[inside].all()), 2 * margin
            yield block, code_of[classes[inside]]


def _smoothed(path: Path, grid: Grid, how: Smoothing, codes: Sequence[int], side: int) -> Iterator[_Codes]:
    code_of = np.array([0, *codes], np.uint16)
    weights, logit = gaussian(how.radius), logits(how.scale)
    with opened(path) as source:
        for block in blocks(grid.window, side // 2):  # there are as many bands as classes
            window = block.grown(how.radius).intersection(grid.window)
            best, _ = smooth(read(source, window), logit, weights, how.smoothness)
            yield block, code_of[best[block.shifted(-window.row, -window.col).slices]]
