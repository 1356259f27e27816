"""What a user should know of a split: classes that can't be learned, classes whose accuracy can't be measured."""

from collections.abc import Iterator, Mapping

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError, counted, some
from sitspark.settings import GroundTruthSettings

Counts = Mapping[str, Mapping[str, int]]  # polygons of each class code by split


def refuse_useless_split(truth: GroundTruthSettings, counts: Counts) -> None:
    """Raise SitsparkError where no class has polygons on both sides, so that no map could be validated."""
    if any(count["train"] and count["validation"] for count in counts.values()):
        return
    buffered = sum(count["buffer"] for count in counts.values())
    key, what, remedy = _cause(truth, buffered)
    raise SitsparkError(f"ground_truth.{key}: {what} of any class, so that no map could be validated; {remedy}")


def split_remarks(truth: GroundTruthSettings, counts: Counts, nomenclature: Nomenclature) -> Iterator[str]:
    """A sentence for all classes that lack the same, training or validation polygons, and for polygons that are not used."""
    lacking: dict[str, list[str]] = {}
    for code, count in counts.items():
        name = f"{code} ({nomenclature.name_of(int(code))})"
        if not count["train"]:
            there = "no polygon that trains" if any(count.values()) else "no polygon that can be used"
            lacking.setdefault(f"{there}, so never drawn; add some, or drop the class", []).append(name)
        elif not count["validation"]:
            key, what, remedy = _cause(truth, count["buffer"])
            rule = f"ground_truth.{key} {what}, so accuracy can't be measured; {remedy}"
            lacking.setdefault(rule, []).append(name)
    for rule, names in lacking.items():
        yield f"{truth.file.name}: {'class' if len(names) == 1 else 'classes'} {some(names)}: {rule}"
    buffered = sum(count["buffer"] for count in counts.values())
    if buffered:
        yield (
            f"{counted(buffered, 'polygon')} closer than ground_truth.distance ({truth.distance:g} m) to a training polygon: "
            "used for nothing"
        )


def _cause(truth: GroundTruthSettings, buffered: int) -> tuple[str, str, str]:
    """The key that leaves nothing for validation, what it does, and what helps."""
    if truth.split_unit == "column":
        return "split_field", f"'{truth.split_field}' calls no polygon validation", "set it for some"
    if buffered:
        return "distance", f"{truth.distance:g} m leaves no polygon to set aside", "lower it, or add polygons farther away"
    if truth.split_unit == "block":
        return "ratio", f"{truth.ratio} sets aside no block", "lower it, or ground_truth.block_size, or add polygons elsewhere"
    return "ratio", f"{truth.ratio} sets aside no polygon", "add polygons, or lower the ratio"
