"""How many pixels of each class are asked for, by OTB's strategies."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.settings import SelectionSettings


@dataclass(frozen=True, slots=True)
class Strategy:
    """What is asked for: `name` as in the settings, `amount` its number, or `by_class` those of single codes.

    amount is pixels a class (constant), pixels in all (total), or per cent of each class (percent).
    """

    name: str
    amount: float | None = None
    by_class: Mapping[int, int] | None = None

    @staticmethod
    def of(settings: SelectionSettings, nomenclature: Nomenclature, *, key: str = "samples") -> "Strategy":
        """That of the section `key`; raises SitsparkError for a class of by_class that the nomenclature doesn't have."""
        name = settings.strategy
        if name == "constant":
            return Strategy("all") if settings.per_class is None else Strategy(name, settings.per_class)
        if name == "percent":
            return Strategy(name, settings.percent)
        if name == "total":
            return Strategy(name, settings.total)
        if name == "byclass":
            return Strategy(name, by_class=counts_by_class(settings.by_class, nomenclature, key=f"{key}.by_class"))
        return Strategy(name)

    def asked(self, available: Mapping[int, int]) -> dict[int, int]:
        """The pixels asked for of each class of which so many are available: of some more than there are.

        After OTB's SamplingRateCalculator; classes without a pixel don't count as the smallest, and shares are rounded half
        up, class by class, so that those of `total` may differ from it by half a pixel a class.
        """
        amount, there = self.amount or 0, [count for count in available.values() if count]
        match self.name:
            case "byclass":
                return {code: (self.by_class or {}).get(code, 0) for code in available}
            case "constant":
                return dict.fromkeys(available, int(amount))
            case "smallest":
                return dict.fromkeys(available, min(there, default=0))
            case "percent":
                return {code: _share(amount / 100, count) for code, count in available.items()}
            case "total":
                return {code: _share(amount / max(sum(there), 1), count) for code, count in available.items()}
            case _:
                return dict(available)


def _share(rate: float, count: int) -> int:
    return math.floor(0.5 + rate * count)


def counts_by_class(given: Mapping[int | str, int] | Path | None, nomenclature: Nomenclature, *, key: str) -> dict[int, int]:
    """Numbers by class code, from codes or names in a mapping or a CSV file; `key` names the setting.

    Raises SitsparkError for what is no class, a class that is named twice, a file that can't be read.
    """
    rows = list(given.items()) if isinstance(given, Mapping) else _read_csv(Path(str(given)), key)
    codes = {c.name: c.code for c in nomenclature} | {str(c.code): c.code for c in nomenclature}
    found: dict[int, int] = {}
    for name, count in rows:
        if str(name) not in codes:
            raise SitsparkError(f"{key}: '{name}' is neither a code nor a name of classes.nomenclature; correct it")
        if codes[str(name)] in found:
            raise SitsparkError(f"{key}: class {codes[str(name)]} is named twice; leave one of them out")
        found[codes[str(name)]] = count
    return found


def _read_csv(path: Path, key: str) -> list[tuple[str, int]]:
    """Rows of a class and a number, as OTB reads them, with or without a first line of headings."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row and not row[0].lstrip().startswith("#")]
    except OSError as error:
        raise SitsparkError(f"{key}: {path} can't be read ({error.strerror}); correct the path") from None
    found = []
    headed = bool(rows) and len(rows[0]) == 2 and not any(character.isdigit() for character in rows[0][1])
    for number, row in enumerate(rows[headed:], 1 + headed):
        if len(row) != 2 or not row[1].strip().isdigit():
            said = ",".join(row)
            raise SitsparkError(f"{key}: line {number} of {path} should be a class and a number, as 'wheat,500', not '{said}'")
        found.append((row[0].strip(), int(row[1])))
    return found
