"""How settings differ from those of an earlier run."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from sitspark.settings.redaction import redacted

_LONG = 40  # characters; longer values are not repeated


def changes(before: Mapping[str, Any], now: BaseModel) -> list[str]:
    """The keys whose values differ, each with both, as `training.epochs 20 -> 5`; `before` are settings as JSON has them.

    Keys that `before` doesn't have are those of a later version, and don't count; values of secret keys aren't told.
    """
    return list(_changes(redacted(before), now, redacted(now.model_dump(mode="json")), ""))


def _changes(before: Mapping[str, Any], now: BaseModel, dumped: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, field in type(now).model_fields.items():
        key = field.alias or name
        value = dumped[key]
        if key not in before or before[key] == value:
            continue
        section = getattr(now, name)
        if isinstance(section, BaseModel) and isinstance(before[key], Mapping):
            yield from _changes(before[key], section, value, f"{prefix}{key}.")
        else:
            told = " -> ".join(json.dumps(one, ensure_ascii=False).strip('"') for one in (before[key], value))
            yield f"{prefix}{key}" + (f" {told}" if len(told) <= _LONG else "")
