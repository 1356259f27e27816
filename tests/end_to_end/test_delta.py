"""A run whose tables are of Delta: the same results as with Parquet, and a version for each run of a stage."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from sitspark.cli import main
from sitspark.models.card import WEIGHTS
from sitspark.parts import current_parts, is_delta
from sitspark.spark import location
from sitspark.workflow.query import ask
from sitspark.workflow.tables import PLAIN
from tests.conftest import FinishedRun, copied, run_quietly
from tests.end_to_end.test_run import states


@pytest.fixture(scope="module")
def first(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run through all stages."""
    tree = finished.tree | {"output": str(tmp_path_factory.mktemp("delta") / "out"), "tables": {"format": "delta"}}
    context, _ = run_quietly(tree, "validate", "report")
    return FinishedRun(context, tree, finished.simulated)


@pytest.fixture
def versioned(first: FinishedRun, tmp_path: Path) -> FinishedRun:
    """A copy that a test may change."""
    return copied(first, tmp_path / "out")


def samples(run: FinishedRun) -> pa.Table:
    return pa.concat_tables(map(pq.read_table, current_parts(run.context.folder.table("samples"))))


def answer(run: FinishedRun, query: str) -> list[tuple[str, ...]]:
    return list(ask(query, run.context.folder.path, rows=10).rows)


def test_samples_model_and_metrics_are_those_of_parquet(finished: FinishedRun, first: FinishedRun) -> None:
    assert samples(first).equals(samples(finished))
    files = [f"models/{finished.context.facts('train')['model_id']}/{WEIGHTS}", "accuracy/metrics.json"]
    for file in files:
        assert (first.context.folder.path / file).read_bytes() == (finished.context.folder.path / file).read_bytes()


def test_tables_without_geometry_are_delta_and_the_others_are_not(first: FinishedRun) -> None:
    folder = first.context.folder
    versioned = {name for name in folder.tables() if is_delta(folder.table(name))}
    assert versioned == set(folder.tables()) & PLAIN >= {"observations", "samples", "selection", "confusion"}


def test_other_settings_make_a_version_and_the_first_is_read_by_time_travel(versioned: FinishedRun) -> None:
    keys = [versioned.context.folder.records()["samples"].key]
    count = len(samples(versioned))
    again, printed = run_quietly(versioned.tree | {"features": {"indices": ["ndvi"]}}, "train")
    keys.append(again.folder.records()["samples"].key)
    assert states(printed)["observations"] == "unchanged" and states(printed)["samples"] == "worked"

    history = again.spark.sql(f"describe history delta.`{location(again.folder.table('samples'))}`").orderBy("version")
    notes: list[dict[str, Any]] = [json.loads(row.userMetadata) for row in history.collect()]
    assert [note["key"] for note in notes] == keys and keys[0] != keys[1]
    assert [note["settings"]["features"]["indices"] for note in notes] == [["ndvi", "ndwi", "brightness"], ["ndvi"]]

    (now,) = answer(versioned, "select count(*), max(size(features)) from samples")
    (before,) = answer(versioned, "select count(*), max(size(features)) from samples version as of 0")
    assert now[0] == before[0] == str(count) and int(now[1]) < int(before[1])
    assert [row[0] for row in answer(versioned, "describe history samples")] == ["1", "0"]


def test_what_another_job_appends_to_a_table_of_the_run_is_undone(versioned: FinishedRun, spark: SparkSession) -> None:
    before, table = samples(versioned), versioned.context.folder.table("samples")
    spark.read.format("delta").load(location(table)).limit(3).write.format("delta").mode("append").save(location(table))
    assert len(samples(versioned)) == len(before) + 3
    _, printed = run_quietly(versioned.tree, "train")
    assert {name for name, state in states(printed).items() if state == "worked"} == {"samples"}
    assert samples(versioned).equals(before)


def test_another_format_makes_the_tables_anew_and_neither_models_nor_maps(versioned: FinishedRun) -> None:
    before, folder = samples(versioned), versioned.context.folder
    _, printed = run_quietly(versioned.tree | {"tables": {"format": "parquet"}}, "mosaic")
    unchanged = {name for name, state in states(printed).items() if state == "unchanged"}
    assert unchanged == {"scenes", "chunks", "train", "classify", "mosaic"}
    assert not is_delta(folder.table("samples")) and samples(versioned).equals(before)


def test_samples_are_exported(first: FinishedRun, tmp_path: Path) -> None:
    assert main(["export", str(tmp_path / "samples.parquet"), "--run", str(first.context.folder.path)]) == 0
    assert pq.read_metadata(tmp_path / "samples.parquet").num_rows == len(samples(first))
