"""Counting labels without geometry: numbers, class names, numbers that are no class, texts that are neither."""

from pathlib import Path

import geopandas
import pytest
import shapely

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.ground_truth.labels import count_labels
from sitspark.ground_truth.read import extent_of
from sitspark.settings import GroundTruthSettings

CLASSES = Nomenclature((LandCoverClass(1, "crop", (1, 1, 1)), LandCoverClass(2, "forest", (2, 2, 2))))


def written(folder: Path, name: str, labels: list, *, id_field: str | None = None, geometry=None) -> GroundTruthSettings:
    points = [shapely.Point(i, 2 * i) for i in range(len(labels))] if geometry is None else geometry
    frame = geopandas.GeoDataFrame(
        {"label": labels, "key": [100 + i for i in range(len(labels))]}, geometry=points, crs="EPSG:2154"
    )
    path = folder / name
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path)
    return GroundTruthSettings(file=path, label_field="label", id_field=id_field)


@pytest.mark.parametrize("name", ["l.gpkg", "l.shp", "l.geojson", "l.parquet"])
@pytest.mark.parametrize(
    ("labels", "of_class", "unknown"),
    [
        pytest.param([1, 2, 2, 9], {1: 1, 2: 2}, {"9": 1}, id="whole numbers"),
        pytest.param([1.0, 2.0, 2.0], {1: 1, 2: 2}, {}, id="whole numbers stored as real ones"),
        pytest.param(["crop", "forest", " crop ", "2", None, ""], {1: 2, 2: 2}, {}, id="names, and none"),
    ],
)
def test_labels_are_counted_by_class(tmp_path: Path, name: str, labels: list, of_class: dict, unknown: dict) -> None:
    counts = count_labels(written(tmp_path, name, labels), CLASSES)
    assert (dict(counts.of_class), dict(counts.unknown)) == (of_class, unknown)


@pytest.mark.parametrize(
    ("name", "id_field", "feature"),
    [("l.gpkg", None, 3), ("l.shp", None, 2), ("l.parquet", None, 2), ("l.gpkg", "key", 102), ("l.parquet", "key", 102)],
)
def test_a_text_that_is_no_label_names_its_feature(tmp_path: Path, name: str, id_field: str | None, feature: int) -> None:
    """The number that GDAL gives: from 1 in a GeoPackage, from 0 in a shapefile."""
    settings = written(tmp_path, name, ["crop", "2", "wheat?", "1.5"], id_field=id_field)
    with pytest.raises(SitsparkError, match=rf"{name}, feature {feature}: label 'wheat\?' is neither"):
        count_labels(settings, CLASSES)


@pytest.mark.parametrize("name", ["l.gpkg", "l.parquet"])
def test_the_extent_of_a_file_passes_over_features_without_geometry(tmp_path: Path, name: str) -> None:
    geometry = [None, shapely.Point(3, 4), shapely.Point(-1, 8), None]
    assert extent_of(written(tmp_path, name, [1, 1, 2, 2], geometry=geometry)) == (-1, 4, 3, 8)


@pytest.mark.parametrize("name", ["l.gpkg", "l.parquet"])
def test_a_file_without_any_geometry_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SitsparkError, match=rf"{name} is null or empty"):
        extent_of(written(tmp_path, name, [1, 2], geometry=[None, None]))
