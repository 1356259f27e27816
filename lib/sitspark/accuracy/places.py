"""Places that are looked at closely: those of the settings, and those where maps disagree most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.settings.report import PlaceSettings

_FEWEST = 16  # pixels of a side: less shows nothing


@dataclass(frozen=True, slots=True)
class Place:
    """A square of a map, by its name."""

    name: str
    window: Window


def chosen_places(settings: Sequence[PlaceSettings], grid: Grid, *, side: int) -> list[Place]:
    """The places of the settings as windows of `side` pixels on the grid of a map.

    Raises SitsparkError for one whose middle lies beside the map.
    """
    to_map = pyproj.Transformer.from_crs(4326, grid.crs, always_xy=True)
    found = []
    for place in settings:
        x, y = to_map.transform(place.lon, place.lat)
        row, col = int((grid.top - y) // grid.resolution), int((x - grid.left) // grid.resolution)
        if not grid.window.contains(Window(row, col, 1, 1)):
            raise SitsparkError(
                f"report.places: {place.name} ({place.lon:g}, {place.lat:g}) lies beside the map; correct lon and lat"
            )
        found.append(Place(place.name, _within(Window(row - side // 2, col - side // 2, side, side), grid)))
    return found


def side_of(kilometres: float, grid: Grid) -> int:
    """Pixels of a place's side."""
    return max(round(1000 * kilometres / grid.resolution), _FEWEST)


def most_disputed(disputed: npt.NDArray[np.float64], grid: Grid, *, side: int, count: int) -> list[Place]:
    """The cells of `side` pixels where the share `disputed` (rows, columns of cells) is largest, at most `count`, none of 0.

    Of equal ones the upper and left one comes first.
    """
    order = np.argsort(-disputed, axis=None, kind="stable")[:count]
    cells = [divmod(int(cell), disputed.shape[1]) for cell in order if disputed.flat[cell] > 0]
    windows = [_within(Window(row * side, col * side, side, side), grid) for row, col in cells]
    return [Place(f"disputed place {number}", window) for number, window in enumerate(windows, 1)]


def _within(window: Window, grid: Grid) -> Window:
    """The window, moved and cut so that it lies on the grid."""
    height, width = min(window.height, grid.height), min(window.width, grid.width)
    row = min(max(window.row, 0), grid.height - height)
    return Window(row, min(max(window.col, 0), grid.width - width), height, width)
