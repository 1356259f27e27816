"""What is wrong with a feature alone, and what there is to remark of it, without imagery."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyproj
import shapely

from sitspark.errors import counted
from sitspark.ground_truth.faults import Faults, Features, present, sound
from sitspark.ground_truth.overlaps import Overlaps
from sitspark.ground_truth.passes import SHAPES, Judged
from sitspark.ground_truth.pixels import Pixels
from sitspark.ground_truth.shapes import (
    Geometries,
    faults_of,
    keys_of,
    only,
    ranks,
    repaired,
    replaced,
    simple_parts,
)

PIECES = pa.schema([
    ("number", pa.int64()), ("label", pa.int32()), ("part", pa.int32()), ("area_m2", pa.float64()),
    ("wkb", pa.binary()),
])  # fmt: skip
TOLD = pa.schema([
    ("number", pa.int64()), ("name", pa.string()), ("label", pa.string()), ("what", pa.string()), ("reason", pa.string()),
    ("wkb", pa.binary()),
])  # fmt: skip
_POINT, _POLYGON = 0, 3  # types of shapely


@dataclass(frozen=True, slots=True)
class Rules:
    """What features are compared with.

    `crs` is that of the features; `known` the codes of the nomenclature, None where there is none, `texts` those of labels that
    are texts; `tolerance` how many pixels two polygons of different labels may share; `imagery` its outline as WKB in the
    features' CRS, where it is known.
    """

    crs: str
    pixels: Pixels
    known: Collection[int] | None = None
    texts: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 1.0
    overlaps: Overlaps = "drop"
    imagery: bytes | None = None

    def judge(self, features: pa.Table) -> Judged:
        """Judge a group of FEATURES: PIECES, the valid single geometries of those without a fault; and TOLD of all."""
        found = Features.of(features, self.crs, texts=self.texts, known=self.known)
        name = names_of(found.number, features["id"].combine_chunks())
        owner, shapes = _pieces(found.geometries, found.broken)
        found.without_area(owner)
        on_grid = self.pixels.on_grid(shapes, self.crs)
        remarks = _Remarks(len(found))
        self._remark(remarks, found.geometries, found.broken & sound(found.fault))  # of no area nothing is repaired
        self._remark_size(remarks, owner, on_grid)
        remarks.add(~sound(found.fault), found.fault, found.reasons())
        position = remarks.positions()
        columns = [column.take(position) for column in (found.number, name, found.label)]
        told = pa.table([*columns, *remarks.texts(), found.wkb.take(position)], schema=TOLD)
        parts, area = np.bincount(owner, minlength=len(found)), shapely.area(on_grid)
        of_owner, part = pa.array(owner), pa.array(ranks(owner), pa.int32())
        # most features are a sound single polygon, and stay as they were written
        whole_one = np.isin(shapely.get_type_id(found.geometries), (_POINT, _POLYGON)) & ~found.broken
        wkb = replaced(found.wkb.take(of_owner), ~whole_one[owner], shapes)
        number, label = found.number.take(of_owner), found.code.take(of_owner)
        pieces = pa.table([number, label, part, pa.array(area), wkb], schema=PIECES)
        whole, keys = np.bincount(owner, area, minlength=len(found)), keys_of(found.wkb).take(of_owner)
        outlines = pa.table(
            [number, label, part, pa.array(parts[owner], pa.int32()), keys, keys_of(wkb), pa.array(whole[owner])], schema=SHAPES
        )
        return Judged(pieces, shapes, outlines, told)

    def _remark(self, remarks: "_Remarks", geometries: Geometries, broken: npt.NDArray[np.bool_]) -> None:
        """What is remarkable in features as they are."""
        degrees = pyproj.CRS.from_user_input(self.crs).is_geographic
        remarks.add(broken, "invalid", _spread(faults_of(geometries[broken], degrees=degrees), broken))
        parts = shapely.get_num_geometries(geometries)
        several = parts > 1
        remarks.add(several, "multi-part", _spread([f"{count} parts" for count in parts[several]], several))
        inner, outlines = simple_parts(only(geometries, shapely.get_dimensions(geometries) == 2))
        holes = np.bincount(inner, shapely.get_num_interior_rings(outlines), minlength=len(geometries)).astype(int)
        remarks.add(holes > 0, "holes", _spread([counted(count, "hole") for count in holes[holes > 0]], holes > 0))
        if self.imagery is not None:
            imagery = shapely.from_wkb(self.imagery)
            shapely.prepare(imagery)
            outside = ~shapely.is_missing(geometries) & ~shapely.intersects(imagery, geometries)
            remarks.add(outside, "outside the imagery", "outside the imagery")

    def _remark_size(self, remarks: "_Remarks", owner: npt.NDArray[np.intp], shapes: Geometries) -> None:
        """Which features are too small for pixels: all their pieces are narrow, none holds a centre."""
        unit = pyproj.CRS.from_user_input(self.pixels.crs).axis_info[0].unit_name.replace("metre", "m")
        size, polygons = f"{self.pixels.resolution:g} {unit}", shapely.get_type_id(shapes) == _POLYGON
        wide, centred = np.ones(len(shapes), bool), np.ones(len(shapes), bool)
        wide[polygons] = ~self.pixels.narrower(shapes[polygons])
        centred[polygons] = self.pixels.hold_a_centre(shapes[polygons])
        there = present(owner, remarks.features)
        remarks.add(there & ~present(owner[wide], remarks.features), "sliver", f"narrower than a pixel of {size}")
        missed = there & ~present(owner[centred], remarks.features)
        remarks.add(missed, "no pixel centre", f"holds no centre of a pixel of {size}")


def names_of(number: pa.Array, ids: pa.Array) -> pa.Array:
    """What the user calls features: their ids; one without is called by its row, from 1."""
    rows = pc.binary_join_element_wise("row", pc.add(number, 1).cast(pa.string()), " ")
    return pc.coalesce(ids, rows)


def _pieces(geometries: Geometries, broken: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], Geometries]:
    """The valid single polygons with an area of features, or the points of those that are points; and the feature of each."""
    owner, pieces = simple_parts(repaired(geometries, broken))
    kind, punctual = shapely.get_type_id(pieces), shapely.get_dimensions(geometries)[owner] == 0
    used = np.where(punctual, kind == _POINT, (kind == _POLYGON) & (shapely.area(pieces) > 0))
    return owner[used], pieces[used]


def _spread(values: list[str], chosen: npt.NDArray[np.bool_]) -> Faults:
    """Values of the chosen features as an array of all."""
    found = np.full(len(chosen), None, object)
    found[chosen] = values
    return found


class _Remarks:
    """What is told of the features of a group: of each several things."""

    def __init__(self, features: int) -> None:
        self.features = features
        self._rows: list[tuple[npt.NDArray[np.intp], Faults, Faults]] = []

    def add(self, chosen: npt.NDArray[np.bool_], what: str | Faults, reason: str | Faults) -> None:
        """Tell something of the chosen features; arrays have a value for every feature."""
        where = np.flatnonzero(chosen)
        everyone = [np.broadcast_to(np.asarray(text, object), self.features) for text in (what, reason)]
        self._rows.append((where, everyone[0][where], everyone[1][where]))

    def positions(self) -> pa.Array:
        """The features that something is told of, in order."""
        return pa.array(np.concatenate([where for where, *_ in self._rows])[self._order()])

    def texts(self) -> tuple[pa.Array, pa.Array]:
        """What is told, and why."""
        order = self._order()
        what, reason = (np.concatenate([row[column] for row in self._rows])[order] for column in (1, 2))
        return pa.array(what, pa.string()), pa.array(reason, pa.string())

    def _order(self) -> npt.NDArray[np.intp]:
        return np.argsort(np.concatenate([where for where, *_ in self._rows]), kind="stable")
