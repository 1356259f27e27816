"""Publishing a file: readers see the old content or the new one."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from sitspark.errors import SitsparkError


def attempt_name(path: Path) -> Path:
    """A hidden name beside `path` that no other attempt uses, in this process or any other, on any machine."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def publish(path: Path, content: bytes) -> None:
    """Write bytes under the name of this attempt, then rename once; the folder is made where it is missing.

    Raises SitsparkError where nothing can be written.
    """
    replace_with(path, lambda part: part.write_bytes(content))


def copy_atomically(path: Path, source: Path) -> None:
    """Publish a copy of a file; raises as `publish` does."""
    replace_with(path, lambda part: shutil.copyfile(source, part))


def write_atomically(path: Path, text: str) -> None:
    """Publish a UTF-8 text, so that also a crash of the machine leaves the old text or the new one."""

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # the name must not reach the disk before the content does
            os.fsync(file.fileno())

    replace_with(path, write)


def replace_with(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under the name of this attempt, then rename it once; raises as `publish` does."""
    part = attempt_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        part.replace(path)
    except OSError as error:
        raise SitsparkError(f"{path}: can't be written ({error.strerror}); check space and rights") from error
    finally:  # also after Ctrl-C in the middle
        with contextlib.suppress(OSError):  # what is in the way of the file is in the way of this too
            part.unlink(missing_ok=True)
