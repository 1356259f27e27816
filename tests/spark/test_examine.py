"""Checking a file of labelled features: each fault and remark by itself, nothing lost or doubled, a mended file is sound."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from sitspark.ground_truth.examine import FAULTS, REMARKS, Examination, examine
from sitspark.ground_truth.judging import Rules
from sitspark.ground_truth.overlaps import Overlaps
from sitspark.ground_truth.pixels import Pixels
from sitspark.ground_truth.staged import FEATURES, write_staged

CRS = "EPSG:32631"
IMAGERY = shapely.box(400_000, 4_900_000, 500_000, 5_000_000)

Geometry = shapely.Geometry | bytes | None
Feature = tuple[str | None, Geometry]
ONE_ID, OTHER_LABEL = "=1=", "=2="  # labels of features of one id


def rules(overlaps: Overlaps = "drop") -> Rules:
    return Rules(CRS, Pixels(CRS, 10), {1, 2, 3}, {}, 1.0, overlaps, shapely.to_wkb(IMAGERY))


def examined(spark: SparkSession, features: Sequence[Feature], folder: Path, overlaps: Overlaps = "drop") -> Examination:
    wkbs = [g if isinstance(g, bytes) or g is None else shapely.to_wkb(g) for _, g in features]
    rows = [
        {"number": i, "id": "twice" if label and "=" in label else f"f{i}", "label": label and label.strip("="), "wkb": wkb}
        for i, ((label, _), wkb) in enumerate(zip(features, wkbs, strict=True))
    ]
    # several groups, so that what is compared lies in different files
    batches = pa.RecordBatch.from_pylist(rows, FEATURES)
    few = [batches.slice(first, 7) for first in range(0, len(rows), 7)]
    return examine(spark, write_staged(few, folder / "features.parquet"), rules(overlaps), folder / "found")


def told(found: Examination) -> list[dict]:
    return [row for table in found.told("number", "what") for row in table.to_pylist()]


def faults(found: Examination) -> list[int]:
    return [row["number"] for row in told(found) if row["what"] in FAULTS]


def kept(found: Examination) -> list[dict]:
    return [row for batch in found.kept("number", "label", "wkb") for row in batch.to_pylist()]


def box(x: float, y: float, width: float = 50, height: float = 50) -> shapely.Polygon:
    return shapely.box(420_000 + x, 4_920_000 + y, 420_000 + x + width, 4_920_000 + y + height)


def moved(geometry: shapely.Geometry, x: float, y: float) -> shapely.Geometry:
    return shapely.transform(geometry, lambda xy: xy + np.array([x, y]))


BOW_TIE = shapely.Polygon([(420_000, 4_920_000), (420_050, 4_920_050), (420_050, 4_920_000), (420_000, 4_920_050)])
RING = box(0, 0).difference(box(20, 20, 10, 10))
TWO = shapely.MultiPolygon([box(0, 0), box(100, 0)])
CURVE = bytes.fromhex("010A00000000000000")  # CURVEPOLYGON EMPTY

# each case: its features, side by side, and what is found of each of them
CASES: dict[str, tuple[list[Feature], list[set[str]]]] = {
    "sound": ([("1", box(0, 0))], [set()]),
    "null": ([("1", None)], [{"null geometry"}]),
    "empty polygon": ([("1", shapely.Polygon())], [{"empty geometry"}]),
    "empty point": ([("1", shapely.Point())], [{"empty geometry"}]),
    "cut short": ([("1", shapely.to_wkb(box(0, 0))[:40])], [{"unreadable geometry"}]),
    "curves": ([("1", CURVE)], [{"unreadable geometry"}]),
    "degrees in metres": ([("1", shapely.box(2, 48, 2.1, 48.1))], [{"coordinates out of range"}]),
    "not finite": ([("1", shapely.Point(420_000, float("inf")))], [{"coordinates out of range"}]),
    "no label": ([(None, box(0, 0)), (" ", box(0, 100))], [{"no label"}, {"no label"}]),
    "unknown label": ([("99", box(0, 0)), ("wheat?", box(0, 100))], [{"unknown label"}, {"unknown label"}]),
    "invalid": ([("1", BOW_TIE)], [{"invalid"}]),
    "a line": ([("1", shapely.LineString([(420_000, 4_920_000), (420_050, 4_920_000)]))], [{"no area"}]),
    "a polygon without area": (
        [("1", shapely.Polygon([(420_000, 4_920_000), (420_050, 4_920_000), (420_020, 4_920_000)]))],
        [{"no area"}],
    ),
    "duplicate": ([("1", box(0, 0)), ("1", box(0, 0).reverse())], [set(), {"duplicate"}]),
    "conflicting duplicate": ([("1", box(0, 0)), ("2", box(0, 0))], [{"conflicting duplicate"}, {"conflicting duplicate"}]),
    "multi-part": ([("1", TWO)], [{"multi-part"}]),
    "a part of two features": ([("1", TWO), ("1", box(100, 0))], [{"multi-part"}, {"duplicate"}]),
    "one part repeated": (
        [("1", TWO), ("1", shapely.MultiPolygon([box(100, 0), box(200, 0)]))],
        [{"multi-part"}, {"multi-part", "repeated part"}],
    ),
    "one id of two labels": ([(ONE_ID, box(0, 0)), (OTHER_LABEL, box(100, 0))], [{"repeated id"}, {"repeated id"}]),
    "a polygon and a point": (
        [("1", shapely.GeometryCollection([box(0, 0), shapely.Point(420_300, 4_920_000)]))],
        [{"multi-part"}],
    ),
    "a hole": ([("1", RING)], [{"holes"}]),
    "sliver": ([("1", box(0, 0, 200, 8))], [{"sliver"}]),
    "as wide as a pixel": ([("1", box(0, 0, 200, 10))], [set()]),
    "no pixel centre": ([("1", box(6, 6, 8, 8))], [{"sliver", "no pixel centre"}]),
    "small, with a centre": ([("1", box(1, 1, 8, 8))], [{"sliver"}]),
    "outside": ([("1", moved(box(0, 0), 200_000, 0))], [{"outside the imagery"}]),
    "overlap": ([("1", box(0, 0)), ("2", box(30, 0))], [{"overlap"}, {"overlap"}]),
    "overlap of one label": ([("1", box(0, 0)), ("1", box(30, 0))], [set(), set()]),
    "overlap of less than a pixel": ([("1", box(0, 0)), ("2", box(49, 0))], [set(), set()]),
    "overlap of parts, more than a pixel together": (
        [
            ("1", shapely.MultiPolygon([box(0, 0), box(200, 0)])),
            ("2", shapely.MultiPolygon([box(48.8, 0), box(248.8, 0)])),
        ],
        [{"multi-part", "overlap"}, {"multi-part", "overlap"}],
    ),
    "a small duplicate part of another label": (
        [("1", shapely.MultiPolygon([box(0, 0), box(101, 1, 9, 9)])), ("2", box(101, 1, 9, 9))],
        [{"multi-part", "overlap"}, {"sliver", "overlap"}],
    ),
    "neighbours": ([("1", box(0, 0)), ("2", box(50, 0))], [set(), set()]),
    "a point": ([("1", shapely.Point(420_000, 4_920_000))], [set()]),
    "points": ([("1", shapely.MultiPoint([(420_000, 4_920_000), (420_009, 4_920_000)]))], [{"multi-part"}]),
    "two labels at one point": (
        [("1", shapely.Point(420_000, 4_920_000)), ("2", shapely.Point(420_000, 4_920_000))],
        [{"conflicting duplicate"}, {"conflicting duplicate"}],
    ),
    "a point in a polygon of another label": ([("1", box(0, 0)), ("2", shapely.Point(420_020, 4_920_020))], [set(), set()]),
}


@pytest.fixture(scope="module")
def found(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> dict[int, set[str]]:
    """What is found of each feature, when all cases lie in one file, far from each other."""
    features: list[Feature] = []
    for position, (members, _) in enumerate(CASES.values()):
        x, y = 1000 * (position % 10), 1000 * (position // 10)
        near = [g if g is None or isinstance(g, bytes) or g.is_empty or shapely.total_bounds(g)[0] < 1000 else moved(g, x, y)
                for _, g in members]  # fmt: skip
        features += [(label, geometry) for (label, _), geometry in zip(members, near, strict=True)]
    result = examined(spark, features, tmp_path_factory.mktemp("cases"))
    assert all(shapely.from_wkb(row["wkb"]).geom_type in ("Polygon", "Point") for row in kept(result))
    what: dict[int, set[str]] = {number: set() for number in range(len(features))}
    for row in told(result):
        what[row["number"]].add(row["what"])
    assert {row["number"] for row in kept(result)} == {n for n, found in what.items() if not found & set(FAULTS)}
    return what


@pytest.mark.parametrize("case", CASES)
def test_each_fault_and_remark_is_found_by_itself(found: dict[int, set[str]], case: str) -> None:
    first = sum(len(members) for members, _ in list(CASES.values())[: list(CASES).index(case)])
    expected = CASES[case][1]
    assert [found[first + i] for i in range(len(expected))] == expected


def test_every_fault_and_remark_has_a_case() -> None:
    assert set().union(*(what for _, expected in CASES.values() for what in expected)) == {*FAULTS, *REMARKS}


@pytest.mark.parametrize(
    ("rule", "rejected"),
    [("drop", {0, 1, 2, 3, 4, 5, 6, 7}), ("keep-first", {1, 2, 4, 6, 7}), ("keep-larger", {0, 2, 4, 5, 7})],
)
def test_of_overlapping_labels_a_rule_keeps_one(
    spark: SparkSession, tmp_path: Path, rule: Overlaps, rejected: set[int]
) -> None:
    """A chain of three, of which the middle one is the largest; two labels on one geometry; one that is a part of another.

    The last shares a piece with that one too, too small to share much ground.
    """
    chain = [("1", box(0, 0)), ("2", box(30, 0, 100)), ("3", box(120, 0)), ("1", box(0, 500)), ("2", box(0, 500))]
    small = box(1000, 0, 9, 9)
    chain += [("1", box(0, 900)), ("2", shapely.MultiPolygon([box(0, 900), box(200, 900), small])), ("3", small)]
    result = examined(spark, chain, tmp_path, rule)
    assert set(faults(result)) == rejected
    assert {row["number"] for row in kept(result)} == set(range(8)) - rejected


corner = st.integers(0, 6).map(lambda n: 25.0 * n)
single = st.builds(box, corner, corner, st.sampled_from([8.0, 50.0]), st.sampled_from([8.0, 50.0]))
bow_tie = st.builds(lambda x, y: moved(BOW_TIE, x, y), corner, corner)
geometry = st.one_of(
    st.none(),
    single,
    bow_tie,
    st.lists(single, min_size=1, max_size=3).map(shapely.MultiPolygon),
    st.builds(lambda x, y: shapely.Point(420_000 + x, 4_920_000 + y), corner, corner),
)
feature = st.tuples(st.sampled_from(["1", "2", "2", "9", None]), geometry)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(features=st.lists(feature, min_size=25, max_size=40), rule=st.sampled_from(["drop", "keep-first", "keep-larger"]))
def test_features_before_are_those_kept_and_those_rejected_and_what_is_kept_is_sound(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, features: list[Feature], rule: Overlaps
) -> None:
    result = examined(spark, features, tmp_path_factory.mktemp("before"), rule)
    pieces = kept(result)
    rejected = faults(result)
    numbers = {row["number"] for row in pieces}
    assert len(numbers) + len(rejected) == len(features) and len(set(rejected)) == len(rejected)
    assert numbers | set(rejected) == set(range(len(features)))
    shapes = [shapely.from_wkb(row["wkb"]) for row in pieces]
    assert all(shape.is_valid and shape.geom_type in ("Polygon", "Point") for shape in shapes)
    assert max(Counter(shapely.to_wkb(shapely.normalize(shapes))).values(), default=1) == 1
    if not pieces:
        return
    # what was mended is found to be sound, and stays as it is
    again = examined(spark, [(str(row["label"]), row["wkb"]) for row in pieces], tmp_path_factory.mktemp("after"), rule)
    assert faults(again) == []
    assert [(row["label"], row["wkb"]) for row in kept(again)] == [(row["label"], row["wkb"]) for row in pieces]
