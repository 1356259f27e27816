"""Delivering a run: map, models, accuracy and report are copied to where others read them, a folder or an object store."""

import hashlib
import json
import mimetypes
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sitspark.hashing import sha256_of
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.workflow.context import Context
from sitspark.workflow.members import models_of
from sitspark.workflow.run_folder import RunFolder, StageRecord

MANIFEST = "delivery.json"  # written last: what it names is there, whole
_GEOTIFF = "image/tiff; application=geotiff; profile=cloud-optimized"  # OGC 21-026
_OF_THE_MAP = ("mosaic", "regularise", "vectorise")
# what leads readers to other files comes after these
_LAST = ("item.json", "index.html", "run.json")


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file at its destination."""

    sha256: str
    bytes: int


def deliver(context: Context, target: Location, done: Mapping[str, StageRecord]) -> None:
    """Bring a destination up to date: only files that differ or are missing there are copied.

    `done` are the stages that are finished under their present keys. Raises SitsparkError where it can't be read or written.
    """
    started = time.monotonic()
    wanted = {name: Delivered(sha256_of(path), path.stat().st_size) for name, path in _files(context.folder, done).items()}
    known, sizes = _manifest(target), store.sizes_below(target)
    missing = [name for name, file in wanted.items() if known.get(name) != file or sizes.get(name) != file.bytes]
    summary = f"{len(wanted)} files at {target}"
    if not missing and known == wanted:
        context.voice.stage("delivery", summary, None)
        return
    store.remove(target / MANIFEST)
    with context.voice.bar("delivery", len(missing), "files") as update:
        for number, name in enumerate(missing):
            update(number, name)
            store.write(target / name, context.folder.path / name, content_type=_content_type(name))
    content = json.dumps({name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in wanted.items()}, indent=2)
    store.write(target / MANIFEST, content.encode(), content_type="application/json")
    copied = sum(wanted[name].bytes for name in missing)
    sentence = f"{len(missing)} of {summary} copied, {copied / 1e6:.1f} MB"
    context.voice.stage("delivery", sentence, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class DeliveryFound:
    """What became of a delivery: files and bytes that are there as delivered, and those that are "missing" or "changed"."""

    files: int
    bytes: int
    differing: dict[str, Literal["missing", "changed"]]


def verify_delivery(target: Location) -> DeliveryFound | None:
    """Hash again all that was delivered; None where no delivery came to its end.

    Raises SitsparkError where it can't be read.
    """
    known = _manifest(target)
    differing: dict[str, Literal["missing", "changed"]] = {}
    for name, file in known.items():
        try:
            with store.opened(target / name) as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                    differing[name] = "changed"
        except FileNotFoundError:
            differing[name] = "missing"
    there = sum(file.bytes for name, file in known.items() if name not in differing)
    return DeliveryFound(len(known), there, differing) if known else None


def forget_delivery(target: Location) -> None:
    """Let the next delivery copy all files; raises SitsparkError where the destination can't be written."""
    store.remove(target / MANIFEST)


def _files(run: RunFolder, done: Mapping[str, StageRecord]) -> dict[str, Path]:
    """The files of a run that others read, by their paths in its folder, those last that lead to others.

    Models and maps of other settings, which a folder may still hold, are none of this run.
    """
    folders = [run.accuracy, run.report.parent]
    if "train" in done:
        folders += (run.model(one.model_id) for one in models_of(done["train"].facts))
    found = [run.record_file]
    # of a map only what stages that are done have published: others' files may be of earlier settings
    for stage in _OF_THE_MAP:
        if stage in done:
            found += (run.path / path for path in done[stage].outputs)
    for folder in folders:
        found += (path for path in folder.rglob("[!.]*") if path.is_file())
    found.sort(key=lambda path: (path.name in _LAST, str(path)))
    return {str(path.relative_to(run.path)): path for path in found}


def _manifest(target: Location) -> dict[str, Delivered]:
    """What an earlier delivery left; nothing where there was none, or it didn't come to its end."""
    content = store.read_if_there(target / MANIFEST)
    try:
        return {name: Delivered(**file) for name, file in json.loads(content or b"{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _content_type(name: str) -> str:
    if name.endswith(".tif"):
        return _GEOTIFF
    if name.endswith(".gpkg"):
        return "application/geopackage+sqlite3"
    if name.endswith("item.json"):
        return "application/geo+json"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
