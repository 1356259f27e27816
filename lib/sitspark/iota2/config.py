"""An iota2 configuration file as settings of a run, with a list of all that was not carried over, and why."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sitspark.errors import SitsparkError
from sitspark.iota2.names import keys_of
from sitspark.iota2.outcome import NEEDS_NONE, Outcome, Refused
from sitspark.iota2.rules import PREFIXES, RULES, SWITCHES, defaults
from sitspark.iota2.syntax import parse
from sitspark.settings import Settings
from sitspark.settings_file import apply_override, parse_settings

_CLASSIFICATION = "i2classification"
_ALIKE = 0.75  # a letter too many, too few, or two in each other's place, of five; ram of OTB is no sampler
_NOT_SET, _UNKNOWN = "is not set", "is no known key of iota2"


@dataclass(frozen=True, slots=True)
class Carried:
    """A key of iota2 that became a setting; `default`: the file didn't have it, and the value is iota2's default."""

    key: str
    setting: str
    value: Any
    default: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A key of the file that no setting expresses, as it is written there, with the reason."""

    key: str
    value: Any
    reason: str

    @property
    def changes_the_job(self) -> bool:
        """Whether a user should know: not so for keys without value, or with the only value there is here."""
        return not self.reason.startswith((NEEDS_NONE, _NOT_SET))


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a file: settings as nested mapping, and every key either carried over, left out or refused.

    `lines` are those of the keys as they are written.
    """

    tree: dict[str, Any]
    carried: tuple[Carried, ...]
    left_out: tuple[LeftOut, ...]
    refused: dict[str, Refused]
    lines: dict[str, int]


def read_cfg(path: Path, *, overrides: Sequence[str] = ()) -> tuple[Settings, Converted]:
    """Read an iota2 file and apply `key.path=value` overrides, whose keys are those of the settings.

    Raises SitsparkError with file and key or line for what can't be read, for values that can't be done and have no override in
    their place, and for settings that are missing or wrong.
    """
    converted = settings_from_cfg(path)
    _refuse(converted, path, overrides)
    for override in overrides:
        apply_override(converted.tree, override)
    written = {one.setting: f"{one.key}, line {converted.lines[one.key]}" for one in converted.carried if not one.default}
    try:
        return parse_settings(converted.tree, source=path, overrides=overrides, written=written), converted
    except SitsparkError as error:
        # what is missing may be misspelt
        unknown = [
            f"line {converted.lines[one.key]}: {one.key} {one.reason}"
            for one in converted.left_out
            if one.reason.startswith(_UNKNOWN)
        ]
        raise SitsparkError("; ".join((str(error), *unknown))) from None


def _refuse(converted: Converted, path: Path, overrides: Sequence[str]) -> None:
    """Raise SitsparkError for what is refused, by its lines and keys, unless an override takes its place."""
    given = [override.partition("=")[0].strip() for override in overrides]
    left = {key: one for key, one in converted.refused.items() if not any(map(one.is_settled_by, given))}
    if left:
        faults = "; ".join(f"line {converted.lines[key]}: {_told(key, one.reason)}" for key, one in left.items())
        settings = dict.fromkeys(one.instead for one in left.values() if one.instead is not None)
        instead = f", or say what takes its place: {' '.join(f'--set {one}=...' for one in settings)}" if settings else ""
        raise SitsparkError(f"{path}, {faults}; change it there{instead}")


def _told(key: str, reason: str) -> str:
    return f"{key}{' ' if reason.startswith('is ') else ': '}{reason.removesuffix('?')}"


def settings_from_cfg(path: Path) -> Converted:
    """Convert an iota2 file of 2020 (camelCase) or 2022; relative paths mean what they mean in its folder.

    Keys that the file lacks get iota2's defaults, not those of the settings, so that the job stays the same. Raises
    SitsparkError for a file that is no mapping, for a key given twice with different values (as ratio in chain and in
    arg_train), and for builders other than the classification of pixels.
    """
    written: dict[str, str] = {}
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key in keys_of(parse(_text_of(path), source=path)):
        if key.name in values and values[key.name] != key.value:
            other = written[key.name]
            raise SitsparkError(
                f"{path}, line {key.line}: {other} is {values[key.name]!r} (line {lines[other]}) and {key.written} is "
                f"{key.value!r}, but both mean {key.name}; keep one"
            )
        lines[key.written] = key.line
        written.setdefault(key.name, key.written)
        values.setdefault(key.name, key.value)
    _check_builders(values, path)

    tree: dict[str, Any] = {}
    carried: list[Carried] = []
    left_out: list[LeftOut] = []
    refused: dict[str, Refused] = {}
    for name, value in (values | defaults(set(values))).items():
        outcome = _outcome(name, value, values)
        if isinstance(outcome, Refused):
            refused[written[name]] = outcome
            continue
        if isinstance(outcome, str):
            left_out.append(LeftOut(written[name], value, outcome))
            continue
        for setting, converted in outcome.items():
            _put(tree, setting, converted)
            carried.append(Carried(written.get(name, name), setting, converted, default=name not in values))
    return Converted(tree, tuple(carried), tuple(left_out), refused, lines)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SitsparkError(f"{path}: no such file") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise SitsparkError(f"{path}: is not a text file in UTF-8; an iota2 configuration is one") from None


def _check_builders(values: dict[str, Any], path: Path) -> None:
    wanted = values.get("builders.builders_class_name") or []
    for builder in [wanted] if isinstance(wanted, str) else wanted:
        if str(builder).replace("_", "").lower() != _CLASSIFICATION:
            raise SitsparkError(
                f"{path}: the builder {builder} can't be run here; only the classification of pixels can "
                "(builders_class_name: ['I2Classification'])"
            )


def _outcome(name: str, value: Any, values: dict[str, Any]) -> Outcome:
    """Settings by their names, or why there are none."""
    if name in RULES:
        if value is None or value == "None":
            return _NOT_SET
        if name in SWITCHES and not (isinstance(value, bool) or value in (0, 1)):
            return Refused(f"{value} is neither True nor False", SWITCHES[name])
        return RULES[name](value, values)
    for prefix, reason in PREFIXES.items():
        if f"{name}.".startswith(prefix):
            return reason
    meant = _meant(name)
    # one that resembles no other may be of OTB, or of a later iota2
    return Refused(f"{_UNKNOWN}; did you mean {meant}?", None) if meant else _UNKNOWN


def _meant(name: str) -> str | None:
    """The known key that a misspelt one resembles: by its last part where the section is known, else by the section."""
    section, _, last = name.rpartition(".")
    known = {rule.rpartition(".")[::2] for rule in RULES}
    lasts = [one for of, one in known if of == section]
    if lasts:
        near = difflib.get_close_matches(last, lasts, n=1, cutoff=_ALIKE)
        return f"{section}.{near[0]}" if near else None
    sections = difflib.get_close_matches(section, {of for of, one in known if one == last}, n=1, cutoff=_ALIKE)
    return f"{sections[0]}.{last}" if sections else None


def _put(tree: dict[str, Any], setting: str, value: Any) -> None:
    *sections, key = setting.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[key] = value
