"""The confusion matrix and the scores that are read from it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sitspark.errors import SitsparkError
from sitspark.kernels.confusion import confusion_counts

Score = float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """Reference pixels of one class that the map gives to another: that class, the pixels, their share."""

    produced: int
    pixels: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionMatrix:
    """Counted pixels, int64 (k, k): rows = reference, columns = produced, both in the order of the k ascending `codes`.

    Scores are within 0-1 (kappa within -1-1); an undefined one is None, never a number. Definitions after Congalton and
    Green (2019), Assessing the accuracy of remotely sensed data, chapter 5, and Cohen (1960) for kappa.
    Raises SitsparkError where codes and counts don't fit together or a count is negative.
    """

    codes: tuple[int, ...]
    counts: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        counts = np.array(self.counts, dtype=np.int64)
        codes = tuple(int(code) for code in self.codes)
        if counts.shape != (len(codes), len(codes)) or list(codes) != sorted(set(codes)):
            raise SitsparkError(
                f"a confusion matrix needs k ascending class codes and k x k counts, "
                f"not codes {list(codes)} with counts of shape {counts.shape}"
            )
        if (counts < 0).any():
            raise SitsparkError("a confusion matrix counts pixels, so no count is negative")
        counts.flags.writeable = False
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "counts", counts)

    @staticmethod
    def empty(codes: tuple[int, ...]) -> "ConfusionMatrix":
        """The matrix of no pixel, from which a sum starts."""
        return ConfusionMatrix(codes, np.zeros((len(codes), len(codes)), dtype=np.int64))

    @staticmethod
    def between(
        reference: npt.NDArray[np.integer], produced: npt.NDArray[np.integer], codes: tuple[int, ...]
    ) -> "ConfusionMatrix":
        """Compare two arrays of class codes of equal shape; pixels with another code in either of them don't count."""
        return ConfusionMatrix(codes, confusion_counts(reference, produced, codes))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfusionMatrix):
            return NotImplemented
        return self.codes == other.codes and bool((self.counts == other.counts).all())

    def __hash__(self) -> int:
        return hash((self.codes, self.counts.tobytes()))

    def __add__(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        if self.codes != other.codes:
            raise SitsparkError(
                f"confusion matrices of different classes can't be added: {list(self.codes)} and {list(other.codes)}"
            )
        return ConfusionMatrix(self.codes, self.counts + other.counts)

    @property
    def total(self) -> int:
        """The number of pixels compared."""
        return int(self.counts.sum())

    @property
    def reference_pixels(self) -> tuple[int, ...]:
        """Pixels of each class in the reference."""
        return tuple(self.counts.sum(axis=1).tolist())

    @property
    def produced_pixels(self) -> tuple[int, ...]:
        """Pixels of each class in the map, among those compared."""
        return tuple(self.counts.sum(axis=0).tolist())

    @property
    def correct_pixels(self) -> tuple[int, ...]:
        """Pixels of each class on which both agree."""
        return tuple(self.counts.diagonal().tolist())

    @property
    def overall_accuracy(self) -> Score:
        """Share of the pixels on which both agree (OA); None without pixels."""
        return _ratio(sum(self.correct_pixels), self.total)

    @property
    def kappa(self) -> Score:
        """Cohen's kappa: agreement beyond chance; None without pixels, or with one single class in both."""
        # integers of Python: the square of a country's pixels exceeds int64
        chance = sum(r * p for r, p in zip(self.reference_pixels, self.produced_pixels, strict=True))
        return _ratio(sum(self.correct_pixels) * self.total - chance, self.total**2 - chance)

    @property
    def precision(self) -> tuple[Score, ...]:
        """User's accuracy of each class: share of its pixels in the map that are right; None without any."""
        return tuple(_ratio(c, p) for c, p in zip(self.correct_pixels, self.produced_pixels, strict=True))

    @property
    def recall(self) -> tuple[Score, ...]:
        """Producer's accuracy of each class: share of its reference pixels that are found; None without any."""
        return tuple(_ratio(c, r) for c, r in zip(self.correct_pixels, self.reference_pixels, strict=True))

    @property
    def f_score(self) -> tuple[Score, ...]:
        """F = 2PR / (P + R) of each class, as 2 x correct / (reference + produced); None without reference pixels.

        The second form equals the first and says 0 for a class of the reference that the map never gets right. A class
        that the reference doesn't have can't be assessed, so it has no F, whatever the map holds.
        """
        triples = zip(self.correct_pixels, self.reference_pixels, self.produced_pixels, strict=True)
        return tuple(_ratio(2 * c, r + p) if r else None for c, r, p in triples)

    @property
    def mean_f_score(self) -> Score:
        """Unweighted mean of F over the classes that the reference has; None without any."""
        present = [f for f in self.f_score if f is not None]
        return sum(present) / len(present) if present else None

    @property
    def weighted_f_score(self) -> Score:
        """Mean of F over the classes, weighted by their reference pixels; None without any."""
        weighted = math.fsum(f * r for f, r in zip(self.f_score, self.reference_pixels, strict=True) if f is not None)
        return weighted / self.total if self.total else None

    @property
    def balanced_accuracy(self) -> Score:
        """Unweighted mean of recall over the classes that the reference has; None without any."""
        present = [recall for recall in self.recall if recall is not None]
        return math.fsum(present) / len(present) if present else None

    @property
    def by_reference(self) -> tuple[tuple[Score, ...], ...]:
        """Each count as a share of its row: what became of the pixels of a reference class; None in a row without any."""
        rows = zip(self.counts.tolist(), self.reference_pixels, strict=True)
        return tuple(tuple(_ratio(count, total) for count in row) for row, total in rows)

    @property
    def by_produced(self) -> tuple[tuple[Score, ...], ...]:
        """Each count as a share of its column: what the pixels of a class of the map are; None in a column without any."""
        return tuple(tuple(map(_ratio, row, self.produced_pixels)) for row in self.counts.tolist())

    def largest_confusions(self, code: int, n: int = 3) -> tuple[Confusion, ...]:
        """The classes that reference pixels of class `code` are most often mistaken for: at most n, largest first."""
        if code not in self.codes:
            raise SitsparkError(f"class {code} isn't in the confusion matrix, which has {list(self.codes)}")
        row = self.counts[self.codes.index(code)]
        found = [
            Confusion(other, int(pixels), float(pixels / row.sum()))
            for other, pixels in zip(self.codes, row, strict=True)
            if other != code and pixels
        ]
        return tuple(sorted(found, key=lambda confusion: (-confusion.pixels, confusion.produced))[:n])

    def to_json(self) -> dict[str, Any]:
        """Codes and counts (rows = reference) as lists of int."""
        return {"codes": list(self.codes), "counts": self.counts.tolist()}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "ConfusionMatrix":
        """The matrix that to_json wrote."""
        codes = tuple(document["codes"])
        return ConfusionMatrix(codes, np.array(document["counts"], dtype=np.int64).reshape(len(codes), len(codes)))

    def to_csv(self) -> str:
        """The text of Orfeo ToolBox's ComputeConfusionMatrix: two lines of labels, then a line a reference class."""
        return _otb_text(self.codes, self.counts.tolist())

    def hectares_csv(self, pixel_hectares: float) -> str:
        """Likewise in hectares."""
        return _otb_text(self.codes, self.hectares(pixel_hectares))

    def hectares(self, pixel_hectares: float) -> list[list[float]]:
        """The ground of the counts, of which a pixel has so many hectares."""
        # no digits that the ground doesn't have: a square metre
        return [[round(count * pixel_hectares, 4) for count in row] for row in self.counts.tolist()]


def _otb_text(codes: tuple[int, ...], rows: list[list[Any]]) -> str:
    labels = ",".join(map(str, codes))
    lines = [f"#Reference labels (rows):{labels}", f"#Produced labels (columns):{labels}"]
    return "\n".join([*lines, *(",".join(map(str, row)) for row in rows)]) + "\n"


def _ratio(part: int, whole: int) -> Score:
    return part / whole if whole else None
