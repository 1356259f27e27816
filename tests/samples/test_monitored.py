from collections import Counter

from pyspark.sql import DataFrame, SparkSession

from sitspark.samples.monitored import monitor_pixels

COUNTS = {11: 40, 12: 7, 31: 1}  # samples that train, by class


def samples(spark: SparkSession) -> DataFrame:
    rows = [(100 * label + i, label, "train", False) for label, count in COUNTS.items() for i in range(count)]
    aside = [(9000 + i, 11, "validation", False) for i in range(20)]
    return spark.createDataFrame(rows + aside, "sample_id bigint, label int, split string, monitored boolean")


def monitored(table: DataFrame) -> set[int]:
    return {row.sample_id for row in table.where("monitored").collect()}


def test_a_share_of_each_class_is_monitored_never_all_and_nothing_set_aside(spark: SparkSession) -> None:
    found = Counter(sample // 100 for sample in monitored(monitor_pixels(samples(spark), share=0.2, seed=1)))
    assert found == {11: 8, 12: 1}


def test_the_choice_follows_from_seed_and_ids_alone(spark: SparkSession) -> None:
    first, moved, other = (
        monitored(monitor_pixels(table, share=0.5, seed=seed))
        for table, seed in ((samples(spark), 1), (samples(spark).repartition(5, "sample_id"), 1), (samples(spark), 2))
    )
    assert first == moved != other
