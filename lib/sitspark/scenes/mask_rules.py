"""What a mask excludes, as values: any of some bits, or some of its classes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.kernels import masks

OUTSIDE = 1  # the value of a mask where its file ends: Theia's and Sen2Cor's rules exclude it; bands have no data there anyway


@dataclass(frozen=True, slots=True)
class AnyBit:
    """A pixel is excluded when its mask has one of `bits` set."""

    bits: int

    def invalidate(self, values: npt.NDArray[np.integer], valid: npt.NDArray[np.uint8]) -> None:
        """Clear `valid` (uint8, rows x columns) where `values` exclude a pixel."""
        masks.any_bits(values, self.bits, valid)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A pixel is excluded when its mask is one of `classes`."""

    classes: tuple[int, ...]

    def invalidate(self, values: npt.NDArray[np.integer], valid: npt.NDArray[np.uint8]) -> None:
        """Clear `valid` (uint8, rows x columns) where `values` exclude a pixel."""
        masks.listed(values, _table(self.classes), False, valid)


@dataclass(frozen=True, slots=True)
class AllBut:
    """A pixel is excluded unless its mask is one of `classes`."""

    classes: tuple[int, ...]

    def invalidate(self, values: npt.NDArray[np.integer], valid: npt.NDArray[np.uint8]) -> None:
        """Clear `valid` (uint8, rows x columns) where `values` exclude a pixel."""
        masks.listed(values, ~_table(self.classes), True, valid)


def _table(classes: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Whether a value is one of the classes, for every value up to the greatest of them."""
    found = np.zeros(max(classes, default=0) + 1, np.bool_)
    found[list(classes)] = True
    return found


MaskRule = AnyBit | AnyOf | AllBut

ANYTHING = AnyBit(0xFFFF)  # every value but 0 excludes
