"""The table of quality: how well each sample agrees with its class, whatever the partitions and the order of rows."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, Row, Window
from pyspark.sql import functions as F

from sitspark.marks import Marks
from sitspark.samples.judge import judged, load_references
from sitspark.settings import QualitySettings
from sitspark.worker import end_task

POLYGONS, TURNS = 500, 4  # reference polygons of a class, and reference samples of a polygon, at most
_SCHEMA = (
    "sample_id bigint, polygon_id bigint, label int, split string, lon double, lat double, "
    "score double, nearest_label int, outlierness double"
)


def reference_samples(samples: DataFrame, *, seed: int) -> DataFrame:
    """The training samples that all are compared with: label, place (of the polygon), turn (in it), polygon_id, features.

    Of each class as many polygons, and of each polygon as many samples, as the smallest hashes of seed and id say.
    """
    turn = Window.partitionBy("label", "polygon_id").orderBy(F.xxhash64(F.lit(seed), "sample_id"), "sample_id")
    place = Window.partitionBy("label").orderBy(F.xxhash64(F.lit(seed), "polygon_id"), "polygon_id")
    training = samples.where("split = 'train'").select("sample_id", "polygon_id", "label")
    few = training.withColumn("turn", F.row_number().over(turn)).where(F.col("turn") <= TURNS)
    chosen = few.withColumn("place", F.dense_rank().over(place)).where(F.col("place") <= POLYGONS)
    known = F.broadcast(chosen.select("sample_id", "place", "turn"))
    return samples.join(known, "sample_id").select("label", "place", "turn", "polygon_id", "features")


def quality(samples: DataFrame, references: Path, settings: QualitySettings, *, marks: Marks) -> DataFrame:
    """Judge each sample; `kept` is false for training samples that aren't learnt from, and for no other."""
    neighbours = settings.neighbours

    def judge(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        known = load_references(references)
        for batch in batches:
            yield judged(batch, known, neighbours=neighbours)
            marks.add(str(batch["sample_id"][0]), len(batch))
        end_task()

    columns = ("sample_id", "polygon_id", "label", "split", "lon", "lat", "features")
    found = samples.select(*columns).mapInArrow(judge, _SCHEMA)
    dropped = F.lit(False)
    if settings.max_score is not None:
        dropped = F.coalesce((F.col("split") == "train") & (F.col("score") > settings.max_score), F.lit(False))
    return found.withColumn("kept", ~dropped)


def kept_of(samples: DataFrame, table: DataFrame) -> DataFrame:
    """The samples but those that a table of quality drops."""
    return samples.join(F.broadcast(table.where("not kept").select("sample_id")), "sample_id", "left_anti")


def by_class(table: DataFrame) -> list[Row]:
    """label, training, judged, doubtful (nearer to another class), dropped: samples of each class, in the order of codes."""
    rules = {"training": "split = 'train'", "judged": "score is not null", "doubtful": "score > 1", "dropped": "not kept"}
    counts = (F.count_if(F.expr(rule)).alias(name) for name, rule in rules.items())
    return table.groupBy("label").agg(*counts).orderBy("label").collect()


def worst_polygons(table: DataFrame, count: int) -> list[Row]:
    """polygon_id, label, split, samples, score, outlierness (means), suggested, lon, lat: of the largest mean scores first.

    `suggested` is the class that most of its samples are nearest to, of equally frequent ones the first; lon and lat are those
    of one sample.
    """
    keys = ("polygon_id", "label", "split")
    voted = table.where("score is not null").groupBy(*keys, "nearest_label")
    place = F.min_by(F.struct("lon", "lat"), "sample_id").alias("place")
    sums = voted.agg(
        F.count("*").alias("votes"),
        F.sum("score").alias("score"),
        F.sum("outlierness").alias("outlierness"),
        F.min("sample_id").alias("sample_id"),
        place,
    )
    most = F.max_by("nearest_label", F.struct("votes", -F.col("nearest_label"))).alias("suggested")
    means = (
        F.sum("votes").alias("samples"),
        (F.sum("score") / F.sum("votes")).alias("score"),
        (F.sum("outlierness") / F.sum("votes")).alias("outlierness"),
    )
    polygons = sums.groupBy(*keys).agg(*means, most, F.min_by("place", "sample_id").alias("place"))
    ordered = polygons.orderBy(F.desc("score"), "polygon_id").limit(count)
    return ordered.select(*keys, "samples", "score", "outlierness", "suggested", "place.lon", "place.lat").collect()
