"""What a mask excludes, as values: any of some bits, or some of its classes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sitspark.kernels import masks

OUTSIDE = 1  # the value of a mask where its file ends: every rule excludes it


@dataclass(frozen=True, slots=True)
class AnyBit:
    """A pixel is excluded when its mask has one of `bits` set."""

    bits: int

    def invalidate(self, values: npt.NDArray[np.unsignedinteger], valid: npt.NDArray[np.uint8]) -> None:
        """Clear `valid` (uint8, rows x columns) where `values` exclude a pixel."""
        masks.any_bits(values, self.bits, valid)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A pixel is excluded when its mask is one of `classes`."""

    classes: tuple[int, ...]

    def invalidate(self, values: npt.NDArray[np.unsignedinteger], valid: npt.NDArray[np.uint8]) -> None:
        """Clear `valid` (uint8, rows x columns) where `values` exclude a pixel."""
        excluded = np.zeros(256, np.bool_)
        excluded[list(self.classes)] = True
        masks.listed(values, excluded, valid)


MaskRule = AnyBit | AnyOf

ANYTHING = AnyBit(0xFFFF)  # every value but 0 excludes
