"""Which grounds have models of their own: those with samples to train on, whatever is left out."""

from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sitspark.errors import SitsparkError
from sitspark.models.selection import Ground
from sitspark.workflow.members import grounds_of, planned_models

ROWS = [
    ("train", "31TCJ", "north"),
    ("train", "31TCK", "north"),
    ("train", "31TCJ", "south"),  # in one tile only
    ("validation", "31TCK", "west"),  # nothing to train on
    ("train", None, "east"),  # never left out
]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def context(spark: SparkSession, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("sitspark.workflow.members._share_beside", lambda _context: 0.25)
    samples = spark.createDataFrame(ROWS, "split string, fold string, region string")
    training = SimpleNamespace(ground_column="region", ensemble=2)
    return SimpleNamespace(
        settings=SimpleNamespace(training=training, seed=7),
        table=lambda _name: samples,
        regions_on_grid=dict.fromkeys(("north", "south", "west", "east")),
        voice=SimpleNamespace(note=said.append),
    )


@pytest.mark.parametrize(
    ("without", "names", "bare"),
    [
        (None, ["east", "north", "south"], "no sample to train on in west: nothing is drawn there"),
        ("31TCJ", ["east", "north"], "no sample to train on without 31TCJ in south, west: nothing is drawn there"),
        ("31TCK", ["east", "north", "south"], "no sample to train on without 31TCK in west: nothing is drawn there"),
    ],
)
def test_grounds_are_those_with_samples_to_train_on(
    context: Any, said: list[str], without: str | None, names: list[str], bare: str
) -> None:
    assert grounds_of(context, without=without) == [Ground("region", name) for name in names]
    assert said[0] == f"training.model_per region: {bare}"
    # how much of the map lies beside all regions is told once, not fold by fold
    assert len(said) == (2 if without is None else 1)


def test_where_nothing_is_left_to_train_on_it_is_told_before(context: Any, spark: SparkSession) -> None:
    context.table = lambda _name: spark.createDataFrame(ROWS[2:3], "split string, fold string, region string")
    with pytest.raises(SitsparkError, match="no sample to train on without 31TCJ lies in any region; set map"):
        grounds_of(context, without="31TCJ")


def test_each_ground_has_a_model_of_each_seed(context: Any) -> None:
    found = planned_models(context, "mlp-12", [Ground("region", "the north"), Ground("region", "south")])
    assert [(one.model_id, one.seed, one.suffix) for one in found] == [
        (found[0].model_id, 7, " region the north 1"),
        (found[1].model_id, 8, " region the north 2"),
        ("mlp-12-south-1", 7, " region south 1"),
        ("mlp-12-south-2", 8, " region south 2"),
    ]
    assert found[0].model_id.startswith("mlp-12-the_north-") and found[0].model_id.endswith("-1")
    context.settings.training.ensemble = 1
    (alone,) = planned_models(context, "mlp-12", [None])
    assert (alone.model_id, alone.seed, alone.suffix) == ("mlp-12", 7, "")
