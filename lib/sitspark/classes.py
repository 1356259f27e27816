"""The nomenclature: which classes a map has, their names and colours."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sitspark.errors import SitsparkError

Colour = tuple[int, int, int]

_LARGEST_CODE = 65535  # maps are uint16 at most


@dataclass(frozen=True, slots=True)
class LandCoverClass:
    """One class: its code in the ground truth and in the map, its name, its colour (red, green, blue of 0-255)."""

    code: int
    name: str
    colour: Colour

    @property
    def hex_colour(self) -> str:
        """The colour as #rrggbb."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)


@dataclass(frozen=True, slots=True)
class Nomenclature:
    """Classes in ascending order of their codes; a network's output i is the class at position i."""

    classes: tuple[LandCoverClass, ...]

    def __post_init__(self) -> None:
        codes = [c.code for c in self.classes]
        if codes != sorted(set(codes)):
            raise SitsparkError(f"a nomenclature needs ascending codes without repetition, not {codes}")
        names = [c.name for c in self.classes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SitsparkError(f"a nomenclature needs names without repetition; '{twice}' stands for several codes")
        if codes and not 1 <= codes[0] <= codes[-1] <= _LARGEST_CODE:
            raise SitsparkError(
                f"class codes lie within 1-{_LARGEST_CODE} (0 means not classified), not {codes[0]}-{codes[-1]}"
            )

    def __len__(self) -> int:
        return len(self.classes)

    def __iter__(self) -> Iterator[LandCoverClass]:
        return iter(self.classes)

    @property
    def codes(self) -> tuple[int, ...]:
        """All codes, ascending."""
        return tuple(c.code for c in self.classes)

    def name_of(self, code: int) -> str:
        """The name of a class; its code as text where the nomenclature doesn't have it."""
        return next((c.name for c in self.classes if c.code == code), str(code))

    @staticmethod
    def read(nomenclature: Path, colours: Path | None) -> "Nomenclature":
        """Read iota2's two text forms: `name:code` a line, and `code red green blue` a line (or QGIS's colour map).

        A nomenclature in CSV (`code,name,red,green,blue` or `code,name,#rrggbb` a line, a line of headings or none) may hold
        the colours itself; `colours` wins where both do. Raises SitsparkError with file and line for a line of another form,
        a repeated code, a class without colour.
        """
        names, palette = _read_classes(nomenclature)
        if colours is not None:
            palette = palette | _read_colours(colours)
        bare = [code for code in names if code not in palette]
        if bare and not palette and colours is None:
            raise SitsparkError(
                f"{nomenclature}: holds no colours; name a file of them under classes.colours, or write CSV, "
                "'code,name,red,green,blue' a line"
            )
        if bare:
            listed = ", ".join(f"{code} ({names[code]})" for code in bare)
            line = "code red green blue" if colours is not None else "code,name,red,green,blue"
            raise SitsparkError(f"{colours or nomenclature}: no colour for class {listed}; add a line '{line}' for each")
        return Nomenclature(tuple(LandCoverClass(code, names[code], palette[code]) for code in sorted(names)))


def read_names(nomenclature: Path) -> dict[int, str]:
    """The names of the classes of a nomenclature by their codes, whether it holds colours or not; raises as `read` does."""
    return _read_classes(nomenclature)[0]


def _read_classes(path: Path) -> tuple[dict[int, str], dict[int, Colour]]:
    return _read_csv(path) if path.suffix.lower() == ".csv" else (_read_names(path), {})


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise SitsparkError(f"{path}: no such file; name it in the settings under classes") from None
    except UnicodeDecodeError as error:
        raise SitsparkError(f"{path}: is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _read_names(path: Path) -> dict[int, str]:
    names: dict[int, str] = {}
    for number, line in _lines(path):
        name, _, code = line.rpartition(":")
        if not name.strip() or not code.strip().isdecimal():
            raise SitsparkError(f"{path}, line {number}: '{line}' is not of the form 'class name:code'")
        _add_name(names, code.strip(), name.strip(), f"{path}, line {number}")
    if not names:
        raise SitsparkError(f"{path}: holds no class; write one 'class name:code' a line")
    return names


def _read_csv(path: Path) -> tuple[dict[int, str], dict[int, Colour]]:
    names: dict[int, str] = {}
    palette: dict[int, Colour] = {}
    rows = list(_lines(path))
    separator = ";" if rows and ";" in rows[0][1] else ","
    for position, (number, line) in enumerate(rows):
        where = f"{path}, line {number}"
        code, *rest = (field.strip() for field in next(csv.reader([line], delimiter=separator)))
        name, colour = (rest[0], rest[1:]) if rest else ("", [])
        if position == 0 and not code.isdecimal():  # headings
            continue
        if not code.isdecimal() or not name:
            raise SitsparkError(f"{where}: '{line}' is not of the form 'code,name,red,green,blue' or 'code,name,#rrggbb'")
        _add_name(names, code, name, where)
        if any(colour):
            palette[int(code)] = _colour_of(colour, line, where)
    if not names:
        raise SitsparkError(f"{path}: holds no class; write one 'code,name,red,green,blue' a line")
    return names, palette


def _add_name(names: dict[int, str], code: str, name: str, where: str) -> None:
    if not 1 <= int(code) <= _LARGEST_CODE:
        raise SitsparkError(f"{where}: class codes lie within 1-{_LARGEST_CODE}, not {int(code)}")
    if int(code) in names:
        raise SitsparkError(f"{where}: code {int(code)} is already '{names[int(code)]}'")
    names[int(code)] = name


def _colour_of(fields: list[str], line: str, where: str) -> Colour:
    """A colour of a line of CSV: three fields of 0-255, or one as #rrggbb."""
    if len(fields) == 1 and re.fullmatch(r"#[0-9a-fA-F]{6}", fields[0]):
        red, green, blue = bytes.fromhex(fields[0][1:])
    elif len(fields) == 3 and all(field.isdecimal() for field in fields):
        red, green, blue = (int(field) for field in fields)
    else:
        raise SitsparkError(f"{where}: '{line}' has no colour of the form 'red,green,blue' or '#rrggbb'")
    if max(red, green, blue) > 255:
        raise SitsparkError(f"{where}: a colour has three values of 0-255, not '{line}'")
    return red, green, blue


def _read_colours(path: Path) -> dict[int, Colour]:
    palette: dict[int, Colour] = {}
    for number, line in _lines(path):
        if line.startswith("INTERPOLATION:"):  # the head of a colour map exported by QGIS
            continue
        fields = re.split(r"[\s,]+", line)
        if len(fields) < 4 or not all(field.isdecimal() for field in fields[:4]):
            raise SitsparkError(f"{path}, line {number}: '{line}' is not of the form 'code red green blue'")
        code, red, green, blue = (int(field) for field in fields[:4])
        if max(red, green, blue) > 255:
            raise SitsparkError(f"{path}, line {number}: a colour has three values of 0-255, not '{line}'")
        if palette.setdefault(code, (red, green, blue)) != (red, green, blue):
            raise SitsparkError(f"{path}, line {number}: class {code} has another colour further up; keep one of the two")
    return palette
