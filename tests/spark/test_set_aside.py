from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from sitspark.accuracy.fold_classes import FoldModels
from sitspark.accuracy.reliability import Reliability
from sitspark.accuracy.sample_confusion import sample_confusion
from sitspark.accuracy.set_aside import reliability_of, some_set_aside
from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models.committee import Member
from sitspark.models.inference import Classifier
from sitspark.models.loop import train
from sitspark.models.selection import Ground
from sitspark.samples.divisions import with_all_runs
from tests.models.tables import SPACE, Table, job, separable, write


@pytest.fixture(scope="module")
def table() -> Table:
    return separable(3000)


@pytest.fixture(scope="module")
def samples(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(table, tmp_path_factory.mktemp("set_aside") / "samples")


@pytest.fixture(scope="module")
def model(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    done = job(samples, tmp_path_factory.mktemp("model"), epochs=1, learning_rate=1e-3)
    train(done)
    return done.folder


def test_reliability_is_that_of_the_samples_set_aside(spark: SparkSession, table: Table, samples: Path, model: Path) -> None:
    found = reliability_of(spark.read.parquet(str(samples)), [Member(model)])
    again = reliability_of(spark.read.parquet(str(samples)).repartition(5), [Member(model)])
    assert [(of.samples, of.accuracy, of.deviation) for of in again.plain.bins] == [
        (of.samples, of.accuracy, of.deviation) for of in found.plain.bins
    ]
    assert again.plain.error == pytest.approx(found.plain.error, abs=1e-7)  # products round by a row's place among others
    aside = table.split == "validation"
    classifier = Classifier.load(model)
    assert classifier.temperature != 1 and found.calibrated is not None
    for diagram, temperature in ((found.plain, 1.0), (found.calibrated, classifier.temperature)):
        position, confidence = replace(classifier, temperature=temperature).classify(table.features[aside])
        expected = Reliability.between(confidence, classifier.codes[position] == table.label[aside])
        assert [of.samples for of in diagram.bins] == [of.samples for of in expected.bins]
        assert diagram.error == pytest.approx(expected.error, abs=1e-7)
        assert diagram.accuracy == pytest.approx(expected.accuracy)
    assert found.polygons == len(set((np.arange(len(table.label)) // 7)[aside]))
    assert any(of.deviation for of in found.plain.bins)


def test_some_of_each_class_are_drawn_by_their_ids(spark: SparkSession, table: Table, samples: Path) -> None:
    aside = table.split == "validation"
    counts = {code: int((table.label[aside] == code).sum()) for code in (11, 12, 31)} | {99: 0}
    frame = spark.read.parquet(str(samples))
    drawn = some_set_aside(frame, counts, per_class=100, seed=0)
    features, labels = drawn.features, drawn.labels
    assert features.shape == (len(labels), len(SPACE))
    for code in (11, 12, 31):
        assert abs(np.count_nonzero(labels == code) - 100) < 40  # three deviations of as many draws
    again = some_set_aside(frame.repartition(3), counts, per_class=100, seed=0).features
    np.testing.assert_array_equal(again, features)
    other = some_set_aside(frame, counts, per_class=100, seed=1).features
    assert other.shape != features.shape or (other != features).any()
    everything = some_set_aside(frame, counts, per_class=10**6, seed=0)
    np.testing.assert_array_equal(everything.features, table.features[aside])
    np.testing.assert_array_equal(everything.labels, table.label[aside])
    assert len(some_set_aside(frame, {11: 0}, per_class=5, seed=0)) == 0


def test_samples_are_judged_by_the_models_of_their_ground(
    spark: SparkSession, table: Table, samples: Path, model: Path
) -> None:
    """Of a ground without a model they count as unclassified by folds, and are left out of the confidence."""
    region = F.expr("element_at(array('a', 'b', null), cast(sample_id % 3 as int) + 1)")
    told = F.col("features").alias("features", metadata={"feature_space": SPACE.to_json()})
    frame = spark.read.parquet(str(samples)).withColumns({"region": region, "features": told})
    members = (Member(model, ground=Ground("region", "a")), Member(model, ground=Ground("region", "b")))
    aside = table.split == "validation"
    known = np.arange(len(table.label)) % 3 < 2
    found = reliability_of(frame, members)
    assert found.plain.samples == (aside & known).sum()
    rows = sample_confusion(with_all_runs(frame, None, on="sample_id", runs=1), [FoldModels("31TCJ", members)]).collect()
    counted = aside | (table.fold == "31TCJ")
    position, _ = Classifier.load(model).classify(table.features)
    right = Classifier.load(model).codes[position] == table.label
    assert sum(row.pixels for row in rows if row.predicted == 0) == (counted & ~known).sum() > 0
    assert sum(row.pixels for row in rows if row.predicted == row.reference) == (counted & known & right).sum()


def test_models_of_other_features_are_not_compared_with_samples(spark: SparkSession, samples: Path, model: Path) -> None:
    (sensor,) = SPACE.sensors
    turned = FeatureSpace((replace(sensor, bands=("B8", "B4", "B11")),))
    frame = with_all_runs(spark.read.parquet(str(samples)), None, on="sample_id", runs=1)
    told = F.col("features").alias("features", metadata={"feature_space": turned.to_json()})
    with pytest.raises(SitsparkError, match=r"takes 12 features \(b4_20180101, not b8_20180101\) and the samples table has 12"):
        sample_confusion(frame.withColumn("features", told), [FoldModels("31TCJ", (Member(model),))])
    with pytest.raises(SitsparkError, match="don't say what their features are"):
        sample_confusion(frame, [FoldModels("31TCJ", (Member(model),))])
