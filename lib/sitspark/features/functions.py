"""The user's functions: read once as text, so that workers need no file, and a change of the text is a change of the run."""

import functools
import hashlib
import json
import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sitspark.errors import SitsparkError
from sitspark.features import iota2_labels
from sitspark.settings import CustomSettings


@dataclass(frozen=True, slots=True)
class CustomFunction:
    """A function by its name, and its parameters as JSON text."""

    name: str
    parameters: str


@dataclass(frozen=True, slots=True)
class CustomFunctions:
    """Functions of one module; `path` is where its text was read, for messages; see `settings.CustomSettings`."""

    path: str
    text: str
    functions: tuple[CustomFunction, ...]
    padding: int
    contract: str

    @staticmethod
    def read(settings: CustomSettings) -> "CustomFunctions":
        """Read the module; raises SitsparkError where there is none, or a parameter is no plain value."""
        try:
            text = settings.module.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SitsparkError(
                f"custom_features.module: {settings.module} can't be read ({error}); name a Python file"
            ) from None
        functions = tuple(CustomFunction(f.name, _as_json(f.name, f.parameters)) for f in settings.functions)
        return CustomFunctions(str(settings.module), text, functions, settings.padding, settings.contract)

    @property
    def sha256(self) -> str:
        """A hash of all that the features depend on: text, functions, parameters, padding, contract."""
        parts = [self.text, [[f.name, f.parameters] for f in self.functions], self.padding, self.contract]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def callables(self) -> list[tuple[str, Callable[[Any], Any]]]:
        """Each function by its name, with its parameters.

        Raises SitsparkError for a module that can't be loaded or doesn't have a function.
        """
        module = _loaded(self.path, self.text, self.contract)
        found: list[tuple[str, Callable[[Any], Any]]] = []
        for function in self.functions:
            called = getattr(module, function.name, None)
            if not callable(called):
                raise SitsparkError(
                    f"custom_features.functions: {self.path} has no function {function.name}; correct the name, or add it"
                )
            found.append((function.name, functools.partial(called, **json.loads(function.parameters))))
        return found


def _as_json(name: str, parameters: Mapping[str, Any]) -> str:
    try:
        return json.dumps(parameters, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise SitsparkError(
            f"custom_features.functions: a parameter of {name} is no number, text, list or mapping ({error}); write it as text"
        ) from None


@functools.lru_cache(maxsize=4)  # a worker meets one run at a time
def _loaded(path: str, text: str, contract: str) -> ModuleType:
    """The module, run once a process."""
    if contract == "iota2":
        iota2_labels.make_importable()
    module = ModuleType(Path(path).stem)
    module.__file__ = path
    # so that a traceback shows the line, also where the file isn't
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    try:
        exec(compile(text, path, "exec"), module.__dict__)
    except Exception as error:
        advice = "set custom_features.contract to iota2" if "'iota2'" in str(error) and contract != "iota2" else "correct it"
        raise SitsparkError(f"custom_features.module: {path} can't be loaded ({told(error, path)}); {advice}") from error
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
