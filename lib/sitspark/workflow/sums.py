"""The SHA-256 of every file that a stage published, kept beside the record as `sha256sum --check` reads it."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sitspark.atomic import write_atomically
from sitspark.hashing import sha256_of
from sitspark.parts import current_parts, is_delta


def files_of(path: Path) -> list[Path]:
    """The files of what a stage published: a file, all files below a folder but hidden ones, a Delta table's current parts.

    Older parts of a Delta table may be removed. What isn't there has none.
    """
    found: Iterable[Path] = (path,)
    if path.is_dir():
        found = current_parts(path) if is_delta(path) else path.rglob("[!.]*")
    return [file for file in found if file.is_file()]


def log_of(path: Path) -> list[Path]:
    """What tells which parts of a Delta table are current; nothing for anything else."""
    return [file for file in (path / "_delta_log").rglob("[!.]*") if file.is_file()]


def sums_of(files: Iterable[Path]) -> dict[Path, str]:
    """The SHA-256 of each file, several at a time."""
    listed = sorted(set(files))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return dict(zip(listed, pool.map(sha256_of, listed), strict=True))


def write_sums(path: Path, sums: Mapping[Path, str], *, root: Path) -> str:
    """Publish a list of sums, with files named as `root` sees them; gives the list's own."""
    write_atomically(path, "".join(f"{sha256}  {file.relative_to(root)}\n" for file, sha256 in sums.items()))
    return sha256_of(path)


def read_sums(path: Path, *, root: Path) -> dict[Path, str]:
    """Read back what `write_sums` wrote."""
    lines = (line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines())
    return {root / name: sha256 for sha256, name in lines}
