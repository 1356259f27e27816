"""What the page shows of the maps of all folds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShownPlace:
    """A place, the GIF of what each map says of it, and the share of its pixels to which they give more than one class.

    `file` is where the GIF lies in the run's folder.
    """

    name: str
    file: str
    animation: bytes
    disputed: float


@dataclass(frozen=True, slots=True)
class FoldMapsView:
    """The folds left out of the maps, the PNG of where they disagree, pixels by the number of classes, and some places."""

    left_out: tuple[str, ...]
    picture: bytes
    pixels: tuple[int, ...]
    places: tuple[ShownPlace, ...]
    file: str

    @property
    def disputed(self) -> float | None:
        """The share of all classified pixels to which the maps give more than one class; None without any."""
        total = sum(self.pixels)
        return 1 - self.pixels[0] / total if total else None
