"""What all sections of the settings are made of: paths, and how a section is read."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationInfo, model_validator

from sitspark.errors import nearest
from sitspark.location import Location


def _resolved(value: object, info: ValidationInfo) -> object:
    """A path of the settings file, relative to the folder that the file lies in."""
    if not isinstance(value, str | Path):
        return value
    base = (info.context or {}).get("folder", Path.cwd())
    return (base / Path(value).expanduser()).resolve()


def without_repetition(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The names as they are; raises ValueError where one comes twice."""
    twice = sorted({name for name in names or () if (names or ()).count(name) > 1})
    if twice:
        raise ValueError(f"should name {', '.join(twice)} once")
    return names


def in_plain_words(message: str, example: str) -> str:
    """What pydantic found, as a sentence goes on after the key; `example` is how a list is written there."""
    message = re.sub(r"^(Input|Value) should be", "should be", message)
    message = re.sub(r", (unable to (parse|interpret)|got) .*", "", message)
    for its, ours in (
        ("a valid integer", "a whole number"),
        ("a valid number", "a number"),
        ("a valid string", "a text"),
        ("a valid boolean", "true or false"),
        ("a valid tuple", f"a list, as {example}"),
        ("a valid list", f"a list, as {example}"),
        ("a valid dictionary", "a section, as {name: value}"),
        ("a dictionary or an instance of Location", "a path or an address"),
    ):
        message = message.replace(its, ours)
    return message


def refused_value(problem: Mapping[str, Any]) -> str:
    """The value that pydantic refused, as a sentence ends with it."""
    return "empty" if problem["input"] is None else repr(problem["input"])


def meant(problem: Mapping[str, Any]) -> str:
    """The end of a sentence on what pydantic found: the value that may have been meant, where a key has but a few."""
    if problem["type"] != "literal_error":
        return ""
    return nearest(problem["input"], re.findall(r"'([^']*)'", problem["ctx"]["expected"]))


def require_among(bands: Collection[str], **chosen: str | None) -> None:
    """Raise ValueError where a band that is chosen for an index, by its role, is none of the bands."""
    for role, band in chosen.items():
        if band is not None and band not in bands:
            raise ValueError(f"has {role}: {band}, which is none of its bands ({', '.join(bands)})")


FilePath = Annotated[Path, BeforeValidator(_resolved)]


def _located(value: object, info: ValidationInfo) -> object:
    """A path of the settings file, or a URL."""
    if isinstance(value, Location) or not isinstance(value, str | Path):
        return value
    return Location.of(value) if "://" in str(value) else Location(str(_resolved(value, info)))


PathOrUrl = Annotated[Location, BeforeValidator(_located), PlainSerializer(str)]


class FaultyKeyError(ValueError):
    """A fault of some keys within the section that finds it, so that the file's line or the option that gave them is named.

    `key` is the place of the fault, as the names that lead to it; `others` are keys of the section that bear on it.
    """

    def __init__(self, rule: str, *key: str, others: tuple[str, ...] = ()) -> None:
        super().__init__(rule)
        self.key, self.others = key, others


class Section(BaseModel):
    """A block of settings: immutable, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, value: object) -> object:
        return {} if value is None else value
