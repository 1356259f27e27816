"""Whether a run is what it published: every file is hashed again, and what differs is named by stage."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape

from sitspark.errors import SitsparkError, counted
from sitspark.hashing import sha256_of
from sitspark.location import Location
from sitspark.models.card import CARD, WEIGHTS, read_card
from sitspark.workflow.deliver import forget_delivery, verify_delivery
from sitspark.workflow.run_folder import RunFolder, StageRecord
from sitspark.workflow.sums import files_of, read_sums, sums_of

DELIVERY = "delivery"

State = Literal["missing", "changed", "extra"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that isn't what was published: its path in the run (or at the destination of a delivery), and what it is."""

    file: str
    state: State


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of what a stage published. `files` were published; None where no sums are known to compare them with."""

    stage: str
    files: int | None
    bytes: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """All stages of a run that are on record."""

    run: Path
    stages: tuple[Verified, ...]

    @property
    def differing(self) -> tuple[Verified, ...]:
        """The stages whose files differ."""
        return tuple(stage for stage in self.stages if stage.differences)

    def to_json(self) -> str:
        """As JSON text."""
        content = {"run": str(self.run), "intact": not self.differing, "stages": [asdict(stage) for stage in self.stages]}
        return json.dumps(content, indent=2, ensure_ascii=False)

    def refuse(self, *, forgotten: bool) -> None:
        """Raise a SitsparkError that says what to do, if anything differs; `forgotten`: see `forget`."""
        if not self.differing:
            return
        files = counted(sum(len(stage.differences) for stage in self.differing), "file")
        names = ", ".join(stage.stage for stage in self.differing)
        anew = "the same command as before makes it anew"
        command = f"sitspark verify {self.run} --forget"
        extra = sum(difference.state == "extra" for stage in self.differing for difference in stage.differences)
        stay = (
            f"; {counted(extra, 'extra file')} left in place, unless a table is replaced: remove what you don't want"
            if extra
            else ""
        )
        remedy = f"taken off the record: {anew}{stay}" if forgotten else f"`{command}` takes that off the record, then {anew}"
        raise SitsparkError(f"{self.run}: {files} of {names} not as published; {remedy}")


def verify(folder: RunFolder) -> Verification:
    """Hash again all that the finished stages of a run published, and what was delivered of it.

    Nothing is changed. Raises SitsparkError where something can't be read.
    """
    stages = [_verified(folder, name, record) for name, record in folder.records().items()]
    target = folder.settings().get(DELIVERY)
    delivered = verify_delivery(Location.of(target)) if target else None
    if delivered is not None:
        differences = tuple(Difference(file, state) for file, state in delivered.differing.items())
        stages.append(Verified(DELIVERY, delivered.files, delivered.bytes, differences))
    return Verification(folder.path, tuple(stages))


def forget(folder: RunFolder, found: Verification) -> None:
    """Take the stages that differ off the record and remove their files that changed, so that the next run makes them anew.

    Extra files stay, for nobody knows whose they are: of a table that is made anew the whole folder is replaced, and nothing
    reads them elsewhere.

    Raises SitsparkError where a run is at work in the folder.
    """
    with folder.locked():
        for stage in found.differing:
            if stage.stage == DELIVERY:
                forget_delivery(Location.of(folder.settings()[DELIVERY]))
                continue
            folder.forget(stage.stage)
            for difference in stage.differences:
                path = folder.path / difference.file
                if difference.state == "changed" and path.is_file():
                    path.unlink()


def say(found: Verification, console: Console) -> None:
    """Print a line a stage, and below it each file that differs."""
    for stage in found.stages:
        if stage.files == 0 and not stage.differences:
            continue  # it wasn't asked for
        if stage.files is None:
            mark, told = "-", "no list of sums: only names and sizes are known"
        else:
            mark, told = "[green]✓[/]", f"{counted(stage.files, 'file')}, {stage.bytes / 1e6:.1f} MB"
        if stage.differences:
            mark, told = "[red]✗[/]", f"{told}, {len(stage.differences)} not as published"
        console.print(f"{mark} [bold]{stage.stage:<14}[/] {told}", soft_wrap=True)
        for difference in stage.differences:
            console.print(f"    {difference.state:<8} {escape(difference.file)}", soft_wrap=True)


def _verified(folder: RunFolder, name: str, record: StageRecord) -> Verified:
    """A stage of a run; of one without a whole list of sums, as of earlier versions, only names and sizes are known."""
    root, listed = folder.path, folder.sums(name)
    own = sha256_of(listed) if listed.is_file() else ""
    if own != record.sums or not own:
        gone = [Difference(path, "changed") for path, known in record.outputs.items() if not folder.holds(path, known)]
        if own != record.sums:
            gone.append(Difference(str(listed.relative_to(root)), "changed" if own else "missing"))
        return Verified(name, None, 0, tuple(gone))
    published = read_sums(listed, root=root)
    there = {file for path in record.outputs for file in files_of(root / path)}
    found = sums_of(file for file in {*published, *there} if file.is_file())
    states: dict[Path, State] = {}
    for file in published.keys() - found.keys():
        states[file] = "missing"
    for file in there - published.keys():
        states[file] = "extra"
    told = dict(_told(folder, found, published))
    for file in published.keys() & found.keys():
        if found[file] != published[file] or found[file] != told.get(file, found[file]):
            states[file] = "changed"
    differences = (Difference(str(file.relative_to(root)), state) for file, state in sorted(states.items()))
    return Verified(name, len(published), sum(file.stat().st_size for file in found), tuple(differences))


def _told(folder: RunFolder, found: Mapping[Path, str], published: Mapping[Path, str]) -> Iterator[tuple[Path, str]]:
    """What products say of each other's sums: a card of its weights, the manifest of the files of chunks."""
    for file in (file for file, sha256 in found.items() if sha256 == published.get(file)):
        if file.name == CARD:
            yield file.with_name(WEIGHTS), read_card(file.parent).weights_sha256
        elif file.parent == folder.table("manifest"):
            chunks = folder.path / folder.records()["classify"].facts["chunks"]
            for row in pq.read_table(file, columns=["path", "sha256"]).to_pylist():
                # addresses of where the run was made: it may have been moved since
                yield chunks / Path(row["path"]).name, row["sha256"]
