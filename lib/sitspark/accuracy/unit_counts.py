"""What was compared within each polygon, or each block of land: rows of counted pixels, from which all numbers follow."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.accuracy.matrix import ConfusionMatrix


@dataclass(frozen=True, slots=True)
class MajorityMatrix:
    """Units counted once each, as the class that most of their pixels have on the map.

    `ties` of them have several such classes, and count as that of the lowest code.
    """

    matrix: ConfusionMatrix
    ties: int


@dataclass(frozen=True, slots=True, eq=False)
class UnitCounts:
    """Pixels compared, a row for each unit (polygon, block), reference class and produced class that occur together; any order.

    `unit` holds integers or strings (n,); `reference` and `produced` class codes (n,), `pixels` counts (n,), all integers. Rows
    whose class is none of the codes (not classified, say) don't count, where counts are used.
    """

    unit: npt.NDArray[np.generic]
    reference: npt.NDArray[np.integer]
    produced: npt.NDArray[np.integer]
    pixels: npt.NDArray[np.integer]

    def among(self, codes: tuple[int, ...]) -> "UnitCounts":
        """The rows that compare two of the classes."""
        kept = np.isin(self.reference, codes) & np.isin(self.produced, codes)
        return UnitCounts(self.unit[kept], self.reference[kept], self.produced[kept], self.pixels[kept])

    def matrix(self, codes: tuple[int, ...]) -> ConfusionMatrix:
        """All pixels of all units."""
        rows = self.among(codes)
        counts = np.zeros((len(codes), len(codes)), np.int64)
        np.add.at(counts, (np.searchsorted(codes, rows.reference), np.searchsorted(codes, rows.produced)), rows.pixels)
        return ConfusionMatrix(codes, counts)

    def majority(self, codes: tuple[int, ...]) -> MajorityMatrix:
        """Each unit (of one reference class; else once for each) as one sample, of which most pixels decide."""
        rows = self.among(codes)
        _, unit = np.unique(rows.unit, return_inverse=True)
        k = len(codes)
        keys = (unit * k + np.searchsorted(codes, rows.reference)) * k + np.searchsorted(codes, rows.produced)
        cells, cell = np.unique(keys, return_inverse=True)
        pixels = np.zeros(len(cells), np.int64)
        np.add.at(pixels, cell, rows.pixels)
        order = np.lexsort((cells, -pixels, cells // k))
        cells, pixels = cells[order], pixels[order]
        first = np.flatnonzero(np.diff(cells // k, prepend=-1))
        tied = (np.diff(cells // k) == 0) & (np.diff(pixels) == 0)
        counts = np.bincount(cells[first] % k**2, minlength=k**2).reshape(k, k)
        return MajorityMatrix(ConfusionMatrix(codes, counts), int(np.isin(first, np.flatnonzero(tied)).sum()))
