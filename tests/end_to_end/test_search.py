"""Runs that search: trials as tasks of Spark, the best as the model, a failure as a row, resumption, folds."""

import io
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from pyspark.sql import SparkSession
from rich.console import Console

from sitspark.errors import SitsparkError
from sitspark.models import tracking
from sitspark.models.card import read_card
from sitspark.models.model import Model
from sitspark.models.search_trial import RECORD
from sitspark.workflow import searching
from sitspark.workflow.check import glance
from sitspark.workflow.context import Context
from tests.conftest import run_quietly, settings_of

from .test_series_table import plots, tree_of

RATES = [3e-3, 1e-5, 1e30]  # the last one is too wild for any loss to stay finite


def searching_tree(folder: Path, **training: Any) -> dict:
    tree = tree_of(folder, plots())
    tree["training"] |= {"epochs": 4, "search": {"try": {"learning_rate": RATES}}} | training
    return tree


def trials_of(context: Context) -> pd.DataFrame:
    return pd.read_parquet(context.folder.table("trials")).sort_values(["left_out_fold", "trial"], ignore_index=True)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files of decoded samples that a search removes at its end."""
    found: list[Path] = []
    remove = shutil.rmtree

    def noted(folder: Path, **options: Any) -> None:
        if Path(folder).name == "decoded":
            found.extend(Path(folder).rglob("fitted.features"))
        remove(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", noted)
    return found


def test_a_grid_from_the_settings_to_the_report_and_after_a_stop(
    spark: SparkSession, tmp_path: Path, decoded: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tree = searching_tree(tmp_path / "run", track="mlflow")
    context, said = run_quietly(tree, "train", "report")
    assert "of 3 trials the best, with learning_rate 0.003" in said
    assert len(decoded) == 1 and not decoded[0].exists()

    trials = trials_of(context)
    assert list(trials.trial) == [1, 2, 3] and list(trials.parameters) == [f'{{"learning_rate": {rate}}}' for rate in RATES]
    assert list(trials.state) == ["complete", "complete", "failed"] and list(trials.chosen) == [True, False, False]
    assert "the loss became nan" in trials.problem[2] and pd.isna(trials.best_epoch[2])
    assert trials.validation_loss[0] < trials.validation_loss[1]

    folder = context.folder.model(context.facts("train")["model_id"])
    card = Model.load(folder).card
    assert card.training.learning_rate == 3e-3 and card.training.search is None and card.model_id == folder.name
    assert card.metrics.validation_loss == trials.validation_loss[0]
    history = pd.read_parquet(context.folder.table("history"))
    assert history.groupby("trial").size().to_dict() == {1: 4, 2: 4}
    assert set(pd.read_parquet(folder / "history.parquet").trial) == {1}

    page = context.folder.report.read_text()
    assert "<h3>Search</h3>" in page and page.index("<td>1e-05</td>") < page.index("the loss became nan")

    client = MlflowClient(f"sqlite:///{context.folder.path}/tracking/mlflow.db")
    experiment = client.get_experiment_by_name("sitspark")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if run.data.tags.get("sitspark.model_id") == card.model_id]
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(run.info.status for run in nested) == ["FAILED", "FINISHED", "FINISHED"]
    assert {run.data.params["learning_rate"] for run in nested} == {str(rate) for rate in RATES}

    # stopped before the second trial was done: the first is taken as it is, and the outcome the same
    weights = (folder / "weights.safetensors").read_bytes()
    (context.folder.trials / trials.folder[1] / RECORD).unlink()
    (folder / "card.json").unlink()
    before = (context.folder.trials / trials.folder[0] / RECORD).stat().st_mtime_ns
    again, _ = run_quietly(tree, "train")
    assert (again.folder.trials / trials.folder[0] / RECORD).stat().st_mtime_ns == before
    assert (folder / "weights.safetensors").read_bytes() == weights
    assert list(trials_of(again).state) == list(trials.state)

    # another grid takes the trials that it shares with this one, and is a model of its own
    tree["training"]["search"] = {"try": {"learning_rate": RATES[:2]}}
    other, _ = run_quietly(tree, "train")
    model_id = other.facts("train")["model_id"]
    assert model_id != folder.name and Model.load(other.folder.model(model_id)).card.model_id == model_id


def test_suggested_trials_are_the_same_on_any_number_of_cores(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = {
        "trials": 5,
        "together": 2,
        "try": {"learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}, "network": ["mlp"], "balance": [[], ["class"]]},
    }
    tree = searching_tree(tmp_path / "run", search=search)
    context, _ = run_quietly(tree, "train")
    assert context.facts("train")["model_id"].startswith("search-")
    # one after the other
    monkeypatch.setattr(searching, "_tasks", lambda *_: 1)
    other, _ = run_quietly(tree | {"output": str(tmp_path / "other")}, "train")
    same = ["trial", "parameters", "state", "validation_loss", "epochs", "chosen"]
    pd.testing.assert_frame_equal(trials_of(context)[same], trials_of(other)[same])


def test_each_fold_has_a_search_of_its_own_and_a_server_that_is_away_loses_none(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = "http://127.0.0.1:1"
    tree = searching_tree(tmp_path / "run", search={"try": {"learning_rate": RATES[:2]}}, track={"uri": away})
    context, said = run_quietly(tree, "cross_validate")
    trials = trials_of(context)
    assert list(trials.left_out_fold) == ["tile-0", "tile-0", "tile-1", "tile-1"]
    assert trials.groupby("left_out_fold").chosen.sum().to_dict() == {"tile-0": 1, "tile-1": 1}
    for model_id in trials.model_id.unique():
        assert read_card(context.folder.model(model_id)).left_out_fold is not None
        assert f"{model_id} is trained and kept, but MLflow doesn't know of it: API request to {away}" in said

    # the next run notes what is missing, without training anything, and the one after it asks no server
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tree["training"]["track"] = "mlflow"
    again, said = run_quietly(tree, "cross_validate")
    assert "unchanged" in said and "MLflow" not in said
    client = MlflowClient(f"sqlite:///{again.folder.path}/tracking/mlflow.db")
    experiment = client.get_experiment_by_name("sitspark")
    assert experiment is not None
    noted = [run.data.tags.get("sitspark.model_id") for run in client.search_runs([experiment.experiment_id])]
    assert set(trials.model_id) <= set(noted)
    monkeypatch.setattr(tracking, "track_model", lambda *_, **__: pytest.fail("is noted already"))
    run_quietly(tree, "cross_validate")


def test_a_search_without_a_survivor_ends_with_a_sentence(spark: SparkSession, tmp_path: Path) -> None:
    tree = searching_tree(tmp_path / "run", search={"try": {"learning_rate": [1e30, 1e31]}})
    with pytest.raises(SitsparkError, match=r"^train: 2 trials, none of which came to its end; the first: training mlp"):
        run_quietly(tree, "train")


def test_check_says_how_many_models_are_trained_and_what_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = Context.of(settings_of(searching_tree(tmp_path / "run", track="mlflow")), Console(file=io.StringIO()))
    (found,) = [finding for finding in glance(context) if finding.subject == "training"]
    assert (found.wrong, found.sentence) == (False, "3 trials of learning_rate; noted in the experiment sitspark of MLflow")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    (found,) = [finding for finding in glance(context) if finding.subject == "training"]
    assert found.wrong and found.sentence.startswith("training.track: mlflow is not installed; pip install")
