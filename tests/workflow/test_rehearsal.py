"""Rehearsing what follows the drawing of a map: the stages that the settings ask for, and none else."""

from typing import Any

import numpy as np
import pytest

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.grid import Grid
from sitspark.maps.products import products_of
from sitspark.settings import MapSettings
from sitspark.workflow import rehearsal
from sitspark.workflow.foreseen import Cost
from sitspark.workflow.rehearsal import Pace, rehearsed
from sitspark.workflow.speed import Spent

NAMES = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code, 10, 20)) for code in (1, 4, 9)))
GRID = Grid("EPSG:32631", 300000, 4900020, 10, 1000, 1000)
FEATURES = tuple(f"b4_{day}" for day in range(20))
SIDE = 96


@pytest.fixture
def rasters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = SIDE, SIDE
    return {
        "classification": rng.choice([1, 4, 9], shape).astype(np.uint8),
        "confidence": rng.integers(1, 100, shape, np.uint8),
        "validity": np.full(shape, 7, np.uint16),
        "probability": rng.integers(0, 500, (3, *shape), np.uint16),
        "dissimilarity": rng.integers(0, 2000, shape, np.uint16),
        "features": rng.normal(size=(20, *shape)).astype(np.float32),
    }


@pytest.mark.parametrize(
    ("asked", "stages"),
    [
        pytest.param({}, {"mosaic"}, id="nothing"),
        pytest.param({"regularise": {"radius": 1}}, {"mosaic", "regularise"}, id="majority"),
        pytest.param({"products": ["dissimilarity"]}, {"mosaic", "dissimilarity"}, id="dissimilarity"),
        pytest.param({"vectors": {}}, {"mosaic", "vectorise"}, id="polygons"),
        pytest.param(
            {
                "products": ["probability"],
                "smoothing": {},
                "minimum_unit": {"hectares": 0.05},
                "vectors": {"format": "geoparquet", "simplify": 20},
            },
            {"mosaic", "regularise", "vectorise"},
            id="all",
        ),
    ],
)
def test_stages_that_are_asked_for_are_rehearsed(
    rasters: dict[str, np.ndarray], asked: dict[str, Any], stages: set[str]
) -> None:
    settings = MapSettings.model_validate(asked)
    products = products_of(settings, NAMES, FEATURES)
    found = rehearsed(rasters, GRID, products, settings=settings, nomenclature=NAMES)
    assert set(found) == stages
    assert all(pace.pixel.seconds > 0 for pace in found.values())


def test_a_stage_takes_something_once_and_the_rest_by_pixels() -> None:
    pace = Pace.of(Spent(100, 3.0, 4.0), Spent(400, 4.0, 8.0))
    assert pace.cost(1000) == Cost(2.0 + 10.0, 2.0 + 20.0)
    assert Pace.of(Spent(100, 0.5, 1.0), Spent(400, 4.0, 8.0)).once == Cost(0, 0)


def test_a_few_features_are_timed_for_all(monkeypatch: pytest.MonkeyPatch, rasters: dict[str, np.ndarray]) -> None:
    settings = MapSettings.model_validate({"products": ["features"]})
    bands: list[int] = []

    def joined(_self: object, product: Any) -> Spent:
        bands.append(product.count)
        return Spent(1, 1.0, 2.0)

    monkeypatch.setattr(rehearsal._Map, "joined", joined)
    monkeypatch.setattr(rehearsal._Map, "picture", lambda *_arguments: None)
    found = rehearsed(rasters, GRID, products_of(settings, NAMES, FEATURES), settings=settings, nomenclature=NAMES)
    assert bands[-4:] == [1, 1, 1, 8]
    each, pixels = found["mosaic"].pixel, 4 * SIDE * SIDE
    assert pixels * each.core_seconds == pytest.approx(3 + 20 / 8, rel=0.01)
    assert pixels * each.seconds == pytest.approx(2 * (3 + 20 / 8), rel=0.01)
