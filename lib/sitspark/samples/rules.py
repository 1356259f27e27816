"""How the samples of a model are chosen: how many by a strategy, which of them by a sampler."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sitspark.classes import Nomenclature
from sitspark.samples.strategy import Strategy
from sitspark.settings import SamplesSettings, SelectionSettings


@dataclass(frozen=True, slots=True)
class Rule:
    """How many pixels of each class are taken, and which; `jitter` (positions) is of the periodic sampler."""

    strategy: Strategy
    sampler: Literal["periodic", "random"] = "periodic"
    jitter: int = 0

    @staticmethod
    def of(settings: SelectionSettings, nomenclature: Nomenclature, *, key: str) -> "Rule":
        """That of the section `key`; raises SitsparkError for a class that the nomenclature doesn't have."""
        return Rule(Strategy.of(settings, nomenclature, key=key), settings.sampler, settings.jitter)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule of each model by the name of its ground, where it has one of its own, and that of all others."""

    common: Rule
    own: Mapping[str, Rule] = field(default_factory=dict)

    @staticmethod
    def of(settings: SamplesSettings, nomenclature: Nomenclature) -> "Rules":
        """Those of the settings; raises SitsparkError for a class that the nomenclature doesn't have."""
        own = {
            name: Rule.of(found, nomenclature, key=f"samples.per_model.{name}") for name, found in settings.per_model.items()
        }
        return Rules(Rule.of(settings, nomenclature, key="samples"), own)

    def on(self, ground: str) -> Rule:
        """That of the model which has this ground."""
        return self.own.get(ground, self.common)
