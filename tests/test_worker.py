"""Between two tasks: archives on the path are not read anew, and their modules stay importable."""

import importlib
import sys
import zipfile
import zipimport
from pathlib import Path

import pytest

from sitspark.worker import forget_archives


def test_archives_are_not_read_again_and_still_give_their_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "modules.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped_one.py", "value = 1")
        file.writestr("zipped_two.py", "value = 2")
    monkeypatch.syspath_prepend(str(archive))
    assert importlib.import_module("zipped_one").value == 1
    assert isinstance(sys.path_importer_cache[str(archive)], zipimport.zipimporter)
    forget_archives()
    assert not any(isinstance(finder, zipimport.zipimporter) for finder in sys.path_importer_cache.values())
    importlib.invalidate_caches()
    assert importlib.import_module("zipped_two").value == 2
