"""Choices of a split and of folds: each key goes with those that use it, and regions are read or refused by name."""

from pathlib import Path

import geopandas
import pytest
import shapely

from sitspark.errors import SitsparkError
from sitspark.ground_truth.regions import read_regions
from sitspark.settings import GroundTruthSettings
from sitspark.settings_file import parse_settings

REGIONS = {"regions": "r.gpkg", "region_field": "name"}


def chosen(tmp_path: Path, **truth: object) -> GroundTruthSettings:
    tree = {
        "output": "run",
        "scenes": {"folder": "archive"},
        "classes": {"nomenclature": "names.txt", "colours": "colours.txt"},
        "ground_truth": {"file": "polygons.shp", "label_field": "code", **truth},
    }
    return parse_settings(tree, source=tmp_path / "run.yaml").ground_truth


@pytest.mark.parametrize(
    "truth",
    [
        {},
        {"split_unit": "piece"},
        {"split_unit": "block", "block_size": 5},
        {"split_unit": "distance", "distance": 500},
        {"split_unit": "column", "split_field": "part"},
        {"split_unit": "column", "split_field": "part", "folds": "region", **REGIONS},
        {"split_unit": "block", "folds": "block", "block_size": 5, "fold_count": 3},
        {"folds": "block", "block_size": 5, "fold_count": 3},
        {"folds": "random", "fold_count": 5},
        {"folds": "region", **REGIONS},
        REGIONS,
    ],
)
def test_choices_that_go_together(tmp_path: Path, truth: dict) -> None:
    assert chosen(tmp_path, **truth).split_unit == truth.get("split_unit", "polygon")


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [
        ({"split_unit": "block"}, "ground_truth has split_unit: block without block_size; add ground_truth.block_size"),
        ({"split_unit": "distance"}, "has split_unit: distance without distance; add ground_truth.distance"),
        ({"split_unit": "column"}, "has split_unit: column without split_field; add ground_truth.split_field"),
        ({"folds": "random"}, "has folds: random without fold_count; add ground_truth.fold_count"),
        ({"folds": "block", "fold_count": 3}, "has folds: block without block_size; add ground_truth.block_size"),
        ({"folds": "region"}, "has folds: region without regions; add ground_truth.regions and ground_truth.region_field"),
        ({"regions": "r.gpkg"}, "has regions without region_field; add ground_truth.region_field"),
        ({"region_field": "name"}, "has region_field without regions; add ground_truth.regions"),
        ({"block_size": 5}, "has block_size, which would be ignored; it goes with split_unit: block or folds: block"),
        ({"distance": 5}, "has distance, which would be ignored; it goes with split_unit: distance"),
        ({"split_field": "part"}, "has split_field, which would be ignored; it goes with split_unit: column"),
        ({"fold_count": 5}, "has fold_count, which would be ignored; it goes with folds: block or folds: random"),
        ({"split_unit": "column", "split_field": "part", "ratio": 0.5}, "has ratio, which would be ignored"),
        ({"folds": "random", "fold_count": 1}, "fold_count should be greater than or equal to 2, not 1"),
        ({"split_unit": "block", "block_size": 0}, "block_size should be greater than 0, not 0"),
        ({"split_unit": "parcel"}, "split_unit should be 'polygon', 'piece', 'block', 'distance' or 'column', not 'parcel'"),
    ],
)
def test_a_key_that_would_be_ignored_or_is_missing_is_named(tmp_path: Path, truth: dict, sentence: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        chosen(tmp_path, **truth)
    assert sentence in str(caught.value)


def written(path: Path, names: list, crs: str | None = "EPSG:2154") -> Path:
    shapes = [shapely.box(10 * i, 0, 10 * i + 10, 10) for i in range(len(names))]
    geopandas.GeoDataFrame({"name": names}, geometry=shapes, crs=crs).to_file(path)
    return path


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["b", "a", " b "], {"a": 100, "b": 200}),
        ([2, 1, 2], {"1": 100, "2": 200}),
        ([2.0, 10.0], {"10": 100, "2": 100}),
        ([1.5], {"1.5": 100}),
    ],
)
def test_polygons_of_one_name_are_one_region(tmp_path: Path, names: list, expected: dict) -> None:
    found = read_regions(written(tmp_path / "r.gpkg", names), "name")
    assert {region.name: region.ground.outline.area for region in found} == expected
    assert [region.name for region in found] == sorted(expected)
    assert {region.ground.crs for region in found} == {"EPSG:2154"}


@pytest.mark.filterwarnings("ignore:.crs. was not provided")
def test_regions_that_can_not_be_read(tmp_path: Path) -> None:
    good = written(tmp_path / "good.gpkg", ["a"])
    (tmp_path / "text.gpkg").write_text("no vector file")
    unknown = written(tmp_path / "unknown.geojson", ["a"])
    for file, field, sentence in (
        (tmp_path / "absent.gpkg", "name", r"ground_truth\.regions: there is no file .*absent\.gpkg"),
        (tmp_path / "text.gpkg", "name", r"text\.gpkg can't be read as a vector file"),
        (good, "nom", r"ground_truth\.region_field: .*good\.gpkg has no field 'nom'; its fields are name"),
        (written(tmp_path / "null.gpkg", ["a", None]), "name", r"null\.gpkg, feature 2 has no 'name'"),
        (written(tmp_path / "nan.gpkg", [1.0, None]), "name", r"nan\.gpkg, feature 2 has no 'name'"),
        (written(tmp_path / "nowhere.shp", ["a"], crs=None), "name", r"nowhere\.shp has no CRS; export it with one"),
    ):
        with pytest.raises(SitsparkError, match=sentence):
            read_regions(file, field)
    assert len(read_regions(unknown, "name")) == 1


def test_regions_without_ground(tmp_path: Path) -> None:
    path = tmp_path / "points.gpkg"
    geopandas.GeoDataFrame({"name": ["a"]}, geometry=[shapely.Point(0, 0)], crs="EPSG:2154").to_file(path)
    with pytest.raises(SitsparkError, match=r"points\.gpkg holds no polygon; name a file with the outlines of the regions"):
        read_regions(path, "name")
