import io
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from sitspark.cli import main
from sitspark.errors import SitsparkError
from sitspark.models.card import CARD, WEIGHTS, ModelCard, read_card
from sitspark.models.loop import train
from sitspark.workflow.members import PlannedModel, facts_of
from sitspark.workflow.run_folder import RunFolder, StageRecord
from sitspark.workflow.show_model import model_folder, show
from tests.models.tables import job, separable, write


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shown")
    done = job(write(separable(), root / "samples"), root, epochs=2)
    train(done)
    return done.folder


@pytest.fixture
def card(trained: Path) -> ModelCard:
    return read_card(trained)


def run_with(folder: Path, *ids: str, trained: str | None = None) -> RunFolder:
    """The folder of a run that has models of these ids; `trained` is that of the stage train."""
    run = RunFolder(folder)
    for name in ids:
        run.model(name).mkdir(parents=True)
        (run.model(name) / CARD).write_text("{}")
    facts = {"model_id": trained, "models": facts_of([PlannedModel(trained or "", 0, None, None)])}
    stages = {"train": asdict(StageRecord("k", "", 0, "", facts))} if trained else {}
    folder.mkdir(exist_ok=True)
    run.record_file.write_text(json.dumps({"format": 2, "stages": stages}))
    return run


def test_a_model_is_found_by_folder_by_id_and_by_its_beginning(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", "mlp-12", "mlp-1234", "ltae-99", trained="mlp-12")
    assert model_folder(str(run.model("ltae-99")), None) == run.model("ltae-99")
    assert model_folder("ltae-99", run.path) == model_folder("lt", run.path) == run.model("ltae-99")
    assert model_folder("mlp-12", run.path) == run.model("mlp-12")  # though it begins another
    assert model_folder(None, run.path) == run.model("mlp-12")


@pytest.mark.parametrize(
    ("ids", "asked", "sentence"),
    [
        pytest.param((), None, "has no model; train one", id="no model"),
        pytest.param(("a-1", "b-1"), "c", "has no model c, but a-1, b-1; name one", id="another id"),
        pytest.param(("a-1", "a-2"), "a", "has 2 models: a-1, a-2; name one", id="the beginning of two"),
        pytest.param(("a-1", "b-1"), None, "has 2 models: a-1, b-1; name one", id="several and none named"),
    ],
)
def test_which_model_is_asked_where_it_is_not_clear(
    tmp_path: Path, ids: tuple[str, ...], asked: str | None, sentence: str
) -> None:
    with pytest.raises(SitsparkError, match=sentence):
        model_folder(asked, run_with(tmp_path / "run", *ids).path)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match="is no model, for it has no card"):
        model_folder(str(tmp_path), None)


def shown(card: ModelCard, folder: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    show(card, folder, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_card_is_told_with_classes_and_counts(card: ModelCard, trained: Path) -> None:
    text = shown(card, trained)
    for part in (
        f"mlp of {card.network.parameters:,} trained numbers, 12 features to 3 classes",
        "3 bands, ndvi at 3 dates",
        "B4, B8, B11; 2018-01-01 to 2018-01-21, every 10 days, filled by linear",
        f"epoch {card.best_epoch}, of the best mean F",
        f"temperature {card.temperature:.3f} by",
        "1,200 rows of the samples table",
        "held in memory as float32",
        f"{card.weights_sha256}: that of the file",
    ):
        assert part in text
    for of in card.classes:
        assert [part for part in (of.name, str(of.code), f"{of.train:,}", f"{of.monitored:,}") if part not in text] == []
    assert "3 classes" in text and f"{sum(of.train for of in card.classes):,}" in text


def test_weights_that_are_not_those_of_the_card_are_told(card: ModelCard, tmp_path: Path) -> None:
    assert "the file is missing" in shown(card, tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"other")
    assert "NOT that of the file" in shown(card, tmp_path)


def test_a_name_with_brackets_is_shown_as_it_is(card: ModelCard, trained: Path) -> None:
    first, *rest = card.classes
    named = card.model_copy(update={"classes": (first.model_copy(update={"name": "[bold]x[/]"}), *rest)})
    assert "[bold]x[/]" in shown(named, trained)


def test_the_command_prints_the_card_as_json(trained: Path, card: ModelCard, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "show", str(trained), "--json"]) == 0
    assert ModelCard.model_validate_json(capsys.readouterr().out) == card
    assert main(["model", "show", str(trained.parent)]) == 1
    assert "is no model" in capsys.readouterr().err
