"""The STAC item of a map: read back by pystac, with ground, dates, classes and files in their places."""

import itertools
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pystac
import pytest
from jsonschema import Draft7Validator
from pystac import STACObjectType
from pystac.errors import STACValidationError
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.grid import Grid
from sitspark.maps.products import CONFIDENCE, VALIDITY, classification, features, probability
from sitspark.maps.stac import item

NOMENCLATURE = Nomenclature(
    (
        LandCoverClass(1, "Été & co", (1, 2, 255)),
        LandCoverClass(7, "水", (0, 0, 9)),
        LandCoverClass(300, "x_y", (9, 9, 9)),
    )
)
SCHEMAS = Path(__file__).parent / "stac_schemas"
GRID = Grid("EPSG:32631", 300000.0, 4900020.0, 10.0, 100, 200)


def made(grid: Grid = GRID) -> dict[str, Any]:
    return item(
        "oso_2018",
        grid,
        products=[
            classification(NOMENCLATURE.codes),
            CONFIDENCE,
            VALIDITY,
            probability(NOMENCLATURE, 1000),
            features(["b4_20180104", "b4_20180114"]),
        ],
        nomenclature=NOMENCLATURE,
        first=date(2018, 1, 4),
        last=date(2018, 12, 30),
    )


def test_is_a_stac_1_1_item_that_pystac_reads_back() -> None:
    again = pystac.Item.from_dict(json.loads(json.dumps(made())))
    assert made()["stac_version"] == "1.1.0"
    assert (again.id, again.datetime) == ("oso_2018", None)
    assert again.common_metadata.start_datetime == datetime(2018, 1, 4, tzinfo=UTC)
    assert again.common_metadata.end_datetime == datetime(2018, 12, 30, 23, 59, 59, tzinfo=UTC)
    assert list(again.properties["processing:software"]) == ["sitspark"]
    for name in ("projection/v2", "classification/v2", "raster/v2", "processing/v1"):
        assert sum(name in uri for uri in again.stac_extensions) == 1


def test_is_valid_by_the_schemas_of_items() -> None:
    """By those that come with pystac."""
    validator = JsonSchemaSTACValidator()
    validator.validate_core(made(), STACObjectType.ITEM, "1.1.0")
    faulty = made()
    faulty["assets"]["probability"]["bands"][0]["data_type"] = "uint17"
    with pytest.raises(STACValidationError):
        validator.validate_core(faulty, STACObjectType.ITEM, "1.1.0")


def faults(described: dict[str, Any], extension: str) -> list[str]:
    """What the published schema of an extension finds."""
    schema = json.loads((SCHEMAS / f"{extension}.json").read_text())
    assert schema["$id"].rstrip("#") in described["stac_extensions"]
    return [fault.message for fault in Draft7Validator(schema).iter_errors(described)]


@pytest.mark.parametrize(
    ("extension", "where", "wrong"),
    [
        ("projection_v2.0.0", ["properties", "proj:shape"], [100]),
        ("projection_v2.0.0", ["properties", "proj:epsg"], 32631),  # of version 1
        ("raster_v2.0.0", ["assets", "confidence", "bands", 0, "raster:sampling"], "pixel"),
        ("classification_v2.0.0", ["assets", "classification", "classification:classes", 1, "color_hint"], "#0102FF"),
        ("processing_v1.2.0", ["properties", "processing:software"], ["sitspark"]),
    ],
)
def test_is_valid_by_the_schemas_of_its_extensions(extension: str, where: list[str | int], wrong: object) -> None:
    assert faults(made(), extension) == []
    broken: Any = made()
    *path, last = where
    place = broken
    for step in path:
        place = place[step]
    place[last] = wrong
    assert faults(broken, extension)


def test_ground_is_given_in_both_systems() -> None:
    made_item = pystac.Item.from_dict(made())
    projection = ProjectionExtension.ext(made_item)
    assert (projection.code, projection.shape) == ("EPSG:32631", [100, 200])
    assert projection.bbox == [300000, 4899020, 302000, 4900020]
    assert projection.transform == [10, 0, 300000, 0, -10, 4900020]
    assert made_item.bbox == pytest.approx([0.49593, 44.21697, 0.52132, 44.22651], abs=1e-4)
    assert made_item.geometry is not None
    (ring,) = made_item.geometry["coordinates"]
    assert ring[0] == ring[-1] and len(ring) == 5
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in itertools.pairwise(ring))
    assert area > 0  # counter-clockwise, as GeoJSON wants


def test_a_system_without_authority_code_is_given_as_wkt() -> None:
    custom = "+proj=laea +lat_0=44 +lon_0=1 +datum=WGS84 +units=m"
    properties = made(Grid(custom, 0.0, 0.0, 10.0, 10, 10))["properties"]
    assert properties["proj:code"] is None
    assert "Lambert Azimuthal Equal Area" in properties["proj:wkt2"]


def test_assets_are_relative_and_described() -> None:
    assets = made()["assets"]
    assert {name: asset["href"] for name, asset in assets.items()} == {
        "classification": "./classification.tif",
        "confidence": "./confidence.tif",
        "validity": "./validity.tif",
        "probability": "./probability.tif",
        "features": "./features.tif",
        "style": "./legend.qml",
    }
    bands = {name: asset["bands"][0] for name, asset in assets.items() if name != "style"}
    assert {name: band["data_type"] for name, band in bands.items()} == {
        "classification": "uint16",
        "confidence": "uint8",
        "validity": "uint16",
        "probability": "uint16",
        "features": "float32",
    }
    assert [band.get("nodata") for band in bands.values()] == [0, 0, 65535, 65535, "nan"]
    assert [band["name"] for band in assets["probability"]["bands"]] == [c.name for c in NOMENCLATURE]
    assert [band["name"] for band in assets["features"]["bands"]] == ["b4_20180104", "b4_20180114"]
    json.dumps(made(), allow_nan=False)
    assert all("cloud-optimized" in assets[name]["type"] for name in bands)


def test_classes_have_value_name_title_and_colour() -> None:
    asset = pystac.Item.from_dict(made()).assets["classification"]
    classes = ClassificationExtension.ext(asset).classes
    assert classes is not None
    assert [(c.value, c.name, c.title, c.color_hint) for c in classes] == [
        (0, "not-classified", "not classified", None),
        (1, "ete-co", "Été & co", "0102FF"),
        (7, "class-7", "水", "000009"),
        (300, "x_y", "x_y", "090909"),
    ]
    assert all(re.fullmatch(r"[0-9A-Za-z_-]+", c.name or "") for c in classes)
