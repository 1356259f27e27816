"""The places of interest on the map of a run."""

from sitspark.accuracy.places import Place, chosen_places, side_of
from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.workflow.context import Context


def places_on(context: Context, grid: Grid) -> list[Place]:
    """The places of the settings on the grid of a map; of those beside it a sentence is said."""
    settings = context.settings.report
    found: list[Place] = []
    for place in settings.places:
        try:
            found += chosen_places([place], grid, side=side_of(settings.place_size, grid))
        except SitsparkError as error:
            context.voice.note(f"{error}; it is not shown")
    return found
