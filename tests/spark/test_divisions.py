"""Dividing samples anew for further runs, without choosing pixels again."""

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from sitspark.samples.divisions import UNUSED, of_run, redivided, with_all_runs

COUNT = 4000
ROLES = {1: ("train", "fold-1"), 2: ("validation", "fold-1"), 3: ("train", "fold-2"), 4: ("validation", "fold-2")}


@pytest.fixture
def samples() -> pd.DataFrame:
    """Of four polygons in turn: 1 and 2 trained before, 3 and 4 were set aside."""
    polygon = pd.Series(range(COUNT)) % 4 + 1
    split = polygon.map(lambda one: "train" if one <= 2 else "validation")
    return pd.DataFrame(
        {"sample_id": range(COUNT), "polygon_id": polygon, "label": 7, "split": split, "monitored": False, "fold": "fold-1"}
    )


@pytest.fixture
def divided() -> pd.DataFrame:
    """Now 1 and 3 train."""
    rows = [(polygon, split, polygon == 1, fold) for polygon, (split, fold) in ROLES.items()]
    return pd.DataFrame(rows, columns=["polygon_id", "split", "monitored", "fold"])


def test_samples_take_the_part_of_their_polygon_and_those_set_aside_before_are_thinned(
    spark: SparkSession, samples: pd.DataFrame, divided: pd.DataFrame
) -> None:
    frames = spark.createDataFrame(samples), spark.createDataFrame(divided)
    found = redivided(*frames, on=["polygon_id"], shares={7: 0.4}, seed=3).toPandas()
    assert len(found) == COUNT
    for polygon, (split, fold) in ROLES.items():
        own = found[found["polygon_id"] == polygon]
        assert set(own["fold"]) == {fold}
        assert own["monitored"].all() == (polygon == 1)
        if polygon != 3:
            assert set(own["split"]) == {split}
    thinned = found[found["polygon_id"] == 3]["split"].value_counts()
    # 1000 draws of probability 0.4 stray by 0.016 (standard deviation): four times that
    assert set(thinned.index) == {"train", UNUSED} and abs(thinned["train"] / 1000 - 0.4) < 0.065
    again = redivided(frames[0].repartition(5), frames[1], on=["polygon_id"], shares={7: 0.4}, seed=3).toPandas()
    columns = ["sample_id", "split", "monitored", "fold"]
    pd.testing.assert_frame_equal(*(one.sort_values("sample_id")[columns].reset_index(drop=True) for one in (found, again)))


def test_the_table_of_further_runs_says_split_and_fold_of_each(
    spark: SparkSession, samples: pd.DataFrame, divided: pd.DataFrame
) -> None:
    frame = spark.createDataFrame(samples)
    again = redivided(frame, spark.createDataFrame(divided), on=["polygon_id"], shares={}, seed=0)
    table = again.selectExpr("2 as run", "sample_id", "split", "monitored", "fold")
    wide = with_all_runs(frame, table, on="sample_id", runs=2).where("sample_id < 4").orderBy("sample_id").collect()
    before = [("train", "fold-1")] * 2 + [("validation", "fold-1")] * 2
    assert [(row.split_1, row.fold_1) for row in wide] == before
    assert [(row.split_2, row.fold_2) for row in wide] == [ROLES[row.polygon_id] for row in wide]
    assert of_run(frame, table, 2).where("polygon_id = 3").select("split").distinct().collect()[0].split == "train"
