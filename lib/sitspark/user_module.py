"""Python files of the user: read once as text, which workers and models get, and run as a module."""

import inspect
import json
import linecache
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from sitspark.errors import SitsparkError, nearest


def text_of(path: Path, *, key: str) -> str:
    """The text of a file that the settings name under `key`; raises SitsparkError where it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SitsparkError(f"{key}: {path} can't be read ({error.strerror}); name a Python file") from None
    except UnicodeDecodeError:
        raise SitsparkError(f"{key}: {path} is no text in UTF-8; name a Python file") from None


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


def refusal(
    called: Callable[..., Any], given: Sequence[str], parameters: Mapping[str, Any] | None = None, *, key: str = ""
) -> str | None:
    """Why what a user wrote doesn't take its arguments, `given` in their order and the parameters of `key` by name.

    None where it takes them, or doesn't say what it takes.
    """
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*given, **(parameters or {}))
    except TypeError:
        kinds = signature.parameters.values()
        ordered = [one.name for one in kinds if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        if parameters is None or len(ordered) < len(given):
            return f"takes ({', '.join(ordered)}), and should take ({', '.join(given)})"
        named = [one for one in kinds if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        own = {one.name: one.default for one in named if one.name not in ordered[: len(given)]}
        unknown = [name for name in parameters if name not in own]
        if unknown:
            return f"has no parameter {unknown[0]} ({key}){nearest(unknown[0], own)}"
        missing = [name for name, default in own.items() if default is inspect.Parameter.empty and name not in parameters]
        return f"asks for {', '.join(missing)}; give it under {key}, or a default"
    return None


def told(error: Exception, path: str) -> str:
    """What an exception says, with the last line of the user's file that led to it."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"line {line}: " if line else ""
    if isinstance(error, SyntaxError):  # whose text repeats the file and the line
        return f"{where}{error.msg}"
    # a sentence, and a module that is missing, need no name
    name = "" if isinstance(error, SitsparkError | ModuleNotFoundError) else f"{type(error).__name__}: "
    return f"{where}{name}{' '.join(str(error).split())}"
