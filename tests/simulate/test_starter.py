"""The settings beside a simulated landscape: a run can begin with them as they are."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from sitspark.settings_file import read_settings
from sitspark.simulate import Landscape, Simulation, simulate
from sitspark.simulate.starter import write_starter
from sitspark.workflow.check import check
from sitspark.workflow.context import Context


@pytest.mark.parametrize("layout", ["theia_l2a", "sen2cor_l2a", "landsat_c2_l2"])
def test_every_check_of_a_run_passes(layout: str, tmp_path: Path) -> None:
    landscape = Landscape(tiles=2, size=128, dates=3, polygons=3, layout=layout)
    path = write_starter(simulate(tmp_path, landscape, workers=1), landscape).path
    settings = read_settings(path)
    assert settings.output == tmp_path / "run"
    assert not [finding.sentence for finding in check(Context.of(settings, Console(file=io.StringIO()))) if finding.wrong]


@pytest.mark.parametrize(("size", "overlap", "margin"), [(64, 0, 0), (256, 40, 100), (1024, 400, 600)])
def test_a_quarter_of_the_overlap_is_left_to_the_neighbour_and_no_more_than_usual(
    size: int, overlap: int, margin: float, tmp_path: Path
) -> None:
    path = write_starter(simulated(tmp_path), Landscape(size=size, overlap=overlap)).path
    assert read_settings(path).grid.overlap_margin == margin


def test_settings_of_an_earlier_landscape_are_replaced_and_what_the_user_changed_stays(tmp_path: Path) -> None:
    written = simulated(tmp_path)
    assert write_starter(written, Landscape(layout="theia_l2a")).is_new
    other = write_starter(written, Landscape(layout="landsat_c2_l2"))
    assert other.is_new and read_settings(other.path).scenes.layout == "landsat_c2_l2"
    own = other.path.read_text(encoding="utf-8").replace("epochs: 20", "epochs: 3")
    other.path.write_text(own, encoding="utf-8")
    kept = write_starter(written, Landscape(layout="theia_l2a"))
    assert not kept.is_new and kept.path.read_text(encoding="utf-8") == own


def simulated(folder: Path) -> Simulation:
    """A simulation that is only said to be there."""
    return Simulation(folder, ("31TCJ",), 0, 0, 0, {}, reused=False)
