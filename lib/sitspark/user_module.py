"""Python files of the user: read once as text, which workers and models get, and run as a module."""

import json
import linecache
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sitspark.errors import SitsparkError


def text_of(path: Path, *, key: str) -> str:
    """The text of a file that the settings name under `key`; raises SitsparkError where it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SitsparkError(f"{key}: {path} can't be read ({error}); name a Python file") from None


def as_json(name: str, parameters: Mapping[str, Any], *, key: str) -> str:
    """Parameters of what is called `name`, as JSON text; raises SitsparkError for one that is no plain value."""
    try:
        return json.dumps(parameters, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise SitsparkError(
            f"{key}: a parameter of {name} is no number, text, list or mapping ({error}); write it as text"
        ) from None


def run_module(path: str, text: str) -> ModuleType:
    """The module that a text defines, run now; raises whatever the text raises."""
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    # so that a traceback shows the line, also where the file isn't
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    exec(compile(text, path, "exec"), module.__dict__)
    return module


def told(error: Exception, path: str) -> str:
    """What an exception says, with the last line of the user's file that led to it."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"line {line}: " if line else ""
    return f"{where}{type(error).__name__}: {' '.join(str(error).split())}"
