"""Noting a trained model in MLflow: parameters, curves, figures and files, with a nested run for each trial of a search."""

import importlib.util
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from sitspark.accuracy.figures import training_figure
from sitspark.errors import SitsparkError
from sitspark.models.card import HISTORY, ModelCard
from sitspark.models.history import FIGURES
from sitspark.models.search import EPOCHS, TRIALS
from sitspark.settings import TrackSettings, TrainingSettings

if TYPE_CHECKING:  # it takes a second to import, and needn't be installed
    from mlflow.tracking import MlflowClient

_AT_ONCE = 100  # metrics or parameters in a request; MLflow takes 100 parameters
_ENVIRONMENT: Mapping[str, str] = {
    # a server that doesn't answer shall hold a run up for seconds, not for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    # what is noted goes where the settings say, and nowhere else
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}  # MLflow's names


def refuse_without_mlflow() -> None:
    """Raise SitsparkError where MLflow isn't installed, with what it takes."""
    if importlib.util.find_spec("mlflow") is None:
        raise SitsparkError(
            'training.track: mlflow is not installed; pip install "sitspark[mlflow]", or leave training.track out'
        )


def store_of(track: TrackSettings, run: Path) -> str:
    """The address where models of a run are noted: that of the settings, MLflow's own, or a file in the run's folder."""
    import mlflow

    own: bool = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
    return track.uri or (mlflow.get_tracking_uri() if own else f"sqlite:///{_local(run)}/mlflow.db")


def track_model(track: TrackSettings, card: ModelCard, folder: Path, *, run: Path) -> str:
    """Note the model in `folder`, and the trials that it is the best of; gives the address of the store.

    A model that is noted there already isn't noted again. Raises what MLflow raises, as where no server answers.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uri = store_of(track, run)
    if uri.startswith(f"sqlite:///{_local(run)}"):
        _local(run).mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=uri)
    experiment = _experiment(client, track, uri, run)
    known = client.search_runs([experiment], f"tags.`sitspark.model_id` = '{card.model_id}' and attributes.status = 'FINISHED'")
    if not known:
        _note(client, experiment, card, folder, run)
    return uri


def _local(run: Path) -> Path:
    return run / "tracking"


def _experiment(client: "MlflowClient", track: TrackSettings, uri: str, run: Path) -> str:
    found = client.get_experiment_by_name(track.experiment)
    if found is not None:
        return str(found.experiment_id)
    # a store that is a file has no place of its own for files
    place = (_local(run) / "artifacts").as_uri() if uri.startswith("sqlite:") else None
    return str(client.create_experiment(track.experiment, artifact_location=place))


def _note(client: "MlflowClient", experiment: str, card: ModelCard, folder: Path, run: Path) -> None:
    tags = {"sitspark.model_id": card.model_id, "sitspark.run": run.name, "mlflow.runName": card.model_id}
    if card.left_out_fold is not None:
        tags["sitspark.left_out_fold"] = card.left_out_fold
        tags["sitspark.run"] = str(card.run)
    own = client.create_run(experiment, tags=tags).info.run_id
    try:
        history = pd.read_parquet(folder / HISTORY)
        parameters = {"seed": card.seed, "features": card.network.features, "weights": card.network.parameters}
        _log(client, own, parameters | dict(_flat(card.training)), history)
        best = {f"best_{name}": getattr(card.metrics, name) for name in FIGURES} | {"best_epoch": card.best_epoch}
        _log_metrics(client, own, [(name, value, 0) for name, value in best.items() if value is not None])
        client.log_artifacts(own, str(folder), "model")
        with tempfile.TemporaryDirectory() as drawn:
            figure = Path(drawn) / "training.png"
            figure.write_bytes(training_figure(history, card.best_epoch))
            client.log_artifact(own, str(figure), "figures")
        if (folder / TRIALS).exists():
            _note_trials(client, experiment, own, folder)
    except BaseException:
        client.set_terminated(own, "FAILED")
        raise
    client.set_terminated(own, "FINISHED")


def _note_trials(client: "MlflowClient", experiment: str, parent: str, folder: Path) -> None:
    epochs = pd.read_parquet(folder / EPOCHS)
    for trial in pq.read_table(folder / TRIALS).to_pylist():
        tags = {"mlflow.parentRunId": parent, "mlflow.runName": f"trial {trial['trial']}", "sitspark.state": trial["state"]}
        own = client.create_run(experiment, tags=tags).info.run_id
        _log(client, own, json.loads(trial["parameters"]), epochs[epochs["trial"] == trial["trial"]])
        client.set_terminated(own, _STATUS[trial["state"]])


def _flat(training: TrainingSettings) -> Iterator[tuple[str, Any]]:
    """The settings of training by their dotted names; not where they are noted."""

    def walk(node: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for name, value in node.items():
            if isinstance(value, dict) and value:
                yield from walk(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", value

    return walk(training.model_dump(mode="json", by_alias=True, exclude={"track"}), "")


def _log(client: "MlflowClient", run_id: str, parameters: Mapping[str, Any], history: pd.DataFrame) -> None:
    from mlflow.entities import Param

    for some in _portions([Param(name, str(value)) for name, value in parameters.items()]):
        client.log_batch(run_id, params=some)
    curves = history[["epoch", *FIGURES, "learning_rate", "samples_per_second"]].melt("epoch").dropna()
    _log_metrics(client, run_id, list(zip(curves["variable"], curves["value"], curves["epoch"], strict=True)))


def _log_metrics(client: "MlflowClient", run_id: str, points: Sequence[tuple[str, float, int]]) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for some in _portions([Metric(name, float(value), now, int(step)) for name, value, step in points]):
        client.log_batch(run_id, metrics=some)


def _portions(entries: list[Any]) -> Iterator[list[Any]]:
    return (entries[first : first + _AT_ONCE] for first in range(0, len(entries), _AT_ONCE))
