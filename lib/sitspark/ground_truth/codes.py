"""Labels as whole numbers: codes of the nomenclature, or, where there is none, numbers given to texts."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from sitspark.errors import SitsparkError

_LARGEST = 2**31 - 1  # that the tables hold
_MOST = 65535  # different labels: a map's codes


def code_of(label: str, codes: Mapping[str, int]) -> int | None:
    """The code of a label: that of its text, or the whole number that it is; None for what is neither."""
    return codes[label] if label in codes else whole_number(label, largest=_LARGEST)


def whole_number(text: str, *, largest: int) -> int | None:
    """The whole number that a text is, as "7" and "7.0" are, up to a largest; None for what is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and abs(number) <= largest else None


def text_codes(names: Mapping[int, str]) -> dict[str, int]:
    """The codes of class names (by code); one that is a whole number has none: as a label it is that number."""
    return {name: code for code, name in names.items() if code_of(name, {}) is None}


def codes_of_texts(labels: Iterable[pa.ChunkedArray], names: Mapping[int, str] | None) -> dict[str, int]:
    """The codes of those among the labels (strings) that are texts; empty where all are whole numbers.

    A text has the code of the class of that name in `names` (by code); without a nomenclature the different labels, where
    one of them is no whole number, are numbered from 1 in their order, as iota2 does.
    """
    found: set[str] = set()
    for column in labels:
        found |= {label for label in pc.utf8_trim_whitespace(column).unique().to_pylist() if label}
        if len(found) > _MOST and names is None:
            raise SitsparkError(f"--label-field: holds more than {_MOST} different texts; name the field of the classes")
    if names is not None:
        known = text_codes(names)
        return known if known.keys() & found else {}
    if all(code_of(label, {}) is not None for label in found):
        return {}
    return {label: code for code, label in enumerate(sorted(found), 1)}


def codes_of(labels: pa.Array, codes: Mapping[str, int]) -> pa.Array:
    """The codes (int32) of labels (string); null for an absent label and for one that `code_of` knows no code of."""
    found = labels.dictionary_encode()
    known = pa.array([code_of(label.strip(), codes) for label in found.dictionary.to_pylist()], pa.int32())
    return known.take(found.indices)
