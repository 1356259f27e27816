"""The speed of a machine, of what windows took."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sitspark.grid import Grid, Window
from sitspark.maps.drawing import Rasters
from sitspark.maps.products import CONFIDENCE, VALIDITY, classification, read_chunk
from sitspark.workflow.speed import Speed, Spent, trial

GRID = Grid("EPSG:32631", 300000, 4900020, 10, 512, 512)


def test_speed_is_that_of_all_windows_and_the_start_what_the_first_one_took_more_than_again() -> None:
    windows = [Spent(1000, 1.0, 2.0), Spent(1000, 3.0, 6.0)]
    found = Speed.of(Spent(100, 5.0, 9.0), Spent(100, 1.5, 1.0), windows)
    assert (found.per_core_second, found.per_second) == (500, 250)
    assert found.error == pytest.approx(1.0)  # the first of them is twice as fast as all
    assert found.start == 3.5


def test_one_window_is_measured_however_long_the_first_one_takes_and_its_files_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = iter(range(0, 10_000, 100))
    clocks = SimpleNamespace(process_time=lambda: next(clock), perf_counter=lambda: next(clock))
    monkeypatch.setattr("sitspark.workflow.speed.time", clocks)

    def drawn(read: SimpleNamespace, *_arguments: object) -> list[Rasters]:
        shape = read.chunk.window.height, read.chunk.window.width
        return [{"classification": np.full(shape, 7, np.uint8), "confidence": np.full(shape, 50, np.uint8),
                 "validity": np.ones(shape, np.uint16)}]  # fmt: skip

    monkeypatch.setattr("sitspark.workflow.speed.rasters_of", drawn)
    features = np.ones((4, 3), np.float32)
    monkeypatch.setattr("sitspark.workflow.speed.portions", lambda *_arguments, **_keys: iter([(slice(0, 4), [features])]))
    monkeypatch.setattr("sitspark.workflow.speed.read_chunk", lambda chunk, *_, **_keys: SimpleNamespace(chunk=chunk))
    found = trial(
        SimpleNamespace(grid=GRID),
        {},
        "31TCJ",
        [Window(0, 0, 256, 256), Window(0, 256, 256, 256)],
        recipe=SimpleNamespace(space=()),
        classifiers=[],
        products=(classification([7]), CONFIDENCE, VALIDITY),
        area=None,
        scratch=tmp_path,
    )  # type: ignore[arg-type]
    assert found.speed.per_core_second == 256 * 256 / 200
    assert (found.features == features).all()
    assert {path.stem for path in tmp_path.iterdir()} == set(found.rasters) == {"classification", "confidence", "validity"}
    assert (read_chunk(tmp_path / "classification.tif") == found.rasters["classification"]).all()


def test_a_map_takes_its_pixels_and_the_starts_of_workers_and_in_tiles() -> None:
    assert Speed(500.0, 250.0, 0.1, 2.0).core_seconds(10_000, starts=3) == 26


def test_windows_alike_have_no_error_and_a_quick_first_one_costs_nothing() -> None:
    found = Speed.of(Spent(1000, 1.0, 1.0), Spent(1000, 1.1, 1.0), [Spent(500, 1.0, 1.0), Spent(500, 1.0, 1.0)])
    assert (found.error, found.start) == (0, 0)
