"""The folder of a run: what a killed run leaves is swept, and nothing else; one run at a time works in it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import pytest

from sitspark.errors import SitsparkError
from sitspark.workflow.run_folder import RunFolder

# a run that is at work, and has started another process
HOLDER = """
import subprocess, sys
from pathlib import Path
from sitspark.workflow.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).locked():
    print(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL).pid, flush=True)
    sys.stdin.read()
"""


def test_drafts_are_swept_and_everything_else_stays(tmp_path: Path) -> None:
    kept = ("run.json", "tables/samples/part-0.parquet", "tables/samples/.part-0.parquet.crc", "maps/m/classification.tif")
    swept = (
        ".run.json.12-ab.part",
        "tables/.samples.12/part-0.parquet",
        "tables/history/.m.parquet.12-ab.part",
        "models/m/.card.json.12-ab.part",
        "maps/m/.confidence.tif.12-ab.part",
        "maps/m/chunks/k/.c.json.12-ab.part",
        "accuracy/.metrics.json.12-ab.part",
        "report/.index.html.12-ab.part",
        "sums/.samples.sha256.12-ab.part",
        "scratch/features/features.parquet",
    )
    for name in (*kept, *swept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with RunFolder(tmp_path).locked():
        assert {name for name in kept if (tmp_path / name).exists()} == set(kept)
        assert not {name for name in swept if (tmp_path / name).exists()}


def test_a_folder_that_is_no_runs_keeps_what_somebody_else_has_there(tmp_path: Path) -> None:
    """As with `output: .` in a repository, or at home."""
    others = (".git/config", ".venv/bin/python", ".notes.part", "models/mine/.keep", "tables/.old/x")
    for name in others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with RunFolder(tmp_path).locked():
        pass
    (tmp_path / "run.json").write_text("{}")
    with RunFolder(tmp_path).locked():
        pass
    assert (tmp_path / ".git/config").exists() and (tmp_path / ".venv/bin/python").exists()


def test_scratch_of_somebody_else_is_not_taken_for_the_runs(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "mine").touch()
    with pytest.raises(SitsparkError, match=r"scratch is there, but no run.json: .* choose another output"):
        RunFolder(tmp_path).locked().__enter__()
    assert (tmp_path / "scratch" / "mine").exists()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder `out`; what it started lives on without it."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process
        finally:
            process.kill()
            os.kill(child, 9)


def test_a_second_run_is_refused_with_who_is_at_work(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    draft = tmp_path / "out" / "maps" / "m" / ".confidence.tif.12-ab.part"
    draft.parent.mkdir(parents=True)
    draft.touch()
    with (
        pytest.raises(SitsparkError, match=rf"process {holder.pid} on \S+, since 20.+, is working in .*out; wait for it"),
        RunFolder(tmp_path / "out").locked(),
    ):
        pass
    assert draft.exists()  # it is the other's


def test_what_a_killed_run_left_locks_nobody_out(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    owner = tmp_path / "out" / ".lock.owner"
    assert str(holder.pid) in owner.read_text()
    holder.kill()
    holder.wait()
    assert str(holder.pid) in owner.read_text() and (tmp_path / "out" / ".lock").exists()
    with RunFolder(tmp_path / "out").locked():
        assert f"process {os.getpid()} " in owner.read_text()
    assert not owner.exists()


@pytest.mark.parametrize("break_it", [Path.unlink, lambda owner: owner.write_text("")], ids=["gone", "empty"])
def test_a_run_at_work_is_refused_also_where_nobody_says_who(tmp_path: Path, break_it: Callable[[Path], None]) -> None:
    folder = RunFolder(tmp_path)
    with folder.locked():
        break_it(tmp_path / ".lock.owner")
        with pytest.raises(SitsparkError, match="output: another process is working in"), folder.locked():
            pass


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    monkeypatch.setattr(filelock.FileLock, "_acquire", none)
    with pytest.raises(SitsparkError, match=r"has no locks.*choose an output"), RunFolder(tmp_path).locked():
        pass
