"""A network of the user's own: any torch module, which is given what the networks of the bank are given (docs/networks.md)."""

import functools
import json
from typing import Any

from torch import Tensor, nn

from sitspark.errors import SitsparkError
from sitspark.models.networks.base import Network, Standardise
from sitspark.models.networks.layout import Layout
from sitspark.models.networks.own_code import MODULE_KEY, OwnCode
from sitspark.models.networks.series import StandardisedSeries
from sitspark.models.statistics import Statistics
from sitspark.user_module import run_module, told

_EATS = ("features", "series")


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
        try:
            self.own: nn.Module = kind(layout, classes, **json.loads(code.parameters))
        except Exception as error:
            raise SitsparkError(
                f"{_named(code)} can't be built ({told(error, code.path)}); it is called with a layout, the number of "
                "classes and training.network.parameters by name"
            ) from error

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
    found = getattr(_module(code.path, code.text), code.class_name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise SitsparkError(
            f"training.network.class: {code.path} has no class {code.class_name} that derives from torch.nn.Module; correct "
            "the name, or add it"
        )
    return found


@functools.lru_cache(maxsize=4)  # a process meets one run at a time
def _module(path: str, text: str) -> Any:
    """The module, run once a process."""
    try:
        return run_module(path, text)
    except Exception as error:
        raise SitsparkError(f"{MODULE_KEY}: {path} can't be loaded ({told(error, path)}); correct it") from error


def _named(code: OwnCode) -> str:
    return f"training.network: {code.class_name} of {code.path}"


def _described(scores: object) -> str:
    return f"{scores.dtype} of shape {tuple(scores.shape)}" if isinstance(scores, Tensor) else type(scores).__name__
