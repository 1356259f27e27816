"""Polygons of a map: each part once and whole however blocks cut it, borders that stay shared, attributes as counted."""

from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio.features
import shapely
from scipy import ndimage

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.maps.mosaic import Piece, write_map
from sitspark.maps.products import CONFIDENCE, Product, classification, regularised
from sitspark.maps.vectorise import Sources, vectorise

GRID = Grid("EPSG:32631", 300000, 4900020, 10, 130, 170)
NAMES = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code, 200, 50)) for code in (1, 4, 9)))


@dataclass(frozen=True)
class Drawn:
    folder: Path
    sources: Sources
    classes: np.ndarray
    original: np.ndarray
    confidence: np.ndarray


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Winding parts that cross blocks again and again, parts within parts, and a hole where nothing is classified."""
    folder, rng = tmp_path_factory.mktemp("map"), np.random.default_rng(2)
    field = ndimage.gaussian_filter(rng.normal(size=(GRID.height, GRID.width)), 3)
    classes = np.array([1, 4, 9], np.uint8)[np.digitize(field, np.quantile(field, [0.4, 0.7]))]
    classes[40:70, 50:95] = 0
    original = np.where(rng.random(classes.shape) < 0.2, rng.choice([1, 4, 9], classes.shape), classes).astype(np.uint8)
    original[classes == 0] = 0
    confidence = np.where(classes > 0, rng.integers(30, 100, classes.shape), 0).astype(np.uint8)

    def write(product: Product, pixels: np.ndarray) -> Path:
        path = folder / f"{product.name}.tif"
        write_map([Piece(GRID.window, pixels[np.newaxis])], GRID, path, product=product)
        return path

    sources = Sources(
        write(regularised(NAMES.codes), classes), write(CONFIDENCE, confidence), write(classification(NAMES.codes), original)
    )
    return Drawn(folder, sources, classes, original, confidence)


def parts_of(classes: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Each connected part by its first pixel."""
    found = {}
    for code in (1, 4, 9):
        labels, count = ndimage.label(classes == code)
        found |= {tuple(np.argwhere(labels == i)[0].tolist()): labels == i for i in range(1, count + 1)}
    return found


def polygons(drawn: Drawn, name: str, **how: float) -> geopandas.GeoDataFrame:
    out = drawn.folder / name
    count = vectorise(drawn.sources, GRID, out, nomenclature=NAMES, **how)
    read = geopandas.read_parquet(out) if out.suffix == ".parquet" else geopandas.read_file(out)
    assert len(read) == count and read.crs == GRID.crs and set(read.geom_type) == {"Polygon"} and read.is_valid.all()
    return read


@pytest.mark.parametrize("side", [16, 37, 1024])
@pytest.mark.parametrize("name", ["polygons.gpkg", "polygons.parquet"])
def test_each_part_is_one_polygon_with_what_was_counted_in_it(drawn: Drawn, name: str, side: int) -> None:
    read = polygons(drawn, name, side=side)
    parts = parts_of(drawn.classes)
    assert len(read) == len(parts)
    burnt = rasterio.features.rasterize(
        zip(read.geometry, range(1, len(read) + 1), strict=True), drawn.classes.shape, transform=GRID.transform
    )
    for first, part in parts.items():
        row = read.iloc[burnt[first] - 1]
        assert (burnt[part] == burnt[first]).all() and (burnt == burnt[first]).sum() == part.sum()
        assert row["code"] == drawn.classes[first] and row["name"] == f"class {row['code']}"
        assert row["area_ha"] == pytest.approx(part.sum() / 100) == pytest.approx(row.geometry.area / 10_000)
        kept = drawn.confidence[part & (drawn.original == drawn.classes)]
        # that of a class which a pixel lost says nothing of the one that it has
        assert row["confidence"] == pytest.approx(kept.mean(), rel=1e-6) if len(kept) else np.isnan(row["confidence"])
        for code in NAMES.codes:
            assert row[f"share_{code}"] == pytest.approx(100 * (drawn.original[part] == code).mean(), rel=1e-6)


@pytest.mark.parametrize("side", [23, 1024])
def test_simplified_borders_are_those_of_both_neighbours(drawn: Drawn, side: int) -> None:
    plain, simple = (polygons(drawn, "polygons.parquet", simplify=by, side=side) for by in (0, 1.5))
    assert shapely.coverage_is_valid(simple.geometry.to_numpy())
    points = shapely.get_num_coordinates
    assert points(simple.geometry).sum() < 0.8 * points(plain.geometry).sum()
    # nothing is lost, and nobody has moved far
    assert simple.area.sum() == pytest.approx(plain.area.sum(), rel=0.02)
    assert simple["area_ha"].tolist() == plain["area_ha"].tolist()


def test_a_map_as_the_classifier_gave_it_has_no_shares(drawn: Drawn) -> None:
    as_given = Sources(drawn.sources.classes, drawn.sources.confidence, None)
    vectorise(as_given, GRID, drawn.folder / "plain.parquet", nomenclature=NAMES)
    columns = geopandas.read_parquet(drawn.folder / "plain.parquet").columns.tolist()
    assert columns == ["code", "name", "area_ha", "confidence", "geometry"]


def test_a_raster_that_is_missing_is_named(drawn: Drawn) -> None:
    lost = Sources(drawn.sources.classes, drawn.folder / "lost.tif", None)
    with pytest.raises(SitsparkError, match=r"lost\.tif: can't be read"):
        vectorise(lost, GRID, drawn.folder / "none.gpkg", nomenclature=NAMES)
    assert not (drawn.folder / "none.gpkg").exists()
