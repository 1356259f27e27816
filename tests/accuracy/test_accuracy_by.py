"""Where a map is right: which pixels belong together, what is counted of them, and how that is told."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sitspark.accuracy.accuracy_by import (
    CLEAR_DATES,
    DISTANCE,
    MOST_BINS,
    TILE,
    GroupAccuracy,
    accuracy_by,
    in_words,
    kinds_of,
)
from sitspark.accuracy.accuracy_by_figure import accuracy_by_figure
from sitspark.accuracy.bootstrap import Interval
from sitspark.accuracy.score_tables import accuracy_by_csv
from sitspark.accuracy.training_distance import kilometres_to_training

from .plausible import grouped_counts as counts
from .test_figures import drawn


def test_every_pixel_is_in_one_group_of_each_kind() -> None:
    table = counts()
    groups = accuracy_by(table, seed=0)
    for kind, of in kinds_of(groups).items():
        assert sum(group.pixels for group in of) == table["pixels"].sum(), kind
        assert sum(group.correct for group in of) == table.loc[table["right"], "pixels"].sum()
    assert set(kinds_of(groups)) == {CLEAR_DATES, DISTANCE, TILE}


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 1000)), min_size=1, max_size=80),
)
def test_bins_of_clear_dates_are_few_apart_and_whole(rows: list[tuple[int, int]]) -> None:
    table = pd.DataFrame(rows, columns=[CLEAR_DATES, "pixels"]).assign(polygon_id=0, right=True)
    groups = accuracy_by(table, seed=0)
    assert 1 <= len(groups) <= MOST_BINS
    assert sum(group.pixels for group in groups) == table["pixels"].sum()
    bounds = [bound for group in groups for bound in (group.lower, group.upper)]
    assert bounds == sorted(bounds) and all(one.upper < other.lower for one, other in pairwise(groups))
    for group in groups:
        assert group.pixels == table.loc[table[CLEAR_DATES].between(group.lower, group.upper), "pixels"].sum()


def test_bins_of_clear_dates_hold_about_as_many_pixels_each() -> None:
    table = pd.DataFrame({CLEAR_DATES: np.arange(60), "pixels": 10, "polygon_id": np.arange(60), "right": True})
    assert [group.pixels for group in accuracy_by(table, seed=0)] == [100] * MOST_BINS


def test_distances_have_fixed_bounds_and_those_without_pixels_are_left_out() -> None:
    distance = [0.0, 0.49, 0.5, 3.0, 10.0, 250.0, np.nan]
    table = pd.DataFrame({DISTANCE: distance, "pixels": 1, "polygon_id": range(7), "right": [True] * 6 + [False]})
    found = [(group.label, group.pixels, group.accuracy) for group in accuracy_by(table, seed=0)]
    assert found == [("0 to 0.5", 2, 1), ("0.5 to 1", 1, 1), ("2 to 5", 1, 1), ("10 or more", 2, 1)]


def test_intervals_are_those_of_polygons_drawn_anew() -> None:
    """The more polygons share the pixels, the surer is the share; of a few there is none."""
    random = np.random.default_rng(0)
    widths = {}
    for polygons in (4, 20, 500):
        ids = np.repeat(np.arange(polygons), 2)
        right = np.tile([True, False], polygons)
        pixels = np.where(right, 1000 + 400 * random.standard_normal(2 * polygons), 200).astype(int)
        table = pd.DataFrame({"polygon_id": ids, "right": right, "pixels": pixels, TILE: "a"})
        (group,) = accuracy_by(table, seed=0)
        assert group.polygons == polygons
        widths[polygons] = group.interval and group.interval.high - group.interval.low
    assert widths[4] is None
    assert widths[20] > 3 * widths[500] > 0


def test_groups_dont_hang_on_the_order_of_rows() -> None:
    table = counts()
    assert accuracy_by(table.sample(frac=1, random_state=1), seed=0) == accuracy_by(table, seed=0)


def test_facts_are_json_and_lead_back() -> None:
    groups = accuracy_by(counts(60), seed=0)
    assert any(group.interval is None for group in groups) and any(group.interval for group in groups)
    facts = json.loads(json.dumps([group.to_facts() for group in groups]))
    assert tuple(map(GroupAccuracy.from_facts, facts)) == groups
    lines = accuracy_by_csv(groups).splitlines()
    assert lines[0] == "kind,name,lower,upper,pixels,correct,polygons,accuracy,low,high" and len(lines) == len(groups) + 1
    assert accuracy_by_csv(()).strip() == ""


TWO = (
    GroupAccuracy(CLEAR_DATES, None, 3, 8, 1000, 800, 30, Interval(0.75, 0.84)),
    GroupAccuracy(CLEAR_DATES, None, 9, 9, 1000, 912, 30, Interval(0.89, 0.93)),
)


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (TWO, "Of pixels with 3 to 8 clear dates 80.0 % are right, of pixels with 9 clear dates 91.2 % are right; their"),
        (TWO, "their intervals don’t overlap."),
        ((TWO[0], replace(TWO[1], interval=Interval(0.8, 0.95))), "may be chance"),
        ((TWO[0], replace(TWO[1], interval=None)), "too few polygons"),
        (
            (TWO[0], replace(TWO[1], correct=800)),
            "Of pixels with 3 to 8 clear dates as many are right as of pixels with 9 clear dates: 80.0 %.",
        ),
        (
            (
                GroupAccuracy(TILE, "b", None, None, 100, 90, 9, None),
                GroupAccuracy(TILE, "a", None, None, 100, 95, 9, None),
                GroupAccuracy(TILE, "c", None, None, 100, 70, 9, None),
            ),
            "Of pixels on tile c 70.0 % are right, of pixels on tile a 95.0 % are right",
        ),
        (
            (GroupAccuracy(DISTANCE, None, 0, 0.5, 9, 9, 2, None), GroupAccuracy(DISTANCE, None, 10, None, 9, 3, 2, None)),
            "of pixels of polygons 10 or more km from the nearest one that trains 33.3 % are right",
        ),
    ],
)  # fmt: skip
def test_a_sentence_says_how_far_the_ends_are_apart(groups: tuple[GroupAccuracy, ...], sentence: str) -> None:
    assert sentence in in_words(groups)


def test_the_figure_is_drawn_of_many_tiles_and_of_few_polygons() -> None:
    drawn(accuracy_by_figure(accuracy_by(counts(), seed=0), 0.8))
    tiles = [GroupAccuracy(TILE, f"$T{number}", None, None, 10, number % 11, 3, None) for number in range(80)]
    drawn(accuracy_by_figure(tiles, None))


def test_kilometres_are_those_between_the_edges_of_the_nearest_pieces(tmp_path: Path) -> None:
    """A polygon in two pieces is as far as the nearer one; what neither trains nor is set aside is not asked."""
    pieces = [
        (1, "train", shapely.box(0, 0, 100, 100)),
        (2, "train", shapely.box(9_000, 0, 9_100, 100)),
        (3, "validation", shapely.box(600, 0, 700, 100)),
        (4, "validation", shapely.box(3_100, 0, 3_200, 100)),
        (4, "validation", shapely.box(7_900, 0, 8_000, 100)),
        (5, "buffer", shapely.box(120, 0, 130, 100)),
        (6, "validation", shapely.box(50, 50, 150, 60)),
    ]
    table = geopandas.GeoDataFrame(pieces, columns=["polygon_id", "split", "geometry"], crs="EPSG:32631")
    table.to_parquet(tmp_path / "part-0.parquet")
    assert kilometres_to_training(tmp_path, "EPSG:32631").to_dict() == {3: 0.5, 4: 1.0, 6: 0.0}
    feet = kilometres_to_training(tmp_path, "EPSG:2263")  # of US survey feet
    assert feet[3] == pytest.approx(0.5 * 1200 / 3937)
    assert kilometres_to_training(tmp_path, "EPSG:4326").empty
    table[table["split"] != "train"].to_parquet(tmp_path / "part-0.parquet")
    assert kilometres_to_training(tmp_path, "EPSG:32631").empty
