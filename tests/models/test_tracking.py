"""What MLflow is told of a model, read back by its own client."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from sitspark.errors import SitsparkError
from sitspark.models.card import ModelCard
from sitspark.models.job import TrainingJob
from sitspark.models.tracking import refuse_without_mlflow, track_model
from sitspark.settings import TrackSettings


@pytest.fixture(autouse=True)
def no_store_but_ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield


def runs_of(client: MlflowClient, experiment: str) -> list[Any]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id], run_view_type=ViewType.ALL))


def test_a_model_is_noted_once_with_settings_curves_and_files(
    trained: TrainingJob, card: ModelCard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    track = TrackSettings(experiment="crops")  # type: ignore[call-arg]
    uri = track_model(track, card, trained.folder, run=tmp_path / "my run")
    assert uri == f"sqlite:///{tmp_path}/my run/tracking/mlflow.db"
    track_model(track, card, trained.folder, run=tmp_path / "my run")
    assert capfd.readouterr() == ("", "")
    client = MlflowClient(uri)
    (run,) = runs_of(client, "crops")
    assert run.info.status == "FINISHED" and run.data.tags["sitspark.model_id"] == card.model_id
    assert run.data.params["learning_rate"] == "0.01" and run.data.params["optimiser.kind"] == "adam"
    assert not any(name.startswith("track") for name in run.data.params)
    assert run.data.metrics["best_oa"] == card.metrics.oa and run.data.metrics["best_epoch"] == card.best_epoch
    curve = client.get_metric_history(run.info.run_id, "validation_loss")
    assert [point.step for point in curve] == [1, 2, 3, 4]
    assert curve[card.best_epoch - 1].value == card.metrics.validation_loss
    files = {file.path for folder in ("model", "figures") for file in client.list_artifacts(run.info.run_id, folder)}
    assert {"model/card.json", "model/weights.safetensors", "model/history.parquet", "figures/training.png"} <= files
    copied = client.download_artifacts(run.info.run_id, "model/weights.safetensors", str(tmp_path))
    assert Path(copied).read_bytes() == (trained.folder / "weights.safetensors").read_bytes()


def test_mlflows_own_address_counts_where_none_is_set(
    trained: TrainingJob, card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/theirs.db")
    assert track_model(TrackSettings(), card, trained.folder, run=tmp_path) == f"sqlite:///{tmp_path}/theirs.db"  # type: ignore[call-arg]
    assert (tmp_path / "theirs.db").exists() and not (tmp_path / "tracking" / "mlflow.db").exists()


def test_a_run_that_breaks_off_is_noted_as_failed_and_noted_again(
    trained: TrainingJob, card: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = TrackSettings()  # type: ignore[call-arg]

    def breaks_off(*_: object) -> None:
        raise MlflowException("the server is gone")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_artifacts", breaks_off)
        with pytest.raises(MlflowException):
            track_model(track, card, trained.folder, run=tmp_path)
    uri = track_model(track, card, trained.folder, run=tmp_path)
    assert sorted(run.info.status for run in runs_of(MlflowClient(uri), "sitspark")) == ["FAILED", "FINISHED"]


def test_without_mlflow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_without_mlflow()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SitsparkError, match=r'pip install "sitspark\[mlflow\]"'):
        refuse_without_mlflow()
