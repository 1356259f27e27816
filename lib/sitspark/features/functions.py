"""The user's functions: read once as text, so that workers need no file, and a change of the text is a change of the run."""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sitspark.errors import SitsparkError, nearest
from sitspark.features import iota2_labels
from sitspark.settings import CustomSettings
from sitspark.user_module import as_json, refusal, run_module, text_of, told


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
        text = text_of(settings.module, key="custom_features.module")
        key = "custom_features.functions"
        functions = tuple(CustomFunction(f.name, as_json(f.name, f.parameters, key=key)) for f in settings.functions)
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
                own = [name for name, one in vars(module).items() if inspect.isfunction(one)]
                meant = nearest(function.name, own) or "; correct the name, or add it"
                raise SitsparkError(f"custom_features.functions: {self.path} has no function {function.name}{meant}")
            parameters = json.loads(function.parameters)
            wrong = refusal(called, ("patch",), parameters, key="custom_features.functions")
            if wrong is not None:
                raise SitsparkError(f"custom_features: {function.name} of {self.path} {wrong}")
            found.append((function.name, functools.partial(called, **parameters)))
        return found


@functools.lru_cache(maxsize=4)  # a worker meets one run at a time
def _loaded(path: str, text: str, contract: str) -> ModuleType:
    """The module, run once a process."""
    if contract == "iota2":
        iota2_labels.make_importable()
    try:
        return run_module(path, text)
    except Exception as error:
        advice = "set custom_features.contract to iota2" if "'iota2'" in str(error) and contract != "iota2" else "correct it"
        raise SitsparkError(f"custom_features.module: {path} can't be loaded ({told(error, path)}); {advice}") from error
