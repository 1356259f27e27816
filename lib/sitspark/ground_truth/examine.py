"""Judging a file of labelled features without imagery: what is wrong with each, and what of it can be kept.

A *fault* rejects its feature; a *remark* doesn't. Each step is written once to a folder and read from there, so that a
million polygons need no more memory than a thousand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from sitspark.ground_truth.judging import Rules, names_of
from sitspark.ground_truth.overlaps import PAIRS, Overlaps, Ruler, losers, without
from sitspark.ground_truth.passes import judge_all, name_of, pieces_of, told_of
from sitspark.ground_truth.staged import FIELD, Group, Staged
from sitspark.ground_truth.twins import twins

FAULTS = (
    "null geometry",
    "empty geometry",
    "unreadable geometry",
    "coordinates out of range",
    "no label",
    "unknown label",
    "duplicate",
    "conflicting duplicate",
    "no area",
    "overlap",
)
REMARKS = (
    "invalid",
    "multi-part",
    "repeated part",
    "repeated id",
    "holes",
    "sliver",
    "no pixel centre",
    "outside the imagery",
)
_PARTS = 1_000_000  # more than a feature has
_REASONS = {
    "duplicate": "duplicate of feature {}",
    "conflicting duplicate": "same geometry as feature {} of another label",
    "overlap": "overlaps feature {} of another label",
    "repeated part": "a part is also one of feature {}",
    "repeated id": "a feature of another label has the id {} too",
}


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """Every feature is kept or rejected, whole.

    `compared` (number, other, what, reason: of FAULTS and REMARKS), in the order of numbers, is what comparing features has
    shown, beside what `folder` has of each alone; `repeated`, in order, are the ids of pieces that others are the same as.
    Numbers are those of rows, from 0.
    """

    staged: Staged
    folder: Path
    compared: pa.Table
    repeated: pa.Array

    def kept(self, *columns: str) -> Iterator[pa.Table]:
        """Columns of PIECES, ids and kept fields of the valid single geometries that are kept, in the order of the source."""
        for position, group, compared, repeated in self._by_group():
            own = {"number", "part", *(name for name in columns if not _is_staged(name))}
            pieces = pq.read_table(pieces_of(self.folder) / name_of(position), columns=list(own))
            faulty = compared.filter(pc.is_in(compared["what"], pa.array(FAULTS)))["number"].combine_chunks()
            piece = pc.add(pc.multiply(pieces["number"], _PARTS), pieces["part"])
            lost = pc.or_(pc.is_in(pieces["number"], faulty), pc.is_in(piece, repeated))
            yield _with_fields(pieces.filter(pc.invert(lost)), group, columns).select(list(columns))

    def told(self, *columns: str) -> Iterator[pa.Table]:
        """Columns of TOLD, ids and kept fields of faulty and remarkable features, in the order of the source."""
        sources = {"name": ("number", "id"), "label": ("label",), "wkb": ("wkb",)}
        needed = {"number", *(source for column in columns for source in sources.get(column, ()))}
        for position, group, compared, _ in self._by_group():
            own = {"number", "what", *(name for name in columns if not _is_staged(name))}
            alone = pq.read_table(told_of(self.folder) / name_of(position), columns=list(own))
            if len(compared):
                features = group.read(*needed)
                features = features.filter(pc.is_in(features["number"], compared["number"].combine_chunks()))
                if "name" in columns:
                    features = features.append_column("name", names_of(features["number"], features["id"]))
                if "label" in columns:
                    trimmed = pc.utf8_trim_whitespace(features["label"])
                    features = features.set_column(features.schema.get_field_index("label"), "label", trimmed)
                joined = compared.join(features, "number", join_type="inner").select(alone.column_names)
                alone = pa.concat_tables([alone, joined.cast(alone.schema)])
            ordered = alone.sort_by([("number", "ascending"), ("what", "ascending")])
            yield _with_fields(ordered, group, columns).select(list(columns))

    def _by_group(self) -> Iterator[tuple[int, Group, pa.Table, pa.Array]]:
        """Each group with its position, and what of the compared features and repeated pieces is of it."""
        numbers, pieces = self.compared["number"].to_numpy(), self.repeated.to_numpy()
        first = 0
        for position, group in enumerate(self.staged.groups):
            low, high = np.searchsorted(numbers, [first, first + group.rows])
            start, stop = np.searchsorted(pieces, [first * _PARTS, (first + group.rows) * _PARTS])
            yield position, group, self.compared.slice(low, high - low), self.repeated.slice(start, stop - start)
            first += group.rows


def _is_staged(column: str) -> bool:
    """Whether a column is as the source has it: the id, or a field that is kept."""
    return column == "id" or column.startswith(FIELD)


def _with_fields(rows: pa.Table, group: Group, columns: Sequence[str]) -> pa.Table:
    """Add those of the columns that are as the source has them to rows of features (number)."""
    fields = [name for name in columns if _is_staged(name)]
    if not fields:
        return rows
    features = group.read("number", *fields)
    place = pc.index_in(rows["number"], value_set=features["number"].combine_chunks())
    for name in fields:
        rows = rows.append_column(name, features[name].take(place))
    return rows


def examine(
    spark: SparkSession, features: Staged, rules: Rules, scratch: Path, *, on_step: Callable[[str], None] = lambda _: None
) -> Examination:
    """Judge features; `scratch`, a new folder, takes what is found on the way. `on_step` is told what begins."""
    on_step("geometries, labels, duplicates and overlaps")
    ruler = Ruler(rules.crs, rules.pixels.crs, rules.pixels.resolution, rules.tolerance)
    found = judge_all(spark, features, rules, scratch, ruler=ruler)
    same = _same(found.alike, rules.overlaps)
    unique = found.alike.filter(pc.invert(pc.is_in(found.alike["number"], same["number"].combine_chunks())))
    pairs = without(found.pairs, same["number"].combine_chunks())
    lost = losers(pa.concat_tables([pairs, _small_pairs(unique, pairs)]), rules.overlaps)
    lost = lost.append_column("what", pa.array(["overlap"] * len(lost), pa.string()))
    left = unique.filter(pc.invert(pc.is_in(unique["number"], lost["number"].combine_chunks())))
    repeated, pieces = _repeated(left)
    compared = pa.concat_tables([same, lost, repeated, _repeated_ids(features)])
    compared = compared.sort_by([("number", "ascending"), ("what", "ascending")])
    return Examination(features, scratch, _named(compared, features), pieces)


def _piece(shapes: pa.Table) -> npt.NDArray[np.int64]:
    """A number for each piece, in the order of features and parts."""
    return np.asarray(shapes["number"].to_numpy() * _PARTS + shapes["part"].to_numpy(), np.int64)


def _same(alike: pa.Table, rule: Overlaps) -> pa.Table:
    """number, other, what of features that are the same as another one, as which they share all their parts."""
    whole = alike.filter(pc.equal(alike["part"], 0))
    number = whole["number"].to_numpy()
    found = twins(whole["feature"].to_numpy(), number, whole["label"].to_numpy(), keep_first=rule != "drop")
    what = np.where(found.conflict, "conflicting duplicate", "duplicate")
    return pa.table({"number": number[found.lost], "other": number[found.other], "what": pa.array(what, pa.string())})


def _small_pairs(alike: pa.Table, known: pa.Table) -> pa.Table:
    """PAIRS of features of different labels that have a piece in common, and aren't `known` for their ground.

    Small ones share less than what is tolerated. Each feature is paired with the first of each other label.
    """
    shape, label, number, area = (alike[name].to_numpy() for name in ("shape", "label", "number", "area"))
    order = np.lexsort((number, label, shape))
    leading = order[np.r_[True, (np.diff(shape[order]) != 0) | (np.diff(label[order]) != 0)]] if len(order) else order
    of_shape: dict[int, list[int]] = {}
    for place in leading.tolist():
        of_shape.setdefault(int(shape[place]), []).append(place)
    pairs = {
        (min(number[i], number[j]), max(number[i], number[j])): (i, j) if number[i] < number[j] else (j, i)
        for i in range(len(shape))
        for j in of_shape[int(shape[i])]
        if label[i] != label[j] and number[i] != number[j]
    }
    for pair in zip(known["a"].to_pylist(), known["b"].to_pylist(), strict=True):
        pairs.pop(pair, None)
    first, second = (np.array([pair[side] for pair in pairs.values()], np.int64) for side in (0, 1))
    return pa.table([number[first], number[second], area[first], area[second], np.zeros(len(first))], schema=PAIRS)


def _repeated(alike: pa.Table) -> tuple[pa.Table, pa.Array]:
    """Pieces that are those of other features too: number, other, what of their features; and the ids of the pieces.

    A feature all of whose pieces are those of others is a duplicate; of another one it is remarked.
    """
    piece, number = _piece(alike), alike["number"].to_numpy()
    found = twins(alike["shape"].to_numpy(), piece, alike["label"].to_numpy(), keep_first=True)
    rows = pa.table(
        {"number": number[found.lost], "other": number[found.other], "parts": alike["parts"].to_numpy()[found.lost]}
    )
    by_feature = rows.group_by("number", use_threads=False).aggregate([("other", "min"), ("parts", "min"), ("other", "count")])
    what = pc.if_else(pc.equal(by_feature["other_count"], by_feature["parts_min"]), "duplicate", "repeated part")
    table = pa.table([by_feature["number"], by_feature["other_min"], what], names=["number", "other", "what"])
    return table, pa.array(np.sort(piece[found.lost]))


def _repeated_ids(features: Staged) -> pa.Table:
    """number, other (itself), what of features of several labels that have one id: pieces of one feature have one label."""
    ids, labels = (pa.chunked_array([c for column in features.column(name) for c in column.chunks], pa.string())
                   for name in ("id", "label"))  # fmt: skip
    groups = pa.table({"id": ids, "label": labels}).group_by("id").aggregate([("label", "count_distinct")])
    several = groups.filter(pc.and_(pc.greater(groups["label_count_distinct"], 1), pc.is_valid(groups["id"])))["id"]
    number = np.flatnonzero(np.asarray(pc.is_in(ids, several.combine_chunks()))) if len(several) else np.zeros(0, np.int64)
    return pa.table({"number": number, "other": number, "what": pa.array(["repeated id"] * len(number), pa.string())})


def _named(compared: pa.Table, features: Staged) -> pa.Table:
    """Add the reason, which names the other feature as the user does."""
    others = compared["other"].combine_chunks()
    names: dict[int, str] = {}
    for group in features.groups if len(others) else ():
        rows = group.read("number", "id")
        rows = rows.filter(pc.is_in(rows["number"], others))
        names |= zip(rows["number"].to_pylist(), names_of(rows["number"], rows["id"]).to_pylist(), strict=True)
    rows = zip(compared["other"].to_pylist(), compared["what"].to_pylist(), strict=True)
    reasons = [_REASONS[what].format(names[other]) for other, what in rows]
    return compared.append_column("reason", pa.array(reasons, pa.string()))
