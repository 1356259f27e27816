"""The speed of a machine, of what windows took."""

from types import SimpleNamespace

import numpy as np
import pytest

from sitspark.grid import ChunkShape, Window
from sitspark.workflow.speed import Speed, Spent, measured_speed


def test_speed_is_that_of_all_windows_but_the_first() -> None:
    windows = [Spent(1000, 1.0, 2.0), Spent(1000, 3.0, 6.0)]
    found = Speed.of(Spent(100, 5.0, 9.0), windows)
    assert (found.per_core_second, found.per_second) == (500, 250)
    assert found.error == pytest.approx(1.0)  # the first of them is twice as fast as all
    assert found.start == pytest.approx(5.0 - 100 / 500)


def test_one_window_is_measured_however_long_the_first_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 100))
    clocks = SimpleNamespace(process_time=lambda: next(clock), perf_counter=lambda: next(clock))
    monkeypatch.setattr("sitspark.workflow.speed.time", clocks)
    monkeypatch.setattr("sitspark.workflow.speed.classify_views", lambda *_arguments, **_options: None)
    read = SimpleNamespace(views=(), is_seen=np.ones((1, 1), bool))
    monkeypatch.setattr("sitspark.workflow.speed.read_chunk", lambda *_arguments: read)
    drawing = SimpleNamespace(of=lambda *_arguments: SimpleNamespace(finished=lambda _seen: None))
    monkeypatch.setattr("sitspark.workflow.speed.Drawing", drawing)
    recipe = SimpleNamespace(space=None)
    found = measured_speed(None, {}, "31TCJ", Window(0, 0, 512, 512), shape=ChunkShape(256, 256), recipe=recipe, classifiers=[])  # type: ignore[arg-type]
    assert found.per_core_second == 256 * 256 / 200


def test_a_map_takes_its_pixels_and_the_starts_of_workers_and_in_tiles() -> None:
    assert Speed(500.0, 250.0, 0.1, 2.0).core_seconds(10_000, starts=3) == 26


def test_windows_alike_have_no_error_and_a_quick_first_one_costs_nothing() -> None:
    found = Speed.of(Spent(1000, 1.0, 1.0), [Spent(500, 1.0, 1.0), Spent(500, 1.0, 1.0)])
    assert (found.error, found.start) == (0, 0)
