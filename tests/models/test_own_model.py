"""A model of a user's network: made, kept with its text, and loaded only where that text is named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.models.card import CARD, CODE
from sitspark.models.inference import Classifier
from sitspark.models.job import TrainingJob
from sitspark.models.loop import train
from sitspark.models.model import Model, remove_model

from .networks.own_nets import EXAMPLE, own
from .tables import CODES, Table, job

NAMED = {"module": "/elsewhere/net.py", "class": "MyNet", "parameters": {"width": 8}}


@pytest.fixture(scope="module")
def made(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    plain = job(samples, tmp_path_factory.mktemp("own"), network=NAMED, learning_rate=0.02)
    done = replace(plain, own=own(EXAMPLE, "MyNet", '{"width": 8}'))
    train(done)
    return done


def sha256(done: TrainingJob) -> str:
    assert done.own is not None
    return done.own.sha256


def test_it_learns_and_classifies(made: TrainingJob, table: Table) -> None:
    position, _ = Classifier.load(made.folder, code=sha256(made)).classify(table.features)
    assert (np.array(CODES)[position] == table.label).mean() > 0.95


def test_the_card_says_what_the_network_is(made: TrainingJob) -> None:
    network = Model.load(made.folder, code=sha256(made)).card.network
    assert (network.name, network.arguments, network.code_sha256) == ("MyNet", {"width": 8}, sha256(made))
    assert (made.folder / CODE).read_text(encoding="utf-8") == EXAMPLE


@pytest.mark.parametrize("named", [None, "0" * 64])
def test_code_that_is_not_named_is_never_run(made: TrainingJob, tmp_path: Path, named: str | None) -> None:
    """Even where card and text agree: else a folder from anywhere would run what it likes."""
    flag = tmp_path / "was run"
    text = f"open({str(flag)!r}, 'w')\n" + EXAMPLE
    folder = of_another_text(made, tmp_path / "model", text)
    with pytest.raises(SitsparkError, match=r"a model runs no code by itself.*training\.network\.module"):
        Model.load(folder, code=named)
    assert not flag.exists()
    Model.load(folder, code=own(text).sha256)
    assert flag.exists()


def test_a_changed_text_is_never_run(made: TrainingJob, tmp_path: Path) -> None:
    folder = of_another_text(made, tmp_path / "model", EXAMPLE)
    (folder / CODE).write_text("raise SystemExit\n" + EXAMPLE)
    with pytest.raises(SitsparkError, match=r"network\.py: is missing or not the text.*SHA-256 differs"):
        Model.load(folder, code=sha256(made))
    (folder / CODE).unlink()
    with pytest.raises(SitsparkError, match=r"network\.py: is missing"):
        Model.load(folder, code=sha256(made))


def of_another_text(made: TrainingJob, folder: Path, text: str) -> Path:
    """A copy of a model whose card and text agree on another text."""
    folder.mkdir()
    for file in made.folder.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / CODE).write_text(text)
    card = json.loads((folder / CARD).read_text())
    card["network"]["code_sha256"] = own(text).sha256
    (folder / CARD).write_text(json.dumps(card))
    return folder


def test_a_removed_model_leaves_no_text(made: TrainingJob, tmp_path: Path) -> None:
    folder = of_another_text(made, tmp_path / "model", EXAMPLE)
    remove_model(folder)
    assert not (folder / CODE).exists()


def test_a_text_is_the_same_wherever_it_lies() -> None:
    assert own(EXAMPLE).sha256 == replace(own(EXAMPLE), path="/another/place.py").sha256
