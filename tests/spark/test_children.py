"""Samples made for rare classes: of training samples alone, each within its fold, the same whatever the partitions."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.samples.children import Group, children, fitted_by_group, wanted_children
from sitspark.settings import AugmentationSettings

SCHEMA = (
    "sample_id bigint, polygon_id bigint, label int, tile string, fold string, split string, monitored boolean, "
    "features array<float>"
)
FOLDS = ("north", "it's south", None)


def rows() -> pd.DataFrame:
    """Features that say where a sample comes from: its fold, its use, and its own number; class 3 is rare."""
    random = np.random.default_rng(0)
    found = []
    for number in range(400):
        label = int(random.choice([1, 1, 1, 1, 2, 2, 3]))
        fold = int(random.integers(3))
        split = str(random.choice(["train", "train", "validation"]))
        monitored = split == "train" and random.random() < 0.2
        use = 0.0 if split == "train" and not monitored else 1.0
        features = np.array([fold * 1000, use, label, random.normal(), random.normal()], np.float32)
        found.append((number, number // 4, label, "t", FOLDS[fold], split, monitored, features.tolist()))
    return pd.DataFrame(found, columns=[part.split()[0] for part in SCHEMA.split(", ")])


ROWS = rows()
FITTED = ROWS[(ROWS["split"] == "train") & ~ROWS["monitored"]]


@pytest.fixture(scope="module")
def samples(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, SCHEMA).repartition(3).cache()


def grown(
    samples: DataFrame, settings: AugmentationSettings, least: dict[int, int] | None = None, seed: int = 0
) -> pd.DataFrame:
    wanted = wanted_children(fitted_by_group(samples), settings, least or {})
    return children(samples, wanted, settings, seed=seed).toPandas()


@pytest.mark.parametrize("method", ["replicate", "jitter", "smote"])
def test_no_sample_that_is_set_aside_or_monitored_nor_a_child_of_one_trains(samples: DataFrame, method: str) -> None:
    """Features tell of both ends of a child: they are those of one fold, one class, and of samples that are fitted."""
    made = grown(samples, AugmentationSettings(method=method, std_factor=1e6) if method == "jitter"
                 else AugmentationSettings(method=method))  # fmt: skip
    assert set(made["sample_id"]) <= set(FITTED["sample_id"]) and set(made["split"]) == {"train"}
    assert not made["monitored"].any()
    values = np.stack(made["features"].to_numpy())
    parents = ROWS.set_index("sample_id").loc[made["sample_id"]]
    assert np.allclose(values[:, :3], np.stack(parents["features"].to_numpy())[:, :3], atol=0.1)
    for name in ("polygon_id", "label", "fold"):
        assert made[name].fillna("none").tolist() == parents[name].fillna("none").tolist()
    # a model that leaves a fold out sees no child that has an end in it
    fold = made["fold"].map({"north": 0, "it's south": 1000}).fillna(2000)
    assert np.allclose(values[:, 0], fold, atol=0.1)


@pytest.mark.parametrize(
    ("settings", "least", "reached"),
    [
        ({"strategy": "balance"}, {}, lambda count: max(count.values())),
        ({"strategy": "minimum", "minimum": 70}, {}, lambda count: 70),
        ({"strategy": "byclass", "by_class": {3: 33}}, {3: 33}, lambda count: 33),
    ],
)
def test_a_class_has_what_the_strategy_asks_for(samples: DataFrame, settings: dict, least: dict, reached) -> None:
    before = Counter(FITTED["label"])
    made = grown(samples, AugmentationSettings(method="replicate", **settings), least)
    after = before + Counter(made["label"])
    asked = least or dict.fromkeys(before, reached(before))
    assert after == {label: max(count, asked.get(label, 0)) for label, count in before.items()}
    # folds keep their shares, so that a model without one is as balanced
    of_rare, had = (
        Counter(made["fold"][made["label"] == 3].fillna("")),
        Counter(FITTED["fold"][FITTED["label"] == 3].fillna("")),
    )
    missing = asked[3] - before[3]
    assert all(abs(of_rare[fold] - missing * count / before[3]) < 1 for fold, count in had.items())


def test_neither_partitions_nor_the_order_of_rows_change_a_child(samples: DataFrame) -> None:
    def told(frame: pd.DataFrame) -> list:
        return sorted((row.sample_id, tuple(row.features)) for row in frame.itertuples())

    settings = AugmentationSettings(method="smote", strategy="minimum", minimum=60)
    first = told(grown(samples, settings))
    assert first == told(grown(samples.orderBy("sample_id", ascending=False).coalesce(1), settings))
    assert first != told(grown(samples, settings, seed=1))


def test_a_class_that_has_enough_gets_nothing_and_an_absent_one_neither() -> None:
    settings = AugmentationSettings(method="replicate", strategy="byclass", by_class={1: 5, 2: 50, 9: 50})
    fitted = {Group(1, "a"): 10, Group(2, "a"): 40, Group(2, "b"): 5}
    assert wanted_children(fitted, settings, {1: 5, 2: 50, 9: 50}) == {Group(2, "a"): 4, Group(2, "b"): 1}


def test_each_ground_that_has_a_model_of_its_own_is_balanced_by_its_own_samples(samples: DataFrame) -> None:
    """A child has both ends on one ground: their first feature says which."""
    placed = samples.withColumn("tile", F.expr("if(features[0] = 0, 'a', 'b')"))
    settings = AugmentationSettings(method="smote")
    wanted = wanted_children(fitted_by_group(placed, "tile"), settings, {})
    made = children(placed, wanted, settings, seed=0, ground="tile").toPandas()
    ground = FITTED["fold"].map(lambda fold: "a" if fold == "north" else "b")
    for tile in ("a", "b"):
        own = Counter(FITTED["label"][ground == tile])
        after = own + Counter(made["label"][made["tile"] == tile])
        assert set(after.values()) == {max(own.values())}
    assert (np.stack(made["features"].to_numpy())[:, 0][made["tile"] == "a"] == 0).all()
    assert (np.stack(made["features"].to_numpy())[:, 0][made["tile"] == "b"] > 0).all()


def test_only_the_models_that_are_named_learn_from_children() -> None:
    settings = AugmentationSettings(method="replicate", models=("b",))
    fitted = {Group(1, ground="a"): 9, Group(2, ground="a"): 4, Group(1, ground="b"): 7, Group(2, ground="b"): 4}
    assert wanted_children(fitted, settings, {}) == {Group(2, ground="b"): 3}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"method": "smote", "std_factor": 3}, "std_factor, which isn't of smote"),
        ({"method": "jitter", "neighbours": 3}, "neighbours, which isn't of jitter"),
        ({"method": "smote", "strategy": "minimum"}, "which needs minimum"),
        ({"method": "smote", "minimum": 5}, "minimum, which isn't of balance"),
    ],
)
def test_a_key_that_would_be_ignored_is_refused(keys: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AugmentationSettings(**keys)
