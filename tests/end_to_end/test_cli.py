"""The command line: help, exit codes, one sentence for every failure, SQL over a run."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sitspark.cli import contents, main
from sitspark.errors import SitsparkError
from sitspark.workflow.ending import next_command
from tests.conftest import ROOT, FinishedRun
from tests.end_to_end.test_processes import write_settings

VERBS = [path.stem.replace("_", "-") for path in sorted((ROOT / "jobs").glob("*.py")) if path.stem != "demo"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_job_has_a_verb_with_help_and_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"Example: sitspark {verb}" in " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f'"{verb}"' in (ROOT / "jobs" / f"{verb.replace('-', '_')}.py").read_text()


def test_a_mistake_in_the_settings_is_one_sentence_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("output: out\nscenes:\n  foldre: here\n")
    assert main(["run", str(path)]) == 1
    printed = capsys.readouterr().err
    assert "line 3" in printed and "did you mean scenes.folder?" in printed and "Traceback" not in printed


def test_an_override_reaches_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(ROOT / "conf" / "l8_new_york.yaml"), "--set", "training.epochs=none"]) == 1
    assert "training.epochs should be a whole number" in capsys.readouterr().err


def test_check_names_every_problem_and_fails(finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = finished.tree | {"output": str(tmp_path / "out")}
    assert main(["check", str(write_settings(tree, tmp_path / "right.yaml"))]) == 0
    capsys.readouterr()
    colours = tmp_path / "colours.txt"
    colours.write_text("\n".join((finished.simulated / "colours.txt").read_text().splitlines()[1:]))
    wrong = tree | {
        "classes": tree["classes"] | {"colours": str(colours)},
        "ground_truth": tree["ground_truth"] | {"label_field": "klass"},
        "scenes": {"folder": str(tmp_path)},
        "output": "/proc/nowhere",
    }
    assert main(["check", str(write_settings(wrong, tmp_path / "wrong.yaml"))]) == 1
    printed = capsys.readouterr().out
    for words in ("can't be written", "no colour for class", "has no field 'klass'", "no theia_l2a product lies in"):
        assert words in printed


def test_plan_foresees_what_the_map_will_be(finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    assert main(["plan", str(write_settings(finished.tree, tmp_path / "s.yaml")), "--json"]) == 0
    foreseen = json.loads(capsys.readouterr().out)
    grid = finished.context.coverage.grid
    assert foreseen["pixels"] == grid.height * grid.width
    assert foreseen["chunks"] == finished.context.plan().count()
    assert foreseen["features"] == len(finished.context.feature_space)
    assert foreseen["products"] == finished.context.facts("scenes")["products"]
    assert foreseen["pixels_per_core_second"] > 1000


def test_a_run_that_can_not_begin_is_not_planned(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = write_settings(finished.tree, tmp_path / "s.yaml")
    assert main(["plan", str(settings), "--set", f"ground_truth.file={tmp_path / 'no.gpkg'}"]) == 1
    told = capsys.readouterr()
    assert "no.gpkg" in told.err and not told.out


def test_sql_answers_over_every_table(finished: FinishedRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["--run", str(finished.context.folder.path)]
    assert main(["sql", "select label, count(*) n from samples group by label order by label", *run]) == 0
    printed = capsys.readouterr().out
    assert all(str(code) in printed for code in finished.context.nomenclature.codes)
    for table in ("scenes", "polygons", "rejected", "observations", "samples", "history", "manifest", "confusion_polygons"):
        assert main(["sql", f"select count(*) from {table}", *run]) == 0
    assert main(["sql", "select ST_Area(geometry) > 0 from polygons limit 1", *run]) == 0
    capsys.readouterr()
    assert main(["sql", "select nothing from samples", *run]) == 1
    printed = capsys.readouterr().err
    assert "nothing" in printed and "tables: " in printed and "Traceback" not in printed


def test_sql_gives_whole_cells_to_programs_and_a_table_to_people(
    finished: FinishedRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = ["sql", "select scene_id, path, to_json(assets) from scenes order by 1 limit 3", "--rows", "2", "--run"]
    assert main([*query, str(finished.context.folder.path)]) == 0
    told = capsys.readouterr()
    header, *rows = told.out.splitlines()
    assert header == "scene_id\tpath\tto_json(assets)" and len(rows) == 2
    assert all(len(json.loads(row.split("\t")[2])) == 13 for row in rows) and "2 rows, more exist" in told.err
    monkeypatch.setattr(contents, "console", Console(force_terminal=True, width=200, highlight=False))
    assert main([*query, str(finished.context.folder.path)]) == 0
    printed = capsys.readouterr().out
    assert "..." in printed and f"2 rows of {finished.context.folder.path}, more exist; --rows 20 shows them" in printed


def test_sql_changes_nothing(finished: FinishedRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "drop table samples", "--run", str(finished.context.folder.path)]) == 1
    assert "sql answers questions and changes nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("facts", "folds", "verb"),
    [
        pytest.param({}, 4, "run", id="no map yet"),
        pytest.param({"validate": {}}, 4, "cross-validate", id="a map of several tiles"),
        pytest.param({"validate": {}}, 1, "sql", id="a map of one tile, of which none can be left out"),
        pytest.param({"validate": {}, "cross_validate": {}}, 4, "sql", id="all is done"),
    ],
)
def test_the_next_command_is_one_that_can_be_run(facts: dict, folds: int, verb: str) -> None:
    command = next_command(facts, folds=folds, settings_file="s.yaml", overrides=["seed=3"], run="my run")
    assert command[0] == verb
    assert command[2:] == ["--run", "my run"] if verb == "sql" else command[1:] == ["s.yaml", "--set", "seed=3"]


def test_an_iota2_configuration_is_read_and_what_it_loses_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(ROOT / "conf" / "oso_4_tiles.cfg")]) == 1
    printed = capsys.readouterr()
    lines = [line for line in printed.out.splitlines() if "not carried over" in line]
    assert lines and all(re.search(r"not carried over: \S+ \(line \d+\)", line) for line in lines)
    assert len({line.rpartition("): ")[2] for line in lines}) == len(lines), "a reason is told once, with all its keys"
    assert "there is no folder" in printed.out


def test_a_run_is_given_what_an_iota2_configuration_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    def run(*_: object, not_carried_over: dict[str, str], **__: object) -> None:
        given.update(not_carried_over)
        raise SitsparkError("that is enough")

    monkeypatch.setattr("sitspark.workflow.run.run", run)
    assert main(["run", str(ROOT / "conf" / "oso_4_tiles.cfg"), "--set", f"output={tmp_path}"]) == 1
    assert given and all(reason for reason in given.values())
    assert "chain.check_inputs" not in given


def test_a_run_that_has_nothing_to_compute_does_not_wait_for_torch() -> None:
    script = "import sys, sitspark.cli, sitspark.workflow.run; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
