"""What features have in common, without Spark: twins, shared ground, who loses."""

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.errors import SitsparkError
from sitspark.ground_truth import overlaps
from sitspark.ground_truth.blocks import block_of, into_squares
from sitspark.ground_truth.overlaps import PAIRS, Overlaps, Ruler, losers, shared_ground, sharing_too_much
from sitspark.ground_truth.twins import twins

feature = st.tuples(st.integers(1, 3), st.integers(1, 2))  # shape, label


@settings(deadline=None)  # kernels are compiled at the first call
@given(features=st.lists(feature, max_size=12), keep_first=st.booleans(), order=st.randoms())
def test_of_one_shape_the_first_stays_or_none_where_labels_differ(features: list, keep_first: bool, order) -> None:
    numbered = list(enumerate(features))
    order.shuffle(numbered)
    number, rows = np.array([n for n, _ in numbered]), [row for _, row in numbered]
    shape, label = (np.array([row[column] for row in rows], np.int64) for column in (0, 1))
    found = twins(shape, number, label.astype(np.int32), keep_first=keep_first)
    slow = {}
    for n, (own_shape, own_label) in enumerate(features):
        same = [(m, other) for m, (s, other) in enumerate(features) if s == own_shape]
        first = min(same)
        conflict = own_label != first[1] if keep_first else len({other for _, other in same}) > 1
        if conflict or n != first[0]:
            slow[n] = (min(m for m, other in same if not conflict or other != own_label), conflict)
    told = zip(number[found.lost].tolist(), number[found.other].tolist(), found.conflict.tolist(), strict=True)
    assert {n: rest for n, *rest in told} == {n: list(rest) for n, rest in slow.items()}


place = st.integers(0, 30).map(lambda n: n / 4)
polygon = st.builds(lambda x, y, w: shapely.box(x, y, x + w, y + 1), place, place, st.sampled_from([0.5, 4.0]))


@settings(deadline=None)  # kernels are compiled at the first call
@given(features=st.lists(st.tuples(st.integers(1, 2), st.lists(polygon, min_size=1, max_size=2)), max_size=8))
def test_squares_and_blocks_change_no_shared_ground(features: list) -> None:
    """The ground that two features share is the sum over their pieces, wherever borders of squares lie."""
    rows = [(n, label, part) for n, (label, parts) in enumerate(features) for part in parts]
    shapes = np.array([part for *_, part in rows], object)
    pieces = pa.table(
        {
            "number": pa.array([n for n, *_ in rows], pa.int64()),
            "label": pa.array([label for _, label, _ in rows], pa.int32()),
            "area_m2": pa.array(shapely.area(shapes), pa.float64()),
            "wkb": pa.array(shapely.to_wkb(shapes), pa.binary()),
        }
    )
    ruler = Ruler("EPSG:32631", "EPSG:32631", 1.0, 0.3)
    polygons, squares = into_squares(pieces, shapes, 2.0)
    block = block_of(squares, 3)
    found = [shared_ground(polygons.filter(pa.array(block == b)), ruler) for b in range(3)]
    pairs = sharing_too_much(pa.concat_tables(found), ruler).to_pylist()
    single = [parts[0].wkb if len(parts) == 1 else None for _, parts in features]
    copies = {n for n, wkb in enumerate(single) if wkb is not None and wkb in single[:n]}  # go anyway, compared or not
    pairs = [pair for pair in pairs if not copies & {pair["a"], pair["b"]}]
    slow = {}
    for i, (a_label, a) in enumerate(features):
        for j, (b_label, b) in list(enumerate(features))[i + 1 :]:
            common = sum(p.intersection(q).area for p in a for q in b)
            if a_label != b_label and common > 0.3 + 1e-9 and not copies & {i, j}:
                slow[i, j] = (sum(p.area for p in a), sum(q.area for q in b), common)
    assert {(p["a"], p["b"]): (p["a_area"], p["b_area"], p["common"]) for p in pairs} == {
        key: pytest.approx(value) for key, value in slow.items()
    }


@pytest.mark.parametrize(
    ("rule", "lost"),
    [
        ("drop", {1: 2, 2: 1, 3: 2}),
        ("keep-first", {2: 1, 3: 2}),
        ("keep-larger", {1: 2, 3: 2}),
    ],
)
def test_who_loses_a_pair(rule: Overlaps, lost: dict[int, int]) -> None:
    """1 and 2 share ground, and 2 and 3, of which 2 is the largest."""
    pairs = pa.table([[1, 2], [2, 3], [5.0, 9.0], [9.0, 5.0], [1.0, 1.0]], schema=PAIRS)
    assert {row["number"]: row["other"] for row in losers(pairs, rule).to_pylist()} == lost


def test_of_two_that_are_equally_large_the_first_is_kept() -> None:
    pairs = pa.table([[1], [2], [5.0], [5.0], [1.0]], schema=PAIRS)
    assert losers(pairs, "keep-larger").to_pylist() == [{"number": 2, "other": 1}]


@pytest.mark.parametrize("count", [1, 7])
def test_blocks_are_within_their_number_and_hang_on_the_place_alone(count: int) -> None:
    squares = np.array([(x, y) for x in range(-20, 20) for y in range(-20, 20)])
    block = block_of(squares, count)
    assert block.min() >= 0 and block.max() == count - 1
    assert (block_of(squares[::-1], count)[::-1] == block).all()
    assert np.bincount(block).min() > len(squares) / count / 2


def polygons_of(shapes: list[shapely.Polygon], labels: list[int], numbers: list[int]) -> pa.Table:
    pieces = pa.table(
        {
            "number": pa.array(numbers, pa.int64()),
            "label": pa.array(labels, pa.int32()),
            "area_m2": shapely.area(shapes),
            "wkb": pa.array(shapely.to_wkb(shapes), pa.binary()),
        }
    )
    return into_squares(pieces, np.array(shapes, object), 1000.0)[0]


def test_copies_of_a_polygon_are_not_compared_but_the_first_is() -> None:
    """Ten thousand copies would be pairs of millions; of a feature of two pieces each counts."""
    copied, other = shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10)
    shapes, labels = [copied, copied, copied, other, copied], [1, 2, 1, 3, 4]
    found = shared_ground(
        polygons_of([*shapes, other], [*labels, 4], [7, 3, 9, 5, 6, 6]), Ruler("EPSG:32631", "EPSG:32631", 1.0, 1.0)
    )
    assert sorted(zip(found["a"].to_pylist(), found["b"].to_pylist(), strict=True)) == [(3, 5), (3, 6), (3, 6), (5, 6), (5, 6)]


def test_polygons_that_lie_on_one_another_by_thousands_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlaps, "_MOST", 100)
    stacked = [shapely.box(i / 100, 0, 10 + i / 100, 10) for i in range(30)]
    with pytest.raises(
        SitsparkError, match=r"lie on one another by thousands, as near x 5.*rows \d+ and \d+; .* take them apart"
    ):
        shared_ground(polygons_of(stacked, list(range(30)), list(range(30))), Ruler("EPSG:32631", "EPSG:32631", 1.0, 1.0))


@pytest.mark.parametrize(
    ("crs", "pixels_crs", "resolution", "side"),
    [
        pytest.param("EPSG:32631", "EPSG:32631", 10.0, 10_240.0, id="metres"),
        pytest.param("EPSG:4326", "EPSG:32631", 10.0, 10_240 / 111_320, id="polygons in degrees, pixels in metres"),
        pytest.param("EPSG:4326", "EPSG:4326", 1e-4, 0.1024, id="both in degrees"),
    ],
)
def test_squares_are_as_many_pixels_wide_in_any_crs(crs: str, pixels_crs: str, resolution: float, side: float) -> None:
    assert Ruler(crs, pixels_crs, resolution, 1.0).side == pytest.approx(side)
