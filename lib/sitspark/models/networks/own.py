"""A network of the user's own: any torch module, which is given what the networks of the bank are given (docs/networks.md)."""

import functools
import json
from typing import Any

from torch import Tensor, nn

from sitspark.errors import SitsparkError, nearest
from sitspark.models.networks.base import Network, Standardise
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.own_code import MODULE_KEY, OwnCode
from sitspark.models.networks.series import StandardisedSeries
from sitspark.models.statistics import Statistics
from sitspark.user_module import refusal, run_module, told

_EATS = ("features", "series")
_PARAMETERS = "training.network.parameters"


class OwnNetwork(Network):
    """The user's module behind the standardisation.

    Raises SitsparkError, with class and module, for a text that can't be run, a class that isn't there or can't be built, and
    in `forward` for what the class raises and for scores of another shape.
    """

    def __init__(self, code: OwnCode, layout: Layout, classes: int) -> None:
        super().__init__()
        self.code, self.classes = code, classes
        kind = own_class(code)
        eats = getattr(kind, "eats", _EATS[0])
        if eats not in _EATS:
            raise SitsparkError(f"{_named(code)} eats {eats!r}; set its attribute eats to one of {', '.join(_EATS)}")
        if eats == "series":
            layout.require_series(code.class_name)
        self.standardised = StandardisedSeries(layout) if eats == "series" else Standardise(len(layout.names))
        parameters = json.loads(code.parameters)
        _refuse(code, refusal(kind, ("layout", "classes"), parameters, key=_PARAMETERS))
        try:
            self.own: nn.Module = kind(layout, classes, **parameters)
        except Exception as error:
            raise SitsparkError(
                f"{_named(code)} can't be built ({told(error, code.path)}); correct it, or {_PARAMETERS}"
            ) from error
        if kind.forward is nn.Module.forward:
            raise SitsparkError(f"{_named(code)} has no method forward; docs/networks.md says what it is given")
        given = ("series", "rest") if eats == "series" else ("features",)
        wrong = refusal(self.own.forward, given)
        _refuse(code, wrong and f"has a method forward that {wrong}")

    def take(self, statistics: Statistics) -> None:
        """Standardise by the statistics of the samples that are learnt from."""
        self.standardised.take(statistics)

    def forward(self, features: Tensor) -> Tensor:
        """Scores before softmax, float32 (n, classes)."""
        given = self.standardised(features)
        try:
            scores = self.own(*given) if isinstance(given, tuple) else self.own(given)
        except Exception as error:
            raise SitsparkError(f"{_named(self.code)} fails ({told(error, self.code.path)}); correct it") from error
        expected = (len(features), self.classes)
        if not isinstance(scores, Tensor) or scores.shape != expected or not scores.is_floating_point():
            raise SitsparkError(
                f"{_named(self.code)} gives {_described(scores)} for {len(features)} samples and {self.classes} classes, not "
                f"scores of shape {expected}"
            )
        return scores

    def folded(self) -> nn.Module:
        """Itself."""
        return self


def own_class(code: OwnCode) -> type[nn.Module]:
    """The user's class; raises SitsparkError for a text that can't be run, or has no torch module of that name."""
    module = _module(code.path, code.text)
    found = getattr(module, code.class_name, None)
    if isinstance(found, type) and not issubclass(found, nn.Module):
        raise SitsparkError(f"{_named(code)} doesn't derive from torch.nn.Module; write class {code.class_name}(nn.Module)")
    if not isinstance(found, type):
        kinds = [name for name, kind in vars(module).items() if isinstance(kind, type) and issubclass(kind, nn.Module)]
        meant = nearest(code.class_name, kinds) or "; correct the name, or add it"
        raise SitsparkError(f"training.network.class: {code.path} has no class {code.class_name}{meant}")
    return found


@functools.lru_cache(maxsize=4)  # a process meets one run at a time
def _module(path: str, text: str) -> Any:
    """The module, run once a process."""
    try:
        return run_module(path, text)
    except Exception as error:
        raise SitsparkError(f"{MODULE_KEY}: {path} can't be loaded ({told(error, path)}); correct it") from error


def _refuse(code: OwnCode, wrong: str | None) -> None:
    if wrong is not None:
        raise SitsparkError(f"{_named(code)} {wrong}")


def _named(code: OwnCode) -> str:
    return f"training.network: {code.class_name} of {code.path}"


def _described(scores: object) -> str:
    return (
        f"{scores.dtype} of shape {tuple(scores.shape)}".removeprefix("torch.")
        if isinstance(scores, Tensor)
        else type(scores).__name__
    )
