"""Any map of classes against any file of polygons or points: what counts, what is told, what is refused."""

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from pyspark.sql import SparkSession

from sitspark.accuracy.matrix import ConfusionMatrix
from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.cli import main
from sitspark.maps.areas import has_pixels_of_one_size
from sitspark.maps.class_raster import ClassRaster
from sitspark.maps.style import sidecar
from sitspark.workflow.reference import around
from tests.conftest import FinishedRun
from tests.maps.rasters import LEFT, PLACE, SIDE, TOP, written

HALVES = np.repeat([[1] * 20 + [2] * 20], 30, axis=0)  # 30 x 40 pixels, class 1 to the west, 2 to the east


def box(row: int, col: int, height: int, width: int) -> shapely.Polygon:
    """A polygon of whole pixels of the map."""
    left, top = LEFT + col * SIDE, TOP - row * SIDE
    return shapely.box(left, top - height * SIDE, left + width * SIDE, top)


@dataclass
class Field:
    """Labelled geometries as a file of some format."""

    folder: Path
    geometries: list = field(default_factory=list)
    labels: list = field(default_factory=list)

    def add(self, label: object, geometry: object) -> None:
        self.labels.append(label)
        self.geometries.append(geometry)

    def write(self, name: str = "reference.gpkg", *, crs: str | None = None) -> Path:
        frame = geopandas.GeoDataFrame({"code": self.labels}, geometry=self.geometries, crs="EPSG:32631")
        frame = frame.to_crs(crs) if crs else frame
        path = self.folder / name
        frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_file(path)
        return path


@pytest.fixture
def reference(tmp_path: Path) -> Field:
    """A polygon of each class on its half of the map, one of class 1 across the border, 4 x 3 of its 4 x 6 pixels wrong."""
    found = Field(tmp_path)
    found.add(1, box(2, 2, 5, 5))
    found.add(2, box(2, 30, 6, 4))
    found.add(1, box(20, 17, 4, 6))
    return found


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    return written(tmp_path / "map.tif", HALVES.astype("uint8"), nodata=0)


def validate(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    """The document that --json prints."""
    capsys.readouterr()
    assert main(["validate", *map(str, arguments), "--label-field", "code", "--json"]) == 0, capsys.readouterr().err
    document: dict = json.loads(capsys.readouterr().out)
    return document


def matrix(document: dict) -> dict[tuple[int, int], int]:
    """Pixels by (reference, produced)."""
    told = document["assessment"]["confusion_matrix"]
    pairs = ((r, p) for r in range(len(told["codes"])) for p in range(len(told["codes"])))
    return {(told["codes"][r], told["codes"][p]): told["counts"][r][p] for r, p in pairs if told["counts"][r][p]}


EXPECTED = {(1, 1): 25 + 12, (1, 2): 12, (2, 2): 24}


def points(reference: Field) -> Path:
    """Points on each half, of which some of the west say 2."""
    random = np.random.default_rng(0)
    for half, code, count in ((0, 1, 48), (20, 2, 24)):
        for number in range(count):
            row, col = random.integers(0, 30), half + random.integers(0, 20)
            reference.add(2 if code == 1 and number % 8 == 0 else code, box(int(row), int(col), 1, 1).centroid)
    reference.geometries, reference.labels = reference.geometries[3:], reference.labels[3:]
    return reference.write("points.gpkg")


def test_points_drawn_within_the_classes_of_the_map_give_areas_and_intervals(
    spark: SparkSession, reference: Field, halves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand, after Olofsson et al. (2014): both strata have half of the map; an eighth of the west is of class 2."""
    file = points(reference)
    document = validate(capsys, halves, file, "--design", "stratified", "--output", tmp_path / "out")
    told = document["assessment"]
    counts = told["confusion_matrix"]
    (a, b), (c, d) = counts["counts"]  # (reference, produced): what is lost to points in one pixel is counted in neither
    assert (b, a > 30, c > 3, d > 20) == (0, True, True, True)
    wrong = c / (a + c)
    hectares = {one["code"]: one["hectares"]["value"] for one in told["areas"]["classes"]}
    whole = 30 * 40 * 0.01
    assert hectares == {1: pytest.approx(whole / 2 * (1 - wrong)), 2: pytest.approx(whole / 2 * (1 + wrong))}
    # equation 10: sqrt(0.5² x p (1 - p) / (n - 1)) of the map
    (first, _) = told["areas"]["classes"]
    error = 0.5 * math.sqrt(wrong * (1 - wrong) / (a + c - 1)) * whole
    assert first["hectares"]["standard_error"] == pytest.approx(error)
    polygon, pixel = (told["intervals"][unit]["overall_accuracy"] for unit in ("polygon", "pixel"))
    assert polygon["low"] < told["overall_accuracy"] < polygon["high"] and pixel is not None
    assert (tmp_path / "out" / "area_estimates.csv").read_text().startswith("area,code,class,mapped_hectares")
    assert main(["validate", str(halves), str(file), "--label-field", "code", "--design", "stratified"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    overall = told["areas"]["overall_accuracy"]["value"]
    assert overall == pytest.approx(1 - wrong / 2) != pytest.approx(told["overall_accuracy"])
    assert f"of the map: OA {overall:.3f} (" in said and "estimated (ha)" in said and "random sample drawn within each" in said
    assert "of these pixels, with 95 % intervals by polygon: OA 0." in said


def test_a_class_of_the_map_without_reference_is_ground_that_is_not_assessed(
    spark: SparkSession, reference: Field, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a third class that no point fell in: it is part of the map, of which nothing is said."""
    codes = HALVES.copy()
    codes[:, 36:] = 3
    raster = written(tmp_path / "thirds.tif", codes.astype("uint8"), nodata=0)
    reference.add(1, box(10, 2, 1, 1))
    file = reference.write()
    areas = validate(capsys, raster, file, "--design", "polygons")["assessment"]["areas"]
    assert (areas["assessed_hectares"], areas["mapped_hectares"]) == (pytest.approx(10.8), pytest.approx(12))
    assert [(one["code"], one["samples"]) for one in areas["classes"]][-1] == (3, 0)
    assert main(["validate", str(raster), str(file), "--label-field", "code", "--design", "polygons"]) == 0
    assert "10.0% of the map are classes with fewer than two samples" in " ".join(capsys.readouterr().out.split())


def test_without_a_design_no_area_is_estimated_and_none_of_a_map_in_degrees(
    spark: SparkSession, reference: Field, halves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validate(capsys, halves, reference.write())["assessment"]["areas"] is None
    mercator = Affine(10, 0, 333_000, 0, -10, 5_621_000)  # at 45 degrees a pixel of it covers half of what it says
    web = written(tmp_path / "web.tif", HALVES.astype("uint8"), nodata=0, crs="EPSG:3857", transform=mercator)
    assert not has_pixels_of_one_size(ClassRaster.of(web).grid) and has_pixels_of_one_size(ClassRaster.of(halves).grid)
    degrees = written(
        tmp_path / "degrees.tif", HALVES.astype("uint8"), nodata=0, crs="EPSG:4326", transform=Affine(1e-4, 0, 3, 0, -1e-4, 45)
    )
    west = shapely.box(3.0002, 44.9982, 3.0008, 44.9995)
    geopandas.GeoDataFrame({"code": [1]}, geometry=[west], crs="EPSG:4326").to_file(tmp_path / "few.gpkg")
    document = validate(capsys, degrees, tmp_path / "few.gpkg", "--design", "random")
    told = document["assessment"]
    assert told["areas"] is None and told["overall_accuracy"] == 1 and "simple random sample" in told["assumption"]


@pytest.mark.parametrize(
    ("name", "crs"),
    [("reference.parquet", None), ("reference.shp", "EPSG:2154"), ("reference.geojson", "EPSG:4326")],
)
def test_files_of_other_formats_and_crs_give_the_same_pixels(
    spark: SparkSession, reference: Field, halves: Path, name: str, crs: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    document = validate(capsys, halves, reference.write(name, crs=crs))
    assert matrix(document) == EXPECTED
    assert document["assessment"]["overall_accuracy"] == pytest.approx(61 / 73) and document["assessment"]["polygons"] == 3
    assert document["notes"] == []


def test_maps_of_other_codes_are_compared_through_a_mapping(
    spark: SparkSession, reference: Field, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many codes to one, names for codes, and what is left out doesn't count."""
    codes = np.where(HALVES == 1, 411, 80)
    codes[2] = 412  # also class 1 in the west
    codes[21] = 5
    path = written(tmp_path / "theirs.tif", codes.astype("uint16"), nodata=65535)
    (tmp_path / "codes.csv").write_text("theirs,ours\n411,first\n412,first\n80,2\n5,\n")
    (tmp_path / "names.txt").write_text("first:1\nsecond:2\n")
    options = ("--mapping", tmp_path / "codes.csv", "--nomenclature", tmp_path / "names.txt")
    document = validate(capsys, path, reference.write(), *options)
    assert matrix(document) == {(1, 1): 25 + 9, (1, 2): 9, (2, 1): 4, (2, 2): 20}
    assert [told["name"] for told in document["assessment"]["classes"]] == ["first", "second"]
    assert document["notes"] == [
        "6 pixels of 1 polygon where the map has no class (nodata, or left out by the mapping): not counted"
    ]
    (tmp_path / "codes.csv").write_text("411,1\n412,1\n")
    assert main(["validate", str(path), str(tmp_path / "reference.gpkg"), "--label-field", "code", *map(str, options)]) == 1
    assert "theirs.tif: holds codes 5, 80, which the mapping doesn't name; add a line '5," in capsys.readouterr().err


def test_names_that_lie_beside_the_map_name_the_classes_and_the_labels_that_are_texts(
    capsys: pytest.CaptureFixture[str], halves: Path, reference: Field
) -> None:
    classes = Nomenclature((LandCoverClass(1, "water", (0, 0, 255)), LandCoverClass(2, "wheat", (200, 200, 0))))
    halves.with_name("map.tif.aux.xml").write_text(sidecar(classes))
    document = validate(capsys, halves, reference.write())
    assert [one["name"] for one in document["assessment"]["classes"]] == ["water", "wheat"]
    named = Field(reference.folder, reference.geometries, ["water", "wheat", "water"])
    assert matrix(validate(capsys, halves, named.write("named.gpkg"))) == matrix(document)


def test_points_count_as_their_pixel_or_with_what_lies_around(
    spark: SparkSession, tmp_path: Path, halves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = Field(tmp_path)
    for label, row, col in ((1, 5.3, 5.8), (2, 5.5, 19.5), (2, 9.1, 33.9), (1, 500, 5)):
        points.add(label, shapely.Point(LEFT + col * SIDE, TOP - row * SIDE))
    path = points.write(crs="EPSG:4326")
    document = validate(capsys, halves, path)
    assert matrix(document) == {(1, 1): 1, (2, 1): 1, (2, 2): 1}
    assert document["notes"] == ["1 of 4 features not used: outside the map"]
    assert "one more wrong pixel would change OA by about 33.3%" in document["assessment"]["caution"]
    around = validate(capsys, halves, path, "--point-buffer", 15)
    assert around["assessment"]["pixels"] > 3 * 5 and matrix(around)[2, 2] > 5  # some of the second class left of the border


def test_everything_that_is_not_compared_is_counted_and_listed(
    spark: SparkSession, reference: Field, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = HALVES.astype("int16")
    codes[3] = -9
    codes[22] = 7
    path = written(tmp_path / "map.tif", codes, nodata=-9)
    reference.add(None, box(10, 2, 2, 2))
    reference.add(1, box(-50, 2, 2, 2))
    reference.add(2, None)
    reference.add(1, shapely.Point(LEFT + 101, TOP - 101).buffer(1))
    reference.add(3, box(12, 30, 2, 2))
    reference.add(2, box(26, 38, 4, 10))  # half of it beyond the map
    out = tmp_path / "out"
    document = validate(capsys, path, reference.write(), "--output", out)
    assert set(document["notes"]) == {
        "1 of 9 features not used: no label",
        "1 of 9 features not used: outside the map",
        "1 of 9 features not used: null geometry",
        "1 polygon without a pixel: no centre lies inside (--touched takes pixels that are partly inside), or others claim it",
        "9 pixels of 2 polygons where the map has no class (nodata, or left out by the mapping): not counted",
        "6 pixels of map codes that no reference has here (7): counted as wrong; --mapping gives them another code, or leaves "
        "them out",
        "4 pixels of reference classes that the map never gives here (3): counted as wrong; a --nomenclature without them "
        "leaves them out",
    }
    assert matrix(document) == {(1, 1): 20 + 9, (1, 2): 9, (1, 7): 6, (2, 2): 20 + 8, (3, 2): 4}
    with (out / "not_used.csv").open() as file:
        assert [row["reason"] for row in csv.DictReader(file)] == ["no label", "outside the imagery", "null geometry"]
    assert json.loads((out / "metrics.json").read_text()) == document
    assert (out / "confusion.csv").read_text() == ConfusionMatrix.from_json(document["assessment"]["confusion_matrix"]).to_csv()
    with (out / "classes.csv").open() as file:
        scores = {int(row["code"]): row for row in csv.DictReader(file)}
    assert set(scores) == {1, 2, 3, 7} and float(scores[2]["recall"]) == 1.0 and scores[7]["f_score"] == ""
    assert all((out / name).read_bytes().startswith(b"\x89PNG") for name in ("confusion.png", "class_scores.png"))
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["metrics.json", "confusion.csv", "classes.csv", "not_used.csv", "confusion.png", "class_scores.png"]
    )
    touched = validate(capsys, path, tmp_path / "reference.gpkg", "--touched")
    assert not any("without a pixel" in note for note in touched["notes"])


def test_a_map_in_degrees_across_many_blocks(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Class 0 is a class where nothing is said of it; a polygon in four blocks is one."""
    codes = np.zeros((1100, 1300), "uint8")
    codes[:, 700:] = 1
    step = 1e-4
    path = written(tmp_path / "world.tif", codes, crs="EPSG:4326", transform=Affine(step, 0, 1.0, 0, -step, 45.0))
    reference = Field(tmp_path)
    middle = shapely.box(1 + 1000 * step, 45 - 1050 * step, 1 + 1050 * step, 45 - 1000 * step)
    reference.add(1, middle)
    reference.add(0, shapely.box(1 + 10 * step, 45 - 20 * step, 1 + 20 * step, 45 - 10 * step))
    frame = geopandas.GeoDataFrame({"code": reference.labels}, geometry=reference.geometries, crs="EPSG:4326")
    frame.to_file(tmp_path / "reference.gpkg")
    document = validate(capsys, path, tmp_path / "reference.gpkg")
    assert matrix(document) == {(0, 0): 100, (1, 1): 2500} and document["assessment"]["polygons"] == 2


def test_a_table_for_people(
    spark: SparkSession, reference: Field, halves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference.add(2, box(-50, 2, 2, 2))
    assert (
        main(["validate", str(halves), str(reference.write()), "--label-field", "code", "--output", str(tmp_path / "o")]) == 0
    )
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "! 1 of 4 features not used: outside the map",
        "OA 0.836",
        "73 pixels of 3 polygons of",
        f"results {tmp_path / 'o'}",
    ):
        assert words in printed


def test_the_polygons_that_a_run_set_aside_give_the_numbers_of_the_run(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = finished.context.folder
    polygons = geopandas.read_parquet(folder.table("polygons"))
    aside = polygons[polygons["split"] == "validation"]
    aside[["label", "geometry"]].rename(columns={"label": "code"}).to_file(tmp_path / "aside.gpkg")
    own = json.loads((folder.accuracy / "metrics.json").read_text())["assessment"]
    for given in (folder.path, finished.map / "classification.tif"):
        document = validate(capsys, given, tmp_path / "aside.gpkg")
        own_matrix = {"assessment": own}
        assert matrix(document) == matrix(own_matrix)
        for score in ("overall_accuracy", "kappa", "mean_f_score", "pixels"):
            assert document["assessment"][score] == own[score]
        assert not any("learnt from" in note for note in document["notes"])


@pytest.mark.parametrize(("field", "doubted"), [("code", False), ("id", True)])
def test_what_speaks_against_the_reference_is_told(
    finished: FinishedRun, capsys: pytest.CaptureFixture[str], field: str, doubted: bool
) -> None:
    """Polygons that the map was made from, and a field of numbers that aren't classes."""
    polygons = Path(finished.tree["ground_truth"]["file"])
    command = ["validate", str(finished.map / "classification.tif"), str(polygons), "--label-field", field, "--json"]
    assert main(command) == 0
    notes = " ".join(json.loads(capsys.readouterr().out)["notes"])
    assert "the map was made from polygons of this file: those that it learnt from count here too" in notes
    assert ("is --label-field the field of the class?" in notes) is doubted


SETTINGS = "settings.yaml"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["map.tif"], "map.tif is no settings file; name the polygons", id="no polygons"),
        pytest.param(["map.tif", "reference.gpkg"], "--label-field: name the field of reference.gpkg", id="no field"),
        pytest.param([SETTINGS, "reference.gpkg", "--label-field", "code"], "is a settings file; with POLYGONS", id="settings"),
        pytest.param([SETTINGS, "--mapping", "codes.csv"], "--mapping goes with a map and polygons", id="mapping of a run"),
        pytest.param([SETTINGS, "--json"], "--json goes with a map and polygons", id="JSON of a run"),
        pytest.param([SETTINGS, "--nodata", "0"], "--nodata goes with a map and polygons", id="nodata of a run"),
        pytest.param([SETTINGS, "--touched"], "--touched goes with a file of polygons", id="touched of a run"),
        pytest.param(
            ["map.tif", "reference.gpkg", "--label-field", "code", "--set", "seed=1"], "--set goes with a settings", id="--set"
        ),
        pytest.param(
            ["map.tif", "reference.gpkg", "--label-field", "code", "--point-buffer", "-3"], "-3 is no distance", id="distance"
        ),
        pytest.param([".", "reference.gpkg", "--label-field", "code"], ". is no run: it holds no run.json", id="a folder"),
        pytest.param(["none.tif", "reference.gpkg", "--label-field", "code"], "there is no map none.tif", id="no map"),
        pytest.param(["bare.tif", "reference.gpkg", "--label-field", "code"], "bare.tif: has no CRS; give it one", id="no CRS"),
        pytest.param(
            ["turned.tif", "reference.gpkg", "--label-field", "code"], "turned.tif: is turned or upside down", id="rotated"
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_before_anything_starts(
    reference: Field,
    halves: Path,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    reference.write()
    (tmp_path / SETTINGS).touch()
    (tmp_path / "codes.csv").write_text("1,1\n")
    written(tmp_path / "bare.tif", HALVES.astype("uint8"), crs=None)
    written(tmp_path / "turned.tif", HALVES.astype("uint8"), transform=PLACE @ Affine.rotation(20))
    assert main(["validate", *arguments]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("labels", "options", "sentence"),
    [
        pytest.param([1, 2, 1], ["--label-field", "klass"], "has no field 'klass'; its fields are code", id="no such field"),
        pytest.param(["a", "b", "a"], [], "holds texts, as 'a'; --nomenclature FILE says", id="names without nomenclature"),
        pytest.param([None, None, None], [], "holds no label; name the field of the classes", id="no label"),
        pytest.param(
            [1, 2, 1],
            ["--shift"],
            "can be compared with the map: 3 of 3 features not used: outside the map; they lie at longitude 3.00 to 3.00, "
            "latitude 44.25 to 44.25, the map at longitude 3.13 to 3.13, latitude 44.25 to 44.25",  # ten kilometres to the east
            id="afar",
        ),
        pytest.param([1, 2, 1], ["--nodata-all"], "has no class at any pixel of 3 polygons", id="nothing but nodata"),
    ],
)
def test_references_that_cannot_be_used(
    spark: SparkSession,
    reference: Field,
    tmp_path: Path,
    labels: list,
    options: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reference.labels = labels
    afar = PLACE @ Affine.translation(1000, 0) if "--shift" in options else PLACE
    codes = HALVES * ("--nodata-all" not in options)
    path = written(tmp_path / "map.tif", codes.astype("uint8"), nodata=0, transform=afar)
    field_ = options[1] if "--label-field" in options else "code"
    assert main(["validate", str(path), str(reference.write()), "--label-field", field_]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("bounds", "crs", "words"),
    [
        ((500_000, 4_900_000, 500_000, 4_900_000), "EPSG:32631", "longitude 3.00 to 3.00, latitude 44.25 to 44.25"),
        ((500_000, 4_900_000, 500_010, 4_900_010), "EPSG:4326", "which is nowhere in EPSG:4326"),
        (
            (400_000, 4_900_000, 500_010, 4_900_010),
            "EPSG:4326",
            "400000, 4.9e+06, 500010, 4.90001e+06 (left, bottom, right, top)",
        ),
    ],
)
def test_where_features_lie_is_told_also_where_their_crs_is_wrong(bounds: tuple, crs: str, words: str) -> None:
    assert words in around(bounds, crs)
