"""The command that goes on from here."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console


def say_next(console: Console, *arguments: str) -> None:
    """Print the command with these arguments."""
    console.print(f"next      {command(*arguments)}", soft_wrap=True, markup=False)


def command(*arguments: str) -> str:
    """The command as this user can call it: by its name where it is on PATH, else by its path."""
    here = Path(sys.executable).parent / "sitspark"
    called = "sitspark" if shutil.which("sitspark") else min(os.path.relpath(here), str(here), key=len)
    return f"{called} {shlex.join(arguments)}"
