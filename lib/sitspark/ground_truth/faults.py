"""The first fault of each feature of a group, and what every judge looks at."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sitspark.ground_truth.codes import codes_of
from sitspark.ground_truth.crs_range import beyond_range
from sitspark.ground_truth.shapes import Geometries, broken_of, decoded, only

Faults = npt.NDArray[np.object_]  # str, or None
_OUT_OF_RANGE, _UNKNOWN, _NO_AREA = "coordinates out of range", "unknown label", "no area"


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A group of features as they are understood; `fault` has the first of each, and takes those that are found later.

    `geometries` are those of features without one so far, in two dimensions, and `broken` says which of them are invalid;
    `wkb` is that of all that can be read.
    """

    number: pa.Array
    label: pa.Array
    code: pa.Array
    geometries: Geometries
    broken: npt.NDArray[np.bool_]
    wkb: pa.Array
    fault: Faults
    crs: str

    @staticmethod
    def of(features: pa.Table, crs: str, *, texts: Mapping[str, int], known: Collection[int] | None) -> "Features":
        """Read FEATURES: `texts` are the codes of labels that are texts, `known` those of classes (None: any)."""
        number, wkb = features["number"].combine_chunks(), features["wkb"].combine_chunks()
        label = pc.utf8_trim_whitespace(features["label"].combine_chunks())
        found, code = decoded(wkb), codes_of(label, texts)
        fault, broken = found.problem.copy(), broken_of(found.geometries)
        blame(fault, beyond_range(found.geometries, broken, crs), _OUT_OF_RANGE)
        blame(fault, np.asarray(pc.equal(pc.fill_null(label, ""), "")), "no label")
        classes = pc.is_valid(code) if known is None else pc.is_in(code, value_set=pa.array(sorted(known), pa.int32()))
        blame(fault, ~np.asarray(classes), _UNKNOWN)
        return Features(number, label, code, only(found.geometries, sound(fault)), broken & sound(fault), found.wkb, fault, crs)

    def __len__(self) -> int:
        return len(self.fault)

    def without_area(self, owner: npt.NDArray[np.intp]) -> None:
        """Blame the features that own no piece."""
        blame(self.fault, ~present(owner, len(self)), _NO_AREA)

    def reasons(self) -> Faults:
        """The faults as a user reads them."""
        reasons = self.fault.copy()
        reasons[self.fault == _OUT_OF_RANGE] = f"coordinates beyond the range of {self.crs}"
        reasons[self.fault == _NO_AREA] = "no area is left after repair"
        for position in np.flatnonzero(self.fault == _UNKNOWN):
            value = self.code[position] if self.code[position].is_valid else self.label[position]
            reasons[position] = f"label {value} is not in the nomenclature"
        return reasons


def sound(faults: Faults) -> npt.NDArray[np.bool_]:
    """Which features have no fault."""
    return np.asarray(faults == None, bool)  # noqa: E711  # compares element by element


def blame(faults: Faults, faulty: npt.NDArray[np.bool_], fault: str) -> None:
    """Write a fault where there is none yet."""
    faults[faulty & sound(faults)] = fault


def present(owner: npt.NDArray[np.intp], features: int) -> npt.NDArray[np.bool_]:
    """Which of so many features own a piece, `owner` being the feature of each piece."""
    found = np.zeros(features, bool)
    found[owner] = True
    return found
