"""The folder of a run: where everything lies, which stages are done, and who works in it.

`run.json` alone says what is done; a file with the right name proves nothing. It is replaced by one rename, after the
results of a stage are in place, so that a kill at any moment leaves the old state or the new one.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from sitspark.atomic import write_atomically
from sitspark.errors import SitsparkError
from sitspark.parts import is_delta
from sitspark.settings import Settings
from sitspark.workflow.foreseen import Cost
from sitspark.workflow.keys import contents
from sitspark.workflow.sums import files_of, log_of, sums_of, write_sums

FORMAT = 2  # of run.json; stages of an older one are done again


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A finished stage: its key, what it said, what later stages need to know, the contents of each path it published.

    `sums` is the SHA-256 of the list of its files' sums; `peak_mb` the most memory that was seen on the driver's machine.
    """

    key: str
    summary: str
    seconds: float
    finished: str
    facts: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    sums: str = ""
    peak_mb: int | None = None

    @property
    def is_work(self) -> bool:
        """Whether there was anything to do: else the stage wasn't asked for."""
        return bool(self.summary)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The paths of a run, and its record of finished stages."""

    path: Path

    @property
    def record_file(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    @property
    def log(self) -> Path:
        """What Spark and its workers print."""
        return self.path / "logs" / "spark.log"

    @property
    def scratch(self) -> Path:
        """Work in progress; may be removed whenever no run is going on."""
        return self.path / "scratch"

    def table(self, name: str) -> Path:
        """The folder of a table."""
        return self.path / "tables" / name

    def tables(self) -> list[str]:
        """The tables that there are."""
        folders = (self.path / "tables").glob("[!.]*")
        return sorted(path.name for path in folders if is_delta(path) or any(path.glob("*.parquet")))

    @property
    def versioned(self) -> bool:
        """Whether there are tables of Delta."""
        return any(is_delta(self.table(name)) for name in self.tables())

    def model(self, model_id: str) -> Path:
        """The folder of a model."""
        return self.path / "models" / model_id

    @property
    def trials(self) -> Path:
        """The models that a search tried, each in a folder of its own."""
        return self.path / "trials"

    def map(self, map_id: str) -> Path:
        """The folder of a map."""
        return self.path / "maps" / map_id

    @property
    def accuracy(self) -> Path:
        """Metrics, confusion matrices, figures."""
        return self.path / "accuracy"

    @property
    def report(self) -> Path:
        """The page that sums the run up."""
        return self.path / "report" / "index.html"

    @property
    def calendar(self) -> Path:
        """When each tile was seen, and how clearly."""
        return self.path / "report" / "calendar.png"

    @property
    def plan(self) -> Path:
        """What `sitspark plan` foresaw last."""
        return self.path / "plan.json"

    def planned(self, stage: str, key: str) -> Cost | None:
        """What a stage was planned to take; None where none was planned under this key of the settings."""
        try:
            planned = json.loads(self.plan.read_text())
            costs = planned["first_costs"] | planned["costs"] | planned["fold_costs"]
            return Cost(**costs[stage]) if planned["key"] == key else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @property
    def split(self) -> Path:
        """Where the polygons of each set and fold lie, and how many they are."""
        return self.path / "report" / "split.png"

    @property
    def series(self) -> Path:
        """How NDVI, or another feature, of each class goes through the period."""
        return self.path / "report" / "series.png"

    def sums(self, stage: str) -> Path:
        """The list of what a stage published, with the SHA-256 of each file."""
        return self.path / "sums" / f"{stage}.sha256"

    def write_sums(self, stage: str, outputs: Iterable[Path], *, known: Mapping[Path, str] = MappingProxyType({})) -> str:
        """Note the SHA-256 of every file that a stage published, of which some are `known`; gives that of the list."""
        files = {file for path in outputs for file in (*files_of(path), *log_of(path))}
        sums = sums_of(files - known.keys()) | {file: known[file] for file in files & known.keys()}
        return write_sums(self.sums(stage), dict(sorted(sums.items())), root=self.path)

    def records(self) -> dict[str, StageRecord]:
        """The finished stages, in the order in which they finished."""
        return {name: StageRecord(**record) for name, record in self._read().get("stages", {}).items()}

    def in_place(self, record: StageRecord) -> bool:
        """Whether all that a stage published is there, file by file and of the same size."""
        return all(self.holds(path, found) for path, found in record.outputs.items())

    def holds(self, path: str, found: str) -> bool:
        """Whether a published path has the contents on record."""
        return contents(self.path / path) == found

    def settings(self) -> dict[str, Any]:
        """The settings of the last run in this folder, as JSON has them."""
        found: dict[str, Any] = self._read().get("settings", {})
        return found

    def _read(self) -> dict[str, Any]:
        if not self.record_file.exists():
            return {}
        try:
            content: dict[str, Any] = json.loads(self.record_file.read_text())
        except json.JSONDecodeError:
            raise SitsparkError(
                f"{self.record_file}: is damaged; remove the file (the run then starts again) or the folder"
            ) from None
        if content.get("format", 0) > FORMAT:
            raise SitsparkError(f"{self.record_file}: was written by a newer sitspark; use that version, or another output")
        if content.get("format", 0) < FORMAT:
            content["stages"] = {}
        return content

    def not_carried_over(self) -> dict[str, str]:
        """The keys of another program's file that the last run was not given, and why."""
        found: dict[str, str] = self._read().get("not_carried_over", {})
        return found

    def begin(self, settings: Settings, not_carried_over: Mapping[str, str] = MappingProxyType({})) -> None:
        """Note the settings and versions of this run, and what they lack, keeping the finished stages."""
        content = self._read()
        self._write(
            {
                "format": FORMAT,
                "settings": settings.model_dump(mode="json"),
                "not_carried_over": dict(not_carried_over),
                "versions": versions(),
                "git_revision": _git_revision(),
                "stages": content.get("stages", {}),
            }
        )

    def forget(self, name: str) -> None:
        """Take a stage off the record, before its results are replaced."""
        content = self._read()
        if content.get("stages", {}).pop(name, None) is not None:
            self._write(content)

    def finish(self, name: str, record: StageRecord) -> None:
        """Put a stage on the record, after its results are in place."""
        content = self._read()
        stages = content.setdefault("stages", {})
        stages.pop(name, None)
        stages[name] = asdict(record)
        self._write(content)

    def _write(self, content: dict[str, Any]) -> None:
        write_atomically(self.record_file, json.dumps(content, indent=2, default=str))

    def prepare(self) -> None:
        """Create the folder; raises SitsparkError when nothing can be written there."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".writable.{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SitsparkError(f"output: {self.path} can't be written ({error.strerror}); choose another folder") from None

    def _sweep(self) -> None:
        """Remove what a killed run left half-written: scratch, drafts, and everything under a hidden name in its own folders.

        A folder without a record is no run's: what lies there is somebody else's.
        """
        if not self.record_file.exists():
            return
        shutil.rmtree(self.scratch, ignore_errors=True)
        for pattern in (".*.part", ".writable.*"):
            for draft in self.path.glob(pattern):
                draft.unlink()
        folders = (
            "tables/",
            "tables/*/",
            "models/*/",
            "trials/*/",
            "maps/*/",
            "maps/*/chunks/*/",
            "accuracy/",
            "report/",
            "sums/",
        )
        for draft in (found for folder in folders for found in self.path.glob(f"{folder}.*")):
            # Spark leaves a sum of each file of a table beside it
            if not draft.name.startswith(".lock") and draft.suffix != ".crc":
                shutil.rmtree(draft) if draft.is_dir() else draft.unlink()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against a second run; the system frees it when the process ends in any way."""
        if self.scratch.exists() and not self.record_file.exists():
            raise SitsparkError(
                f"output: {self.scratch} is there, but no {self.record_file.name}: the folder isn't that of a run, which "
                "throws its scratch away; choose another output"
            )
        self.prepare()
        owner = self.path / ".lock.owner"
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = _read_if_there(owner) or "another process"
            raise SitsparkError(f"output: {who} is working in {self.path}; wait for it, or choose another output") from None
        except NotImplementedError:
            raise SitsparkError(
                f"output: the file system of {self.path} has no locks, so that two runs could work in it; mount it with them "
                "(flock), or choose an output on another one"
            ) from None
        try:
            owner.write_text(f"process {os.getpid()} on {platform.node()}, since {now()},")
            self._sweep()
            yield
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)
            owner.unlink(missing_ok=True)
            lock.release()


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def found_run(folder: Path | None) -> RunFolder:
    """The run in a folder; without one the run below ./runs that was last at work. Raises SitsparkError for none."""
    if folder is None:
        records = sorted(Path("runs").glob("*/run.json"), key=lambda path: path.stat().st_mtime)
        if not records:
            raise SitsparkError("no run lies below runs; name its folder with --run")
        folder = records[-1].parent
    found = RunFolder(folder)
    if not found.record_file.exists():
        raise SitsparkError(f"{folder} is no run: it holds no run.json")
    return found


def now() -> str:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """The versions that a result may depend on."""
    names = ("sitspark", "pyspark", "apache-sedona", "numpy", "numba", "rasterio", "torch", "pyarrow", "pandas")
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _git_revision() -> str | None:
    """The revision of the source tree that this package is imported from; None where there is none, or no git."""
    if shutil.which("git") is None:
        return None
    answer = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or None
