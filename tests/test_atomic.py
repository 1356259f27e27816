"""Publishing a file: the old content or the new one, never a part, and no draft stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sitspark.atomic import attempt_name, publish, write_atomically
from sitspark.errors import SitsparkError


def test_every_attempt_has_its_own_name() -> None:
    names = {attempt_name(Path("maps/chunk.tif")) for _ in range(100)}
    assert len(names) == 100
    assert all(name.parent == Path("maps") and name.name.startswith(".chunk.tif.") for name in names)


WRITERS = pytest.mark.parametrize(
    "write", [lambda path: publish(path, "é".encode()), lambda path: write_atomically(path, "é")], ids=["bytes", "text"]
)


@WRITERS
def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path, write: Callable[[Path], None]) -> None:
    path = tmp_path / "a" / "b.txt"
    for _ in range(2):
        write(path)
        assert path.read_text(encoding="utf-8") == "é"
        assert [child.name for child in path.parent.iterdir()] == ["b.txt"]


@WRITERS
def test_what_can_not_be_written_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    publish(tmp_path / "b.txt", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SitsparkError, match=r"b\.txt: can't be written \(No space left on device\); check space and rights"):
        write(tmp_path / "b.txt")
    assert [child.name for child in tmp_path.iterdir()] == ["b.txt"] and (tmp_path / "b.txt").read_bytes() == b"old"
