"""What a run says where its folder holds results of other settings."""

import io
from pathlib import Path

from rich.console import Console

from sitspark.settings_file import read_settings
from sitspark.workflow.context import Context
from sitspark.workflow.run import _say_changes
from sitspark.workflow.run_folder import StageRecord

EXAMPLE = Path(__file__).parent.parent.parent / "conf" / "demo.yaml"


def said(output: Path, *overrides: str, done: bool = True) -> str:
    """What the next run in a folder says of its settings, if the one before had those of the example."""
    told = io.StringIO()
    before = Context.of(read_settings(EXAMPLE, overrides=[f"output={output}"]), Console(file=io.StringIO()))
    before.folder.begin(before.settings)
    if done:
        before.folder.finish("scenes", StageRecord("key", "80 products", 1.0, "2018-01-01"))
    settings = read_settings(EXAMPLE, overrides=[f"output={output}", *overrides])
    _say_changes(Context.of(settings, Console(file=told, width=400)))
    return told.getvalue()


def test_settings_that_differ_from_those_of_the_last_run_are_told(tmp_path: Path) -> None:
    text = said(tmp_path, "training.epochs=5", "seed=3")
    assert (
        f"other settings than at the last run in {tmp_path}: seed 0 -> 3, training.epochs 20 -> 5; stages that follow" in text
    )


def test_many_are_counted(tmp_path: Path) -> None:
    keys = ("epochs", "batch_size", "threads", "ensemble", "processes", "memory", "clip_gradient", "monitor_share")
    text = said(tmp_path, *(f"training.{key}={number}" for key, number in zip(keys, (2, 3, 4, 5, 6, 7, 8, 0.5), strict=True)))
    assert " and 2 more" in text and text.count("->") == 6


def test_nothing_is_said_of_the_same_settings_or_where_nothing_is_done(tmp_path: Path) -> None:
    assert said(tmp_path / "same") == said(tmp_path / "begun", "seed=3", done=False) == ""
