"""Reading the settings of a run from a YAML file.

Paths are relative to the settings file. Unknown keys are refused with the nearest known name; an error names key and line.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sitspark.errors import SitsparkError
from sitspark.settings import ScenesSettings, Settings
from sitspark.settings.section import FaultyKeyError, in_plain_words, meant, refused_value

# a key and a value in one word, as epochs:15, but no address
_NO_BLANK = re.compile(r"\s*(?P<text>[\w.]+:(?!//)[^\s#]\S*)\s*(#.*)?$")
# what the parser finds after such a line
_OF_NO_BLANK = ("mapping values are not allowed", "could not find expected ':'", "expected <block end>")
_REMEDIES = {
    "mapping values are not allowed here": "; keys of a section begin in one column, and a value is in the line of its key",
    "found character '\\t' that cannot start any token": "; indent by blanks",
}


def read_settings(path: Path, *, overrides: Sequence[str] = ()) -> Settings:
    """Read a YAML file, apply `key.path=value` overrides, validate.

    Raises SitsparkError with file, line and key for every problem, each on its own.
    """
    tree = _read_yaml(path)
    for override in overrides:
        apply_override(tree, override)
    return parse_settings(tree, source=path, overrides=overrides)


def parse_settings(
    tree: Mapping[str, Any],
    *,
    source: Path,
    overrides: Sequence[str] = (),
    written: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """Validate a nested mapping; paths are relative to the folder of `source`.

    `overrides` are those that were applied to it: their faults are not laid on the file. `written` has the name in the file of
    each setting that has another one there.
    """
    try:
        return Settings.model_validate(_plain(tree), context={"folder": source.resolve().parent})
    except ValidationError as error:
        problems = [_sentence(problem, tree, source, overrides, written) for problem in error.errors()]
        raise SitsparkError("; ".join(problems)) from None


class _Constructor(RoundTripConstructor):
    """Dates stay text, so that a day that doesn't exist is found with its key and line."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def _load(text: str) -> Any:
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    return yaml.load(text)


def _read_yaml(path: Path) -> CommentedMap:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SitsparkError(f"{path}: no such settings file") from None
    except IsADirectoryError:
        raise SitsparkError(f"{path}: is a folder, not a settings file") from None
    except UnicodeDecodeError:
        raise SitsparkError(f"{path}: is not a text file; a settings file is YAML in UTF-8") from None
    try:
        tree = _load(text)
    except MarkedYAMLError as error:
        raise SitsparkError(f"{path}, {_yaml_fault(error, text.splitlines())}") from None
    except YAMLError as error:
        raise SitsparkError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(tree, CommentedMap):
        raise SitsparkError(f"{path}: holds no settings; start from conf/demo.yaml")
    return tree


def _yaml_fault(error: MarkedYAMLError, lines: Sequence[str]) -> str:
    """Line and fault; the parser notices a colon without a blank, a quote or a bracket that is never closed too late."""
    at = error.problem_mark.line if error.problem_mark else 0
    if (error.problem or "").startswith(_OF_NO_BLANK):
        written = [number for number, line in enumerate(lines[: at + 1]) if line.split("#")[0].strip()]
        for number in reversed(written[-2:]):
            if fault := _NO_BLANK.match(lines[number]):
                return f"line {number + 1}: not valid YAML: '{fault['text']}' needs a blank after its colon"
    opened = error.context_mark
    if opened and opened.line < at and any(kind in (error.context or "") for kind in ("flow", "quoted")):
        begun = "what begins there isn't closed, or isn't well formed"
        return f"line {opened.line + 1}: not valid YAML: {begun} ({error.problem} in line {at + 1})"
    return f"line {at + 1}: not valid YAML: {error.problem}{_REMEDIES.get(error.problem or '', '')}"


def apply_override(tree: MutableMapping[str, Any], override: str) -> None:
    """Set one `key.path=value` in a nested mapping; the value is read as YAML. Raises SitsparkError for another form."""
    key, equals, text = override.partition("=")
    key = key.strip()
    # what follows a whole key is one name, as in spark.config.spark.sql.shuffle.partitions
    whole = next((known for known in _keys_of_free_names() if key.startswith(f"{known}.")), None)
    *parents, last = [*whole.split("."), key[len(whole) + 1 :]] if whole else key.split(".")
    if not equals or not all((*parents, last)):
        raise SitsparkError(f"--set {override}: write it as key=value, for example --set training.epochs=5")
    node: Any = tree
    for name in parents:
        if isinstance(node, MutableSequence):
            if not name.isdigit() or int(name) >= len(node):
                raise SitsparkError(f"--set {override}: {name} is none of {len(node)}, which are numbered from 0")
            node = node[int(name)]
        else:
            if node.get(name) is None:
                node[name] = {}
            node = node[name]
        if not isinstance(node, MutableMapping | MutableSequence):
            raise SitsparkError(f"--set {override}: {name} is a value, not a section")
    if isinstance(node, MutableSequence):
        raise SitsparkError(f"--set {override}: name a key of one of these, as {'.'.join(parents)}.0.{last}")
    try:
        node[last] = _load(text)
    except YAMLError:
        quoted = f"--set \"{key}='{text}'\""
        raise SitsparkError(
            f"--set {override}: '{text}' is not a value in YAML; a text with signs goes in quotes: {quoted}"
        ) from None


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def _sentence(
    problem: Mapping[str, Any], tree: Mapping[str, Any], source: Path, overrides: Sequence[str], written: Mapping[str, str]
) -> str:
    """One of pydantic's findings as: file, line, key, what is wrong, what to do."""
    # a part in parentheses says which kind of value was judged, where there may be several
    location = _as_keys(tuple(part for part in map(str, problem["loc"]) if not part.startswith("(")))
    key = ".".join(location)
    named = f"{key} (from {written[key]})" if key in written and not _own(location, overrides) else key
    if problem["type"] == "value_error":
        rule = f"{named} {problem['ctx']['error']}".lstrip()
        return f"{_origin(problem['ctx']['error'], location, tree, source, overrides)}: {rule}"
    line = _line_of(tree, location)
    # a section that the file doesn't have was made by what sets a key in it
    own = _own(location, overrides) or [one for one in overrides if line is None and _key(one).startswith(f"{key}.")]
    place = _told(own[-1]) if own else f"{source}, line {line}" if line else f"{source}"
    where = f"{place}: {named}"
    if problem["type"] == "extra_forbidden":
        documented = _as_documented(location)
        known = [*Settings.model_fields, *known_keys(), *_beside(documented)]
        near = difflib.get_close_matches(".".join(documented), known, n=1, cutoff=0.6)
        near = near or [k for k in known if k.split(".")[-1] == location[-1]]
        section = location[: len(location) - len(documented) + 1]
        # a section of several kinds has keys that this kind hasn't
        near = [key.replace(f"{documented[0]}.", f"{'.'.join(section)}.", 1) for key in near if key != ".".join(documented)]
        return f"{where} is no known key" + (f"; did you mean {near[0]}?" if near else "; see docs/settings.md")
    if problem["type"] == "missing":
        return f"{place if own else source}: {key} is missing; add it ({_description(location)})"
    if problem["type"] == "model_type":
        return f"{where} is a section with keys of its own, not {refused_value(problem)} ({_description(location)})"
    if problem["type"] == "path_type":
        return f"{where} should be a path, not {refused_value(problem)} ({_description(location)})"
    # of a text where a list belongs, the list of it was likely meant
    listed = f"[{problem['input']}]" if isinstance(problem["input"], str) else "[a, b]"
    message = in_plain_words(problem["msg"], listed)
    # as iota2's files and those of other tools say what is tried
    several = location[:1] == ("training",) and location[1:2] != ("search",) and isinstance(problem["input"], list)
    tried = f"; to try several, write training.search.try: {{{'.'.join(location[1:])}: {problem['input']}}}" if several else ""
    return f"{where} {message}, not {refused_value(problem)}{meant(problem)} ({_description(location)}){tried}"


def _origin(
    error: Exception, location: tuple[str, ...], tree: Mapping[str, Any], source: Path, overrides: Sequence[str]
) -> str:
    """Where that came from which breaks a rule of several keys: a line of the file, options, or both."""
    faulty, others = (error.key, error.others) if isinstance(error, FaultyKeyError) else ((), ())
    own = _own((*location, *faulty), overrides)
    if own:
        return _told(own[-1])
    if faulty:
        fault, bearing = ".".join((*location, *faulty)), [".".join((*location, name)) for name in others]
        changed = [one for one in overrides if _key(one) in bearing or _key(one).startswith(f"{fault}.")]
    else:
        # the rule itself names its keys; some of them may have been set here
        changed = [override for override in overrides if _is_concerned(override, ".".join(location), str(error))]
    line = _line_of(tree, (*location, *faulty))
    if changed and faulty and line == _line_of(tree, location):
        return " ".join(map(_told, changed))  # the file says nothing of it
    place = f"{source}, line {line}" if line else f"{source}"
    return f"{place} with {' '.join(map(_told, changed))}" if changed else place


def _own(location: tuple[str, ...], overrides: Sequence[str]) -> list[str]:
    """The overrides that set the key at a place, or a section that it lies in."""
    key = ".".join(location)
    return [override for override in overrides if key == _key(override) or key.startswith(f"{_key(override)}.")]


def _key(override: str) -> str:
    return override.partition("=")[0].strip()


def _told(override: str) -> str:
    """An override as it was given; an address, which may hold a password, isn't repeated."""
    return f"--set {_key(override) if '://' in override else override}"


def _is_concerned(override: str, key: str, rule: str) -> bool:
    """Whether an override sets a part of the section that a rule is about; of no section: of one that the rule names."""
    if key:
        return _key(override).startswith(f"{key}.")
    return re.search(rf"\b{re.escape(_key(override).split('.')[0])}\b", rule) is not None


def _line_of(tree: Any, location: tuple[str, ...]) -> int | None:
    """The line of the deepest part of the key that the file has."""
    line = None
    for name in location:
        key: str | int = int(name) if isinstance(tree, CommentedSeq) and name.isdigit() else name
        known = range(len(tree)) if isinstance(tree, CommentedSeq) else tree if isinstance(tree, CommentedMap) else ()
        if key not in known:
            break
        if key in (tree.lc.data or {}):  # None where it was written as {}
            line = tree.lc.data[key][0] + 1
        tree = tree[key]
    return line


def _sections(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for own_name, field in model.model_fields.items():
        name = field.alias or own_name
        sections = _sections_of(field.annotation)
        # one that may be absent is a value too
        if sections != (field.annotation,):
            yield f"{prefix}{name}", field
        for section in sections:
            yield from _sections(section, f"{prefix}{name}.")


def _sections_of(annotation: Any) -> tuple[type[BaseModel], ...]:
    """The sections of which a key holds one, always or where it isn't null; none where it may hold a value too."""
    kinds = [kind for kind in _alternatives(annotation) if kind is not type(None)]
    found = tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return found if len(found) == len(kinds) else ()


def _alternatives(annotation: Any) -> list[Any]:
    if hasattr(annotation, "__metadata__"):
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for alternative in get_args(annotation) for kind in _alternatives(alternative)]
    return [annotation]


def _keys_of_free_names() -> list[str]:
    """The keys below which names are the user's, and their values no sections."""
    found = []
    for key, field in _sections(Settings):
        if get_origin(field.annotation) is dict:
            value = get_args(field.annotation)[1]
            kind = get_args(value)[0] if hasattr(value, "__metadata__") else value
            if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
                found.append(key)
    return found


def known_keys() -> dict[str, str]:
    """Every key of the settings with its sentence."""
    return {key: field.description or "" for key, field in _sections(Settings)}


def _beside(location: tuple[str, ...]) -> list[str]:
    """The keys of the section that a key was looked for in, also where that may be a value, or is one of several by name."""
    kinds: list[Any] = [Settings]
    for name in location[:-1]:
        kinds = [below for kind in kinds for below in _below(kind, name)]
    names = [field.alias or own for kind in kinds if _is_section(kind) for own, field in kind.model_fields.items()]
    return [".".join((*location[:-1], name)) for name in names]


def _below(kind: Any, name: str) -> list[Any]:
    """What may stand under a name in a section, in a mapping whose names are the user's, or in a list."""
    if _is_section(kind):
        field = kind.model_fields.get(name)
        return [] if field is None else _alternatives(field.annotation)
    held = get_args(kind)
    if get_origin(kind) is dict:
        return _alternatives(held[1])
    return _alternatives(held[0]) if get_origin(kind) in (list, tuple) else []


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _as_keys(location: tuple[str, ...]) -> tuple[str, ...]:
    """The keys of a place in the settings: where a key holds one of several sections, pydantic names the one it took too."""
    of_several = {key for key, field in _sections(Settings) if len(_sections_of(field.annotation)) > 1}
    return tuple(part for i, part in enumerate(location) if ".".join(location[:i]) not in of_several or i == 0)


def _as_documented(location: tuple[str, ...]) -> tuple[str, ...]:
    """The key of the first sensor that stands for that of any."""
    if "other_sensors" not in location or location[-1] == "other_sensors":
        return location
    at = location.index("other_sensors")
    return (*(location[:at] or ("scenes",)), *location[at + 2 :])


def _description(location: tuple[str, ...]) -> str:
    keys, location = known_keys(), _as_documented(location)
    for length in range(len(location), 0, -1):
        found = keys.get(".".join(location[:length]))
        if found:
            return found
    model: Any = Settings
    for name in location:
        field = getattr(model, "model_fields", {}).get(name)
        model = field.annotation if field else None
    return (getattr(model, "__doc__", None) or "see docs/settings.md").strip()


def reference_page() -> str:
    """The page docs/settings.md: every key with type, default and sentence, as Markdown."""
    lines = [
        "# Settings",
        "",
        "Written by `python -m sitspark.settings_file`; every key of a settings file; `0` stands for a number in a list, "
        "`NAME` for a name of yours.",
        "",
    ]
    lines += ["| key | values | default | what |", "| --- | --- | --- | --- |"]
    for key, field in _documented():
        default = "required" if field.is_required() else f"`{_as_written(field)}`"
        what = str(field.description).replace("<", "&lt;")
        lines.append(f"| `{key}` | {_type_name(field.annotation)} | {default} | {what} |")
    return "\n".join(lines) + "\n"


def _documented() -> Iterator[tuple[str, FieldInfo]]:
    """Every key, also those of each section that a list or a mapping holds."""
    for key, field in _sections(Settings):
        yield key, field
        for place, section in _elements_of(field.annotation):
            # further sensors have the keys of scenes
            if section is not ScenesSettings:
                yield from _sections(section, f"{key}.{place}.")


def _elements_of(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The sections that a list or mapping holds, and how the place of one is written."""
    for kind in _alternatives(annotation):
        arguments = get_args(kind)
        if get_origin(kind) in (tuple, dict) and _is_section(arguments[get_origin(kind) is dict]):
            yield ("NAME", arguments[1]) if get_origin(kind) is dict else ("0", arguments[0])


def _as_written(field: FieldInfo) -> str:
    """A default as one writes it in YAML: null, [], true, 6 GB."""
    default = TypeAdapter(field.rebuild_annotation()).dump_python(field.get_default(call_default_factory=True), mode="json")
    return json.dumps(int(default) if isinstance(default, float) and default.is_integer() else default)


def _type_name(annotation: Any) -> str:
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    if not arguments:
        return {"bytesize": "size"}.get(name := getattr(annotation, "__name__", str(annotation)).lower(), name)
    if all(isinstance(argument, str) for argument in arguments):
        return ", ".join(arguments)
    if annotation is dict or getattr(annotation, "__origin__", None) is dict:
        return "mapping"
    if hasattr(annotation, "__metadata__"):
        return _type_name(arguments[0])
    if getattr(annotation, "__origin__", None) is tuple:
        return f"list of {_type_name(arguments[0])}"
    return " or ".join(dict.fromkeys("null" if a is type(None) else _type_name(a) for a in arguments))


if __name__ == "__main__":
    print(reference_page(), end="")
