"""Choosing pixels: counts are exact, and nothing hangs on the order of rows."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.samples.frames import choose
from sitspark.settings import SamplesSettings


def pixels(spark: SparkSession, counts: dict[int, int], partitions: int = 3) -> DataFrame:
    rows = [
        (label * 100_000 + i, label, f"t{i % 2}", "train" if i % 3 else "validation", i // 50, i % 50)
        for label, count in counts.items()
        for i in range(count)
    ]
    return spark.createDataFrame(rows, "sample_id bigint, label int, tile string, split string, row int, col int").repartition(
        partitions
    )


@pytest.mark.parametrize("sampler", ["periodic", "random"])
def test_exactly_the_asked_number_of_each_class_and_set_is_chosen(spark: SparkSession, sampler: str) -> None:
    chosen = choose(pixels(spark, {1: 900, 2: 90, 3: 5}), SamplesSettings(sampler=sampler, per_class=37), seed=0)
    counts = {(row.label, row.split): row["count"] for row in chosen.groupBy("label", "split").count().collect()}
    assert counts == {
        (1, "train"): 37,
        (1, "validation"): 37,
        (2, "train"): 37,
        (2, "validation"): 30,
        (3, "train"): 3,
        (3, "validation"): 2,
    }
    assert chosen.select("sample_id").distinct().count() == chosen.count()


@pytest.mark.parametrize("sampler", ["periodic", "random"])
def test_the_choice_does_not_depend_on_partitions(spark: SparkSession, sampler: str) -> None:
    settings = SamplesSettings(sampler=sampler, per_class=20)

    def ids(partitions: int) -> list[int]:
        return [
            r.sample_id for r in choose(pixels(spark, {1: 300}, partitions), settings, seed=4).orderBy("sample_id").collect()
        ]

    assert ids(1) == ids(5)


def test_periodic_choice_is_evenly_spread(spark: SparkSession) -> None:
    """20 of 200 training pixels in the order (tile, row, column): one of every ten."""
    everything = pixels(spark, {1: 300}).where("split = 'train'").orderBy("tile", "row", "col").collect()
    rank = {row.sample_id: i for i, row in enumerate(everything)}
    chosen = choose(pixels(spark, {1: 300}), SamplesSettings(per_class=20), seed=0).where(F.col("split") == "train").collect()
    assert sorted(rank[row.sample_id] for row in chosen) == list(range(9, 200, 10))


def test_random_choice_follows_the_seed(spark: SparkSession) -> None:
    settings = SamplesSettings(sampler="random", per_class=20)
    ids = [{r.sample_id for r in choose(pixels(spark, {1: 300}), settings, seed=s).collect()} for s in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]


def test_without_a_bound_all_pixels_are_samples(spark: SparkSession) -> None:
    assert choose(pixels(spark, {1: 30, 2: 4}), SamplesSettings(per_class=None), seed=0).count() == 34
