"""From the settings' description of bands and masks to where each is stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sitspark.errors import SitsparkError, some
from sitspark.settings import DescriptionSettings

DAY = "day"  # what the file of days is called among a product's files


@dataclass(frozen=True, slots=True)
class Place:
    """Where a band or mask is found: what stands for it in a name or item (None: nothing does), and its number in the file."""

    text: str | None
    number: int = 1

    @staticmethod
    def of(value: str | int) -> "Place":
        """From the settings: a text, a number, or both as `text:number`."""
        if isinstance(value, int):
            return Place(None, value)
        text, colon, number = value.rpartition(":")
        return Place(text, int(number)) if colon and number.isdigit() and int(number) else Place(value)


def places(description: DescriptionSettings) -> Mapping[str, Place]:
    """The place of every mask, of the days and of every band, by its name."""
    masks = {name: Place.of(mask.file) for name, mask in description.masks.items()}
    days = {} if description.day is None else {DAY: Place.of(description.day)}
    return masks | days | {name: Place.of(value) for name, value in description.bands.items()}


def refuse_unknown(wanted: Mapping[str, Place], found: Collection[str], known: Collection[str], what: str) -> None:
    """Raise SitsparkError for a band or mask that no product has: its name is wrong, not every product.

    `found` are those that some product has; `known` are the names that products have, of the kind `what`.
    """
    for name, place in wanted.items():
        if name not in found:
            raise SitsparkError(
                f"scenes.description: {name} is '{place.text or place.number}', and no product has such {what}; they have "
                f"{some(sorted(known), most=12) or 'none'}; correct the name"
            )


def common_scale(scale: float, offset: float) -> tuple[float, float]:
    """Scale and offset to reflectance, as those to reflectance x 10 000; without the noise of binary fractions."""
    return round(10_000 * scale, 9), round(10_000 * offset, 9)
