"""From dirty features to clean, split polygons: every feature is accounted for, and nothing hangs on partitions."""

import csv
from collections import Counter
from pathlib import Path

import geopandas
import pyarrow as pa
import pytest
import shapely
from pyspark.sql import SparkSession

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.grid import Grid, Territory, Window
from sitspark.ground_truth.clean import Cleaned, clean
from sitspark.ground_truth.placing import Ground, Placing
from sitspark.ground_truth.read import inspect_vector, read_features
from sitspark.ground_truth.staged import FEATURES, write_staged
from sitspark.settings import GroundTruthSettings
from tests.conftest import FinishedRun

CLASSES = Nomenclature((LandCoverClass(1, "crop", (1, 1, 1)), LandCoverClass(2, "forest", (2, 2, 2))))
GRID = Grid("EPSG:32631", 300_000, 5_000_000, 10, 100, 100)
GROUND = Ground(GRID, [Territory("west", Window(0, 0, 100, 50)), Territory("east", Window(0, 50, 100, 50))])


def square(x: float, y: float, side: float = 50) -> str:
    """A square whose lower left corner lies x, y metres right of and below the grid's upper left corner."""
    return shapely.box(300_000 + x, 5_000_000 - y - side, 300_000 + x + side, 5_000_000 - y).wkt


def squares(*corners: tuple[float, float]) -> str:
    """Several squares as one feature."""
    return shapely.MultiPolygon([shapely.from_wkt(square(x, y)) for x, y in corners]).wkt


BOW_TIE = "POLYGON((300100 4999900, 300150 4999850, 300150 4999900, 300100 4999850, 300100 4999900))"


def cleaned(
    spark: SparkSession, folder: Path, features: list[tuple[int, int | None, str | None]], *, buffer: float = 0.0
) -> Cleaned:
    rows = [
        {"number": i, "label": label and str(label), "wkb": None if wkt is None else shapely.to_wkb(shapely.from_wkt(wkt))}
        for i, label, wkt in features
    ]
    staged = write_staged([pa.RecordBatch.from_pylist(rows, FEATURES)], folder / "features.parquet")
    placing = Placing(GROUND, "EPSG:32631", buffer, {c.code: c.name for c in CLASSES})
    return clean(spark, staged, placing, folder / "judged", tolerance=1.0)


def reasons(found: Cleaned) -> dict[int, str]:
    return {row.polygon_id: row.reason for row in found.rejected.collect()}


@pytest.mark.parametrize(
    ("features", "rejected"),
    [
        pytest.param([(1, 1, square(0, 0))], {}, id="a sound polygon stays"),
        pytest.param([(1, 1, None)], {1: "null geometry"}, id="null"),
        pytest.param([(1, 1, "POLYGON EMPTY")], {1: "empty geometry"}, id="empty"),
        pytest.param([(1, None, square(0, 0))], {1: "no label"}, id="no label"),
        pytest.param([(1, 99, square(0, 0))], {1: "label 99 is not in the nomenclature"}, id="unknown label"),
        pytest.param(
            [(1, 1, square(0, 0)), (2, 1, square(0, 0))], {2: "duplicate of feature 1"}, id="of two equal ones the first stays"
        ),
        pytest.param(
            [(1, 1, square(0, 0)), (2, 1, shapely.from_wkt(square(0, 0)).reverse().wkt)],
            {2: "duplicate of feature 1"},
            id="the same polygon drawn the other way round",
        ),
        pytest.param(
            [(1, 1, square(0, 0)), (2, 2, square(0, 0))],
            {1: "same geometry as feature 2 of another label", 2: "same geometry as feature 1 of another label"},
            id="equal geometry and different labels: neither stays",
        ),
        pytest.param(
            [(1, 1, square(0, 0)), (2, 2, square(20, 20))],
            {1: "overlaps feature 2 of another label", 2: "overlaps feature 1 of another label"},
            id="overlap of different labels",
        ),
        pytest.param([(1, 1, square(0, 0)), (2, 1, square(20, 20))], {}, id="overlap of one label"),
        pytest.param([(1, 1, square(0, 0)), (2, 2, square(49, 0))], {}, id="overlap of less than a pixel"),
        pytest.param([(1, 1, square(0, 0)), (2, 2, square(50, 0))], {}, id="neighbours that touch"),
        pytest.param(
            [(1, 1, squares((0, 0), (200, 0))), (2, 2, squares((48.8, 0), (248.8, 0)))],
            {1: "overlaps feature 2 of another label", 2: "overlaps feature 1 of another label"},
            id="two parts that overlap by 60 square metres each: more than a pixel together",
        ),
        pytest.param([(1, 1, square(5000, 0))], {1: "outside the imagery"}, id="outside"),
        pytest.param([(1, 1, square(1000, 0))], {1: "outside the imagery"}, id="beside: only an edge is shared"),
        pytest.param([(1, 1, "MULTIPOINT (300105 4999895, 300305 4999695)")], {}, id="several points"),
        pytest.param([(1, 1, "LINESTRING(300010 4999990, 300020 4999990)")], {1: "no area is left after repair"}, id="a line"),
        pytest.param([(1, 1, BOW_TIE)], {}, id="a bow-tie is repaired"),
    ],
)
def test_each_fault_has_its_reason(spark: SparkSession, tmp_path: Path, features: list, rejected: dict[int, str]) -> None:
    found = cleaned(spark, tmp_path, features)
    assert reasons(found) == rejected
    kept = {row.polygon_id for row in found.pieces.collect()}
    assert kept == {feature[0] for feature in features} - set(rejected)


def test_pieces_are_valid_and_single_and_keep_the_area(spark: SparkSession, tmp_path: Path) -> None:
    parts = shapely.union_all([shapely.from_wkt(square(0, 0)), shapely.from_wkt(square(200, 0))]).wkt
    pieces = (
        cleaned(spark, tmp_path, [(1, 1, BOW_TIE), (2, 2, parts)])
        .pieces.selectExpr("polygon_id", "piece_id", "ST_AsBinary(geometry) wkb", "area_m2")
        .collect()
    )
    shapes = [shapely.from_wkb(bytes(row.wkb)) for row in pieces]
    assert all(shape.geom_type == "Polygon" and shape.is_valid for shape in shapes)
    assert Counter(row.polygon_id for row in pieces) == {1: 2, 2: 2}
    assert len({row.piece_id for row in pieces}) == 4
    assert sum(row.area_m2 for row in pieces if row.polygon_id == 1) == pytest.approx(2 * 50 * 25 / 2)


def test_a_polygon_across_tiles_belongs_to_the_one_with_its_largest_part(spark: SparkSession, tmp_path: Path) -> None:
    found = cleaned(spark, tmp_path, [(1, 1, square(490, 0)), (2, 1, square(460, 100)), (3, 1, square(475, 300))])
    # the third lies half and half: the first name of the two
    assert {row.polygon_id: row.tile for row in found.pieces.collect()} == {1: "east", 2: "west", 3: "east"}


def test_a_point_takes_its_pixel_or_a_disc(spark: SparkSession, tmp_path: Path) -> None:
    point = [(1, 1, "POINT(300014 4999987)")]
    (pixel,) = cleaned(spark, tmp_path / "pixel", point).pieces.selectExpr("ST_AsBinary(geometry) wkb").collect()
    assert shapely.from_wkb(bytes(pixel.wkb)).centroid.coords[0] == pytest.approx((300_015, 4_999_985))
    (disc,) = cleaned(spark, tmp_path / "disc", point, buffer=20.0).pieces.select("area_m2").collect()
    assert disc.area_m2 == pytest.approx(3.14159 * 400, rel=0.03)


def test_nothing_is_lost_of_a_real_files_dirt(finished: FinishedRun) -> None:
    """Every feature of the file is either a polygon or rejected, once; each kind of dirt ends where it should."""
    source = geopandas.read_file(finished.simulated / "ground_truth" / "polygons.gpkg")
    kept = {row.polygon_id for row in finished.context.table("polygons").select("polygon_id").distinct().collect()}
    rejected = finished.context.table("rejected").collect()
    assert kept | {row.polygon_id for row in rejected} == set(source["id"])
    assert len(kept) + len(rejected) == len(source)
    why = {row.polygon_id: row.reason for row in rejected}
    with (finished.simulated / "ground_truth" / "dirt.csv").open() as file:
        dirt = {int(row["id"]): row["kind"] for row in csv.DictReader(file)}
    starts = {
        "null": "null geometry",
        "empty": "empty geometry",
        "unknown_label": "label 99",
        "conflicting_duplicate": "same geometry",
        "overlap": "overlaps",
    }
    for polygon, kind in dirt.items():
        if kind == "duplicate":
            outline = source.set_index("id").geometry[polygon]
            # of twins the later one goes, be it the copy or the original
            first, *later = sorted(source["id"][source.geometry.geom_equals(outline)])
            assert first in kept and [why[twin] for twin in later] == [f"duplicate of feature {first}"]
        elif kind in starts:
            assert why[polygon].startswith(starts[kind]), (polygon, kind, why[polygon])
    repaired = {polygon for polygon, kind in dirt.items() if kind in ("self_intersection", "multipart")}
    assert repaired <= kept


@pytest.mark.parametrize("name", ["polygons.shp", "polygons.gpkg", "polygons.parquet"])
def test_all_file_formats_give_the_same_features(finished: FinishedRun, spark: SparkSession, tmp_path: Path, name: str) -> None:
    def read(file: str) -> dict[int, tuple[str, bool]]:
        path = finished.simulated / "ground_truth" / file
        settings = GroundTruthSettings(file=path, label_field="code", id_field="id")
        assert inspect_vector(settings).crs == "EPSG:32631"
        rows = pa.concat_tables([g.read() for g in read_features(settings, tmp_path / name).groups]).to_pylist()
        empty = {None, "GEOMETRYCOLLECTION EMPTY", "POLYGON EMPTY", "MULTIPOLYGON EMPTY"}
        return {row["number"]: (row["label"], row["wkb"] is None or shapely.from_wkb(row["wkb"]).wkt in empty) for row in rows}

    assert read(name) == read("polygons.gpkg")


@pytest.mark.parametrize(
    ("crs", "code"), [("IGNF:LAMB93", "EPSG:2154"), ("ESRI:102110", "EPSG:2154"), ("OGC:CRS84", "EPSG:4326")]
)
def test_a_crs_of_another_authority_is_told_to_sedona_by_its_epsg_code(tmp_path: Path, crs: str, code: str) -> None:
    path = tmp_path / "polygons.gpkg"
    geopandas.GeoDataFrame({"code": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=crs).to_file(path)
    assert inspect_vector(GroundTruthSettings(file=path, label_field="code")).crs == code
