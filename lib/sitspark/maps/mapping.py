"""Reading which codes of a map stand for which classes of a reference."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sitspark.errors import SitsparkError, nearest
from sitspark.ground_truth.codes import whole_number

_LARGEST = 2**31 - 1
_FORM = "'map code,reference code' a line; no reference code leaves the map's code out"


def read_mapping(path: Path, names: Mapping[int, str] | None) -> dict[int, int | None]:
    """Codes of a map as those of a reference, several as one; None for a code that is left out.

    The file is CSV (a line of headings or none, comma or semicolon, # begins a remark) or YAML ({1: 10, 2: forest, 9: null}).
    `names` are the classes of the reference by their codes, where they are known: each of them may be named by its name, and no
    other code. Raises SitsparkError with file and line (of YAML: the code) for what can't be meant.
    """
    pairs = _yaml_pairs(path) if path.suffix.lower() in (".yaml", ".yml") else _csv_pairs(path)
    found: dict[int, int | None] = {}
    for where, code, reference in pairs:
        number = whole_number(code, largest=_LARGEST)
        if number is None:
            raise SitsparkError(f"{where}: '{code}' is no code of a map; write {_FORM}")
        target = _target(reference, names, where)
        if found.setdefault(number, target) != target:
            raise SitsparkError(f"{where}: code {number} stands for another class further up; keep one of the two")
    if not found:
        raise SitsparkError(f"{path}: names no code; write {_FORM}")
    return found


def _target(reference: str, names: Mapping[int, str] | None, where: str) -> int | None:
    if not reference:
        return None
    by_name = {name: code for code, name in (names or {}).items()}
    if reference in by_name:
        return by_name[reference]
    number = whole_number(reference, largest=_LARGEST)
    if number is None:
        remedy = nearest(reference, by_name) if names else "; --nomenclature FILE says which codes names have"
        raise SitsparkError(f"{where}: '{reference}' is no class of the reference{remedy}")
    if names is not None and number not in names:
        raise SitsparkError(f"{where}: the nomenclature has no class {number}; correct the mapping or the nomenclature")
    return number


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SitsparkError(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise SitsparkError(f"--mapping: {path} can't be read ({error.strerror}); correct the path") from None


def _csv_pairs(path: Path) -> Iterator[tuple[str, str, str]]:
    numbered = enumerate(_text(path).splitlines(), 1)
    lines = [(number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith("#")]
    separator = ";" if lines and ";" in lines[0][1] else ","
    for position, (number, line) in enumerate(lines):
        fields = [field.strip() for field in next(csv.reader([line], delimiter=separator))]
        if position == 0 and whole_number(fields[0], largest=_LARGEST) is None:  # headings
            continue
        if len(fields) != 2:
            raise SitsparkError(f"{path}, line {number}: '{line.strip()}' has not two fields; write {_FORM}")
        yield f"{path}, line {number}", fields[0], fields[1]


def _yaml_pairs(path: Path) -> Iterable[tuple[str, str, str]]:
    try:
        tree: Any = YAML(typ="safe").load(_text(path))
    except YAMLError as error:
        raise SitsparkError(
            f"{path}: is no YAML ({str(error).splitlines()[0]}); write 'map code: reference code' a line"
        ) from None
    if not isinstance(tree, dict):
        raise SitsparkError(f"{path}: names no code; write 'map code: reference code' a line")
    return [
        (f"{path}, {code}", str(code).strip(), "" if target is None else str(target).strip()) for code, target in tree.items()
    ]
