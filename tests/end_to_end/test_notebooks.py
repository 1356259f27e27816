"""The notebooks run as they are."""

import runpy
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.conftest import ROOT


def test_the_quickstart_notebook_runs_from_simulation_to_report(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["01_quickstart.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "notebooks" / "01_quickstart.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "✓ report" in printed and "hectares" in printed
    assert (tmp_path / "run" / "report" / "index.html").exists()
