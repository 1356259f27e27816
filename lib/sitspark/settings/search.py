"""Which keys of training are tried with which values, and where trainings are noted."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sitspark.errors import nearest
from sitspark.location import refuse_secrets
from sitspark.settings.section import FaultyKeyError, Section, meant

_TRIED = ("search", "try")  # the keys that lead to what is tried, from the section of training

MOST_COMBINATIONS = 256  # of a grid: as many models are trained, and the report lists all

# keys that say where and how a training runs, not what it learns
_OF_THE_MACHINE = frozenset({"processes", "threads", "where", "device", "memory", "held_as", "checkpoint", "search", "track"})
# keys by which trials are compared, so that they are the same for all
_OF_THE_COMPARISON = frozenset({"criterion", "monitor_share", "monitor_by"})


@dataclass(frozen=True, slots=True)
class Choice:
    """Values of a key, one of which is taken."""

    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that have to be possible for all to be so."""
        return self.values


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers of a key from `low` to `high`, both included; `log`: those of each order of magnitude are as likely."""

    low: float
    high: float
    log: bool
    integer: bool

    @property
    def ends(self) -> tuple[float, ...]:
        """The values that have to be possible for all to be so."""
        return self.low, self.high


class SearchSettings(Section):
    """Hyper-parameters that are tried; the best model by training.criterion is that of the run."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    try_: dict[str, Any] = Field(
        alias="try",
        min_length=1,
        description="Keys of training (learning_rate, optimiser.weight_decay) with what is tried: a list of values, or with "
        "trials {low: 1.0e-5, high: 1.0e-2, log: true}; docs/search.md.",
    )
    trials: int | None = Field(
        None,
        ge=1,
        description="Models that are trained, with values that Optuna suggests; null: all combinations of the lists.",
    )
    together: int = Field(
        4,
        ge=1,
        description="Of trials: how many are suggested at once, from the results of those before; the same on any machine.",
    )
    pruner: Literal["median", "halving", "none"] = Field(
        "median",
        description="Of trials: which end early. median: worse than half of those before at its epoch; halving: successive "
        "halving; none.",
    )


class TrackSettings(Section):
    """Where trainings are noted, to be compared with others."""

    to: Literal["mlflow"] = Field("mlflow", description='mlflow; asks for pip install "sitspark[mlflow]".')
    experiment: str = Field("sitspark", min_length=1, description="Name of the experiment that the runs belong to.")
    uri: str | None = Field(
        None,
        description="Address of the tracking server or store; null: that of MLFLOW_TRACKING_URI, and without one a store in "
        "the run's folder (tracking/mlflow.db).",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_its_name(cls, value: object) -> object:
        return {"to": value} if isinstance(value, str) else value

    @field_validator("uri")
    @classmethod
    def _without_secrets(cls, uri: str | None) -> str | None:
        if uri is not None:
            refuse_secrets(uri)
        return uri


def candidates(search: SearchSettings, model: type[BaseModel]) -> dict[str, Choice | Range]:
    """What is tried of each key, by its dotted name in the section `model`. Raises ValueError for what can't be tried."""
    return {name: _candidates(name, tried, search, model) for name, tried in search.try_.items()}


def combinations(tried: Mapping[str, Choice | Range]) -> Iterator[dict[str, Any]]:
    """All combinations of lists of values, in the order of the lists; the last key changes fastest."""
    lists = [candidate.values for candidate in tried.values() if isinstance(candidate, Choice)]
    return (dict(zip(tried, values, strict=True)) for values in itertools.product(*lists))


def count_trials(search: SearchSettings, model: type[BaseModel]) -> int:
    """The number of models that are trained; raises as `candidates` does."""
    if search.trials is not None:
        return search.trials
    return math.prod(len(candidate.ends) for candidate in candidates(search, model).values())


def refuse_impossible(search: SearchSettings, model: type[BaseModel], varied: Callable[[Mapping[str, Any]], object]) -> None:
    """Raise ValueError for a search with keys or values that can't be tried.

    `varied` gives the settings with other values of some keys, and raises pydantic's ValidationError where that can't be.
    """
    tried = candidates(search, model)
    for name, candidate in tried.items():
        for value in candidate.ends:
            _refuse({name: value}, varied)
    if search.trials is not None:
        return
    count = count_trials(search, model)
    if count > MOST_COMBINATIONS:
        raise ValueError(
            f"has a search of {count} combinations, and each is a model to train; leave {MOST_COMBINATIONS} at most, or "
            "set training.search.trials to train as many, chosen one after the other"
        )
    for values in combinations(tried):
        _refuse(values, varied)


def _candidates(name: str, tried: object, search: SearchSettings, model: type[BaseModel]) -> Choice | Range:
    kind = _kind_of(name, model)
    match tried:
        case [_, *_]:
            if any(isinstance(value, Mapping) for value in tried) and name == "network":
                raise _cant(name, "networks of the bank can be, by their names; keys of your own one as network.parameters.x")
            if any(tried.count(value) > 1 for value in tried):
                raise _cant(name, f"it should name each of {tried} once")
            return Choice(tuple(tried))
        case {"low": int() | float() as low, "high": int() | float() as high, **rest} if not rest.keys() - {"log"}:
            log = rest.get("log", False)
            if search.trials is None:
                raise _cant(name, "a range needs training.search.trials, the number of models to train; or write a list")
            if not low < high:
                raise _cant(name, f"low ({low:g}) should be below high ({high:g})")
            if log and low <= 0:
                raise _cant(name, f"low ({low:g}) should be above 0 where log is true")
            numbers = isinstance(low, int) and isinstance(high, int)
            integer = numbers if kind is Any else int in _alternatives(kind)
            if integer and not numbers:
                raise _cant(name, f"it is a whole number, and so should be low ({low}) and high ({high})")
            return Range(low, high, bool(log), integer)
    raise _cant(name, f"write a list of values, or {{low: 1, high: 10, log: true}}, not {tried!r}")


def _kind_of(name: str, model: type[BaseModel]) -> Any:
    """The annotation of a key by its dotted name; Any below a key of free names. Raises ValueError for no key."""
    first = name.partition(".")[0]
    if first in _OF_THE_MACHINE:
        raise _cant(name, "it says where and how a training runs, not what it learns")
    if first in _OF_THE_COMPARISON:
        raise _cant(name, "trials are compared by it, so it has to be the same for all")
    kinds: list[Any] = [model]
    parts = name.split(".")
    for place, part in enumerate(parts):
        if any(get_origin(kind) is dict for kind in kinds):
            return Any
        fields = {
            field.alias or key: field.annotation
            for kind in kinds
            if isinstance(kind, type) and issubclass(kind, BaseModel)
            for key, field in kind.model_fields.items()
        }
        if part not in fields:
            alike = (".".join((*parts[:place], field, *parts[place + 1 :])) for field in fields)
            remedy = nearest(name, alike) or "; docs/settings.md has the keys of training"
            raise _cant(name, f"it is no key of training{remedy}")
        annotation = fields[part]
        kinds = _alternatives(annotation)
    return annotation


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (UnionType, Union):
        return [alternative for member in get_args(annotation) for alternative in _alternatives(member)]
    return [annotation]


def _refuse(values: Mapping[str, Any], varied: Callable[[Mapping[str, Any]], object]) -> None:
    try:
        varied(values)
    except ValidationError as error:
        problem = error.errors()[0]
        cause = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
        why = cause.replace("Input should", "it should") + meant(problem)
        together = ", ".join(f"{name} {value}" for name, value in values.items())
        raise FaultyKeyError(_rule(together, why), *_TRIED, *(values if len(values) == 1 else ())) from None


def _cant(name: str, why: str) -> FaultyKeyError:
    return FaultyKeyError(_rule(name, why), *_TRIED, name)


def _rule(what: str, why: str) -> str:
    return f"can't try {what} (training.search.try): {why}"
