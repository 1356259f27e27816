"""Keys of stages: hashes of settings, of earlier keys and of input files."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.product import Source
from sitspark.settings import Settings
from sitspark.workflow.sums import files_of


def digest(*parts: Any) -> str:
    """The SHA-256 of JSON-like parts, as hexadecimal text."""
    text = json.dumps(parts, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def plan_key(settings: Settings) -> str:
    """A hash of all that changes how long a map takes, and by luck of a little more."""
    return digest(settings.model_dump(mode="json", exclude={"output", "delivery"}))


def fingerprint(paths: Iterable[Path]) -> str:
    """One hash over name, size and time of change of files; a folder stands for all files below it."""
    found: list[tuple[str, int, int]] = []
    for path in paths:
        if path.is_dir():
            files: Iterable[Path] = (child for child in path.rglob("*") if child.is_file())
        elif path.exists():
            # a shapefile is several files of one stem
            files = _of_one_stem(path) if path.suffix.lower() == ".shp" else [path]
        else:
            files = []
        for file in files:
            status = file.stat()
            found.append((str(file), status.st_size, status.st_mtime_ns))
    return digest(sorted(found))


def state_of(source: Source) -> str:
    """A hash over the files of a product, as its listing told them and as they lie on disk or in their store."""
    if source.contents is not None:
        files = (Location(file.member).path for file in source.contents.files.values())
        return digest(source.state, source.contents.to_json(), fingerprint(sorted(file for file in files if file)))
    if source.location.path is not None:
        return fingerprint([source.location.path])
    # an archive file has told its state, a folder is listed
    entries = [] if source.state else store.objects_below(source.location)
    return digest(source.location.address, source.state, [(entry.location.address, entry.state) for entry in entries])


def contents(path: Path) -> str | None:
    """A hash over names and sizes of a file, or of all files below a folder but hidden ones; None where there is nothing.

    Of a Delta table the files of the current version count: older ones may be removed. Times of change don't count, so
    that a run may be copied or moved.
    """
    if not path.exists():
        return None
    return digest(sorted((str(file.relative_to(path)), file.stat().st_size) for file in files_of(path)))


def _of_one_stem(path: Path) -> list[Path]:
    """The files beside a file that share its name up to the suffix, in small or capital letters."""
    return [file for file in path.parent.iterdir() if file.stem.lower() == path.stem.lower()]
