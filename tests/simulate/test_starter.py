"""The settings beside a simulated landscape: a run can begin with them as they are."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from sitspark.settings_file import read_settings
from sitspark.simulate import Landscape, simulate
from sitspark.simulate.starter import write_starter
from sitspark.workflow.check import check
from sitspark.workflow.context import Context


@pytest.mark.parametrize("layout", ["theia_l2a", "sen2cor_l2a", "landsat_c2_l2"])
def test_every_check_of_a_run_passes(layout: str, tmp_path: Path) -> None:
    landscape = Landscape(tiles=2, size=128, dates=3, polygons=3, layout=layout)
    path = write_starter(simulate(tmp_path, landscape, workers=1), landscape)
    settings = read_settings(path)
    assert settings.output == tmp_path / "run"
    assert not [finding.sentence for finding in check(Context.of(settings, Console(file=io.StringIO()))) if finding.wrong]


def test_what_the_user_wrote_there_stays(tmp_path: Path) -> None:
    landscape = Landscape(tiles=1, size=64, dates=1, classes=2)
    written = simulate(tmp_path, landscape, workers=1)
    own = write_starter(written, landscape)
    own.write_text("mine", encoding="utf-8")
    assert write_starter(written, landscape).read_text(encoding="utf-8") == "mine"
