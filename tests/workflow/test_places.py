"""Places of interest on a map: those beside it are told, and cost nobody the rest."""

from types import SimpleNamespace

from sitspark.grid import Grid
from sitspark.settings.report import PlaceSettings, ReportSettings
from sitspark.workflow.places import places_on


def test_a_place_beside_the_map_is_told_and_left_out() -> None:
    # around 3 degrees east, 44.2 degrees north
    grid = Grid("EPSG:32631", 495_000, 4_900_000, 10, 1000, 1000)
    places = (PlaceSettings(name="far", lon=10, lat=45), PlaceSettings(name="here", lon=3.0, lat=44.2))
    told: list[str] = []
    context = SimpleNamespace(
        settings=SimpleNamespace(report=ReportSettings(places=places, place_size=2)), voice=SimpleNamespace(note=told.append)
    )
    (found,) = places_on(context, grid)  # type: ignore[arg-type]  # nothing else is asked for
    assert found.name == "here" and (found.window.height, found.window.width) == (200, 200)
    assert told == ["report.places: far (10, 45) lies beside the map; correct lon and lat; it is not shown"]
