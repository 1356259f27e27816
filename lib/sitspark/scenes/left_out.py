"""Why products are left out, and whether a run may go on without them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sitspark.settings import ScenesSettings

REMEDY = "fetch what is damaged again, or name products to leave out in scenes.exclude"
# product, its CRS, that of most
OTHER_CRS = "%s: is in %s while most products are in %s; set grid.crs to bring all to one CRS"

NO_DATE = "%s: the date in its name doesn't exist, %s is misnamed"  # product, its place
ELSEWHERE = "%s: doesn't reach grid.region"
BEYOND = "%s: doesn't reach a tile of %s"  # product, the leading sensor
# sensor, share, the leading sensor
PARTLY = "%s covers %.0f %% of the tiles of %s; what one of the sensors never sees is not mapped"
WHOLE = 0.995  # share from which on a ground counts as covered: pixels at the edges of coarser images are lost anyway


class Reason(StrEnum):
    """Why a product is left out."""

    DATE = "other date"
    NAMED = "excluded by name"
    DUPLICATE = "duplicate"
    CLOUD = "too cloudy"
    OUTSIDE = "outside the region"
    BEYOND = "beyond the tiles"
    CRS = "other CRS"
    NO_DATE = "no such date"
    DAMAGED = "damaged"
    INSIDE = "damaged inside"  # which decoding alone finds, and stops a run

    @property
    def is_by_place(self) -> bool:
        """Whether it is left out for where it lies: its own files are usable."""
        return self in (Reason.OUTSIDE, Reason.BEYOND, Reason.CRS)

    @property
    def is_chosen(self) -> bool:
        """Whether the settings, or a better product, leave it out: nothing is wrong with it."""
        return self not in (Reason.DAMAGED, Reason.INSIDE, Reason.NO_DATE, Reason.CRS)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a product isn't used, in one sentence that begins with its name."""

    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """How many of an archive of `total` products are left out for each reason, and whether that stops a run."""

    total: int
    left_out: Counter[Reason]
    allowed: float

    @staticmethod
    def of(total: int, left_out: Mapping[Reason, int], settings: ScenesSettings) -> "Judgement":
        """Judge by scenes.on_problem and scenes.max_left_out."""
        return Judgement(total, Counter(left_out), 0.0 if settings.on_problem == "fail" else settings.max_left_out)

    @property
    def used(self) -> int:
        """The products that nothing leaves out."""
        return self.total - self.left_out.total()

    @property
    def faulty(self) -> int:
        """The products with which something is wrong."""
        return sum(count for reason, count in self.left_out.items() if not reason.is_chosen)

    @property
    def asked_for(self) -> int:
        """The products that no choice leaves out."""
        return self.used + self.faulty

    @property
    def stops(self) -> bool:
        """Whether more is faulty than may be left out, or can't be; what is left out by choice doesn't count."""
        return self.stops_late or self.faulty > self.allowed * self.asked_for

    @property
    def stops_late(self) -> bool:
        """Whether some can't be left out, for nobody knows before they are decoded."""
        return self.left_out[Reason.INSIDE] > 0
