"""Real Landsat 8 scenes whose grids differ: the map shows sea, city and forest where they are."""

from pathlib import Path

import pytest
import rasterio
from pyspark.sql import SparkSession
from rich.console import Console

from sitspark.settings_file import read_settings
from sitspark.workflow.run import run
from tests.conftest import ROOT

PLACES = [
    pytest.param(700_000, 4_440_000, "water", id="the Atlantic"),
    pytest.param(660_000, 4_545_000, "water", id="Long Island Sound"),
    pytest.param(591_000, 4_508_000, "urban", id="New York"),
    pytest.param(520_000, 4_650_000, "vegetation", id="the Catskills"),
    pytest.param(640_000, 4_600_000, "vegetation", id="Connecticut"),
]


# the Tappan Zee, Haverstraw Bay, below the George Washington Bridge: where the river fills most of a pixel of 3 km
HUDSON = [(594_000, 4_550_500), (589_700, 4_561_500), (587_700, 4_522_600)]


@pytest.fixture(scope="module")
def classes_at(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory):
    """The share of each class within so many pixels of a place."""
    output = tmp_path_factory.mktemp("new_york")
    settings = read_settings(ROOT / "conf" / "l8_new_york.yaml", overrides=[f"output={output}"])
    context = run(settings, ["mosaic"], console=Console(quiet=True))
    path: Path = context.folder.path / context.facts("mosaic")["map"] / "classification.tif"
    with rasterio.open(path) as drawn:
        assert drawn.crs == "EPSG:32618" and drawn.res == (3000, 3000)
        codes = drawn.read(1)

        def look(x: float, y: float, *, pixels: int = 3) -> dict[str, float]:
            row, col = drawn.index(x, y)
            around = codes[row - pixels : row + pixels + 1, col - pixels : col + pixels + 1]
            return {c.name: float((around == c.code).mean()) for c in context.nomenclature}

    return look


@pytest.mark.parametrize(("x", "y", "name"), PLACES)
def test_the_map_of_new_york_shows_what_is_there(classes_at, x: float, y: float, name: str) -> None:
    shares = classes_at(x, y)
    assert max(shares, key=shares.get) == name and shares[name] > 0.5, shares


def test_the_hudson_is_a_line_of_water_between_banks(classes_at) -> None:
    in_the_river = [classes_at(x, y, pixels=0)["water"] for x, y in HUDSON]
    assert sum(in_the_river) >= 2, in_the_river  # a pixel of 3 km on a bank may be either
    for x, y in HUDSON:
        banks = [classes_at(x + side, y, pixels=0)["water"] for side in (-9_000, 9_000)]
        assert sum(banks) <= 1, (x, y, banks)
