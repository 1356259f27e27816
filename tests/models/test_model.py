import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sitspark.errors import SitsparkError
from sitspark.kernels.feature_space import FeatureSpace
from sitspark.models import model as models
from sitspark.models.card import CARD, WEIGHTS, ModelCard, require_features
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.model import Model

from .tables import NOMENCLATURE, SPACE, job


@pytest.fixture
def copied(trained: TrainingJob, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "copied"))


def edited(folder: Path, **fields: object) -> Path:
    path = folder / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


def test_a_model_comes_back_with_its_card(trained: TrainingJob) -> None:
    model = Model.load(trained.folder)
    assert model.card.space == SPACE
    assert model.card.nomenclature == NOMENCLATURE
    assert model.card.training == trained.settings
    assert model.card.network.parameters == model.network.weights
    assert not model.network.training


def test_a_folder_without_card_is_no_model(copied: Path) -> None:
    (copied / CARD).unlink()
    with pytest.raises(SitsparkError, match=r"is no model, for it has no card\.json; train it"):
        Model.load(copied)


@pytest.mark.parametrize("damage", [b"", b"\0"])
def test_other_weights_than_the_card_was_written_for_are_refused(copied: Path, damage: bytes) -> None:
    content = (copied / WEIGHTS).read_bytes()
    (copied / WEIGHTS).write_bytes(content[:-1] + damage)
    with pytest.raises(SitsparkError, match="SHA-256 differs"):
        Model.load(copied)


def test_missing_weights_are_refused(copied: Path) -> None:
    (copied / WEIGHTS).unlink()
    with pytest.raises(SitsparkError, match="is missing"):
        Model.load(copied)


def test_a_card_of_a_newer_version_is_refused(copied: Path) -> None:
    with pytest.raises(SitsparkError, match=r"newer sitspark \(schema 99.*update sitspark"):
        Model.load(edited(copied, schema_version=99, network="of another form"))


def test_an_unknown_network_is_refused(copied: Path, card: ModelCard) -> None:
    network = card.network.model_dump() | {"name": "hologram"}
    with pytest.raises(SitsparkError, match="network hologram is not in this sitspark"):
        Model.load(edited(copied, network=network))


def test_weights_of_another_shape_are_refused(copied: Path, card: ModelCard) -> None:
    network = card.network.model_dump() | {"classes": 99}
    with pytest.raises(SitsparkError, match="holds no network mlp of 12 features and 99 classes"):
        Model.load(edited(copied, network=network))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": "x"}', '{"schema_version": null}'])
def test_a_damaged_card_is_refused(copied: Path, text: str) -> None:
    (copied / CARD).write_text(text)
    with pytest.raises(SitsparkError, match="is damaged"):
        Model.load(copied)


def test_a_card_of_an_older_form_says_so(copied: Path) -> None:
    (copied / CARD).write_text('{"schema_version": 1}')
    with pytest.raises(SitsparkError, match=r"older sitspark \(schema 1, this one writes \d+\); train the model again"):
        Model.load(copied)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        pytest.param({"network": {"name": "mlp"}}, "it has no network.features", id="a missing key"),
        pytest.param({"mood": "good"}, "mood is no key of a card", id="an unknown key"),
        pytest.param({"seconds": "many"}, "at seconds", id="a value of another kind"),
        pytest.param({"training": {"epoch": 3}}, "training.epoch is no key", id="an unknown setting"),
        pytest.param(
            {"calibration": {"temperature": 0, "samples": 1, "error_before": None, "error_after": None}},
            "at calibration.temperature",
            id="a temperature of 0",
        ),
    ],
)
def test_a_card_is_as_it_should_be_or_refused(copied: Path, fields: dict[str, object], fault: str) -> None:
    with pytest.raises(SitsparkError, match=rf"card\.json: is damaged .*{fault}"):
        Model.load(edited(copied, **fields))


def test_a_model_refuses_other_features_than_its_own(card: ModelCard) -> None:
    require_features(card, SPACE, of="the table")
    (sensor,) = SPACE.sensors
    for other, first in (
        (replace(sensor, indices=()), ""),
        (replace(sensor, bands=("B8", "B4", "B11")), r" \(b4_20180101, not b8"),
    ):
        with pytest.raises(SitsparkError, match=rf"the model m takes 12 features{first}.*the table has {len(other)}, made"):
            require_features(card, FeatureSpace((other,)), of="the table")


def test_killed_before_the_card_there_is_no_model(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "write_atomically", killed)
    unlucky = job(samples, tmp_path, epochs=1)
    with pytest.raises(KeyboardInterrupt):
        train(unlucky)
    assert (unlucky.folder / WEIGHTS).exists()
    with pytest.raises(SitsparkError, match="is no model"):
        Model.load(unlucky.folder)


def test_equal_tensors_give_equal_bytes() -> None:
    state = {"b": torch.arange(6).reshape(2, 3).t(), "a": torch.ones(2)}
    assert models.serialise(state) == models.serialise({name: state[name].clone() for name in ("a", "b")})
