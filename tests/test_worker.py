"""Between two tasks: archives on the path are not read anew, modules not searched for garbage, and both stay usable."""

import gc
import importlib
import sys
import weakref
import zipfile
import zipimport
from collections.abc import Iterator
from pathlib import Path

import pytest

from sitspark import worker
from sitspark.worker import end_task


@pytest.fixture(autouse=True)
def unfrozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a worker that has done no task, and then as before in this process."""
    monkeypatch.setattr(worker, "_modules", 0)
    yield
    gc.unfreeze()


def test_archives_are_not_read_again_and_still_give_their_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_one.py", "value = 1")
        file.writestr("zipped_two.py", "value = 2")
    monkeypatch.syspath_prepend(str(archive))
    assert importlib.import_module("zipped_one").value == 1
    assert isinstance(sys.path_importer_cache[str(archive)], zipimport.zipimporter)
    end_task()
    assert not any(isinstance(finder, zipimport.zipimporter) for finder in sys.path_importer_cache.values())
    importlib.invalidate_caches()
    assert importlib.import_module("zipped_two").value == 2


class Ring:
    """Garbage that only the collector frees."""

    def __init__(self) -> None:
        self.own = self


def test_modules_are_not_searched_for_garbage_and_garbage_of_tasks_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rings = [weakref.ref(Ring())]
    end_task()
    settled = gc.get_freeze_count()
    assert len(gc.get_objects()) < settled / 100
    rings.append(weakref.ref(Ring()))
    end_task()
    gc.collect()
    assert gc.get_freeze_count() <= settled
    (tmp_path / "loaded_late.py").write_text("def late(): pass")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("loaded_late")
    rings.append(weakref.ref(Ring()))
    end_task()
    assert len(gc.get_objects()) < settled / 100
    assert [ring() for ring in rings] == [None, None, None]
