"""Publishing a text file: readers see the old text or the new one, after a crash of the machine too."""

import os
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 text beside its place and rename it once; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        # the name must not reach the disk before the content does
        os.fsync(file.fileno())
    draft.replace(path)
