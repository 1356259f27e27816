"""`sitspark ground-truth check`: every format is read and written, what it tells is right, a mended file is sound."""

import csv
import shutil
from collections import Counter
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import shapely
from pyspark.sql import SparkSession

from sitspark.cli import main
from sitspark.simulate import Simulation
from tests.conftest import FinishedRun
from tests.end_to_end.test_processes import write_settings

FIELDS = ("--label-field", "code", "--id-field", "id")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that isn't named lies in the working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def truth(simulation: Simulation) -> Path:
    return simulation.folder / "ground_truth"


@pytest.fixture
def nomenclature(simulation: Simulation) -> tuple[str, str]:
    return "--nomenclature", str(simulation.nomenclature)


def check(*arguments: object) -> int:
    return main(["ground-truth", "check", *map(str, arguments)])


def read(path: Path) -> geopandas.GeoDataFrame:
    return geopandas.read_parquet(path) if path.suffix == ".parquet" else geopandas.read_file(path)


def contents(frame: geopandas.GeoDataFrame) -> list[tuple[int, int, bytes]]:
    return sorted(zip(frame["id"], frame["code"], shapely.to_wkb(shapely.normalize(frame.geometry.array)), strict=True))


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("polygons.gpkg", "fixed.gpkg"),
        ("polygons.shp", "fixed.shp"),
        ("polygons.parquet", "fixed.parquet"),
        ("polygons.geojson", "fixed.geojson"),
    ],
)
def test_every_format_is_mended_and_what_is_mended_is_sound(
    spark: SparkSession, truth: Path, nomenclature: tuple, tmp_path: Path, source: str, out: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Features before = after + rejected; each kind of dirt ends where it should; a second time changes nothing."""
    before = geopandas.read_file(truth / "polygons.gpkg")
    path = truth / source
    if source.endswith(".geojson"):
        path = tmp_path / source
        before.to_file(path)
    assert check(path, *FIELDS, *nomenclature, "--fix", tmp_path / out) == 0
    printed = capsys.readouterr().out
    after = read(tmp_path / out)
    (companion,) = tmp_path.glob("fixed_rejected.*")
    rejected = read(companion)
    assert len(before) == after["id"].nunique() + len(rejected) and not set(after["id"]) & set(rejected["id"])
    assert f"of {after['id'].nunique()} of {len(before)} features; {len(rejected)} rejected are in {companion}" in printed
    assert after.crs == before.crs == rejected.crs
    assert after.is_valid.all() and set(after.geom_type) == {"Polygon"} and not after.normalize().duplicated().any()
    why = dict(zip(rejected["id"], rejected["reason"], strict=True))
    with (truth / "dirt.csv").open() as file:
        dirt = {int(row["id"]): row["kind"] for row in csv.DictReader(file)}
    none = ("null geometry", "empty geometry")  # one and the same in a shapefile
    starts = {
        "null": none,
        "empty": none,
        "unknown_label": "label 99 is not",
        "conflicting_duplicate": "same geometry",
        "overlap": "overlaps",
    }
    for polygon, kind in dirt.items():
        assert kind not in starts or why[polygon].startswith(starts[kind]), (polygon, kind)
    offenders = geopandas.read_parquet(tmp_path / f"{path.stem}_offenders.parquet")
    assert set(offenders[offenders["kind"] == "fault"]["feature"]) == {str(polygon) for polygon in why}
    parts = before.set_index("id").geometry.loc[sorted(set(after["id"]))].count_geometries()
    assert set(offenders[offenders["what"] == "multi-part"]["feature"]) >= {str(polygon) for polygon in parts.index[parts > 1]}
    again = tmp_path / "again" / out
    assert check(tmp_path / out, *FIELDS, *nomenclature) == 0  # no fault, so no 1
    assert check(tmp_path / out, *FIELDS, *nomenclature, "--fix", again) == 0
    assert contents(read(again)) == contents(after)


def test_faults_end_with_1_and_name_the_offenders_with_their_place(
    spark: SparkSession, truth: Path, nomenclature: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.parquet"
    assert check(truth / "polygons.gpkg", *FIELDS, *nomenclature, "--report", report) == 1
    printed = capsys.readouterr().out
    assert "null geometry" in printed and "conflicting duplicate" in printed and "--fix OUT.gpkg writes" in printed
    found = geopandas.read_parquet(report)
    assert found.crs == "EPSG:32631"
    overlaps = found[found["what"] == "overlap"]
    assert overlaps.geometry.notna().all() and overlaps["x"].between(*overlaps.total_bounds[[0, 2]]).all()
    assert list(tmp_path.iterdir()) == [report]


def test_a_folder_of_shapefiles_is_one_file_whose_numbers_go_on(
    spark: SparkSession, truth: Path, nomenclature: tuple, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polygons = geopandas.read_file(truth / "polygons.gpkg")
    folder = tmp_path / "shapefiles"
    folder.mkdir()
    for name, part in (("a.shp", polygons.iloc[:100]), ("b.shp", polygons.iloc[100:])):
        part.to_file(folder / name)
    assert check(folder, "--label-field", "code", *nomenclature, "--fix", tmp_path / "fixed.gpkg") == 0
    assert "2 files" in (printed := capsys.readouterr().out) and "a.shp (100)" in printed
    fixed, rejected = read(tmp_path / "fixed.gpkg"), read(tmp_path / "fixed_rejected.gpkg")
    assert {*fixed["origin_id"], *rejected["origin_id"]} == set(range(len(polygons)))
    # in degrees the same features are rejected, and overlaps are measured in metres all the same
    polygons.to_crs(4326).to_file(tmp_path / "degrees.gpkg")
    assert check(tmp_path / "degrees.gpkg", *FIELDS, *nomenclature, "--fix", tmp_path / "d.gpkg") == 0
    why, in_degrees = (
        Counter(reason.partition(" feature ")[0].replace("null", "empty") for reason in read(path)["reason"])
        for path in (tmp_path / "fixed_rejected.gpkg", tmp_path / "d_rejected.gpkg")
    )
    assert why == in_degrees
    other = polygons.to_crs(2154)
    other.to_file(folder / "c.shp")
    assert check(folder, "--label-field", "code") == 1
    assert "c.shp is in EPSG:2154" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["f.gpkg", "f.shp", "f.parquet", "f.geojson"])
def test_other_fields_are_kept_as_they_are(spark: SparkSession, tmp_path: Path, name: str) -> None:
    """A file is still what it was: a split of one's own, a year, a share, the day of a visit; and so are those rejected."""
    squares = [shapely.box(300_000 + 100 * i, 4_900_000, 300_050 + 100 * i, 4_900_050) for i in range(4)]
    squares[1] = shapely.MultiPolygon([squares[1], shapely.box(300_120, 4_900_100, 300_150, 4_900_150)])
    frame = geopandas.GeoDataFrame(
        {
            "part": ["train", None, "test", "train"],
            "id": [7, 3, 5, 9],
            "year": [2018, 2019, 2020, 2021],
            "share": [0.5, 1.5, float("nan"), 2.5],
            "seen": pd.to_datetime(["2018-05-01", "2018-05-02", "2018-05-03", "2018-05-04"]),
            "code": [1, 2, 3, None],
        },
        geometry=squares,
        crs=32631,
    )
    frame.to_parquet(tmp_path / "source.parquet")
    assert check(tmp_path / "source.parquet", *FIELDS, "--fix", tmp_path / name) == 0
    fixed, (companion,) = read(tmp_path / name), tmp_path.glob("f_rejected.*")
    days = [] if name.endswith(".shp") else ["seen"]
    assert [c for c in fixed.columns if c != "geometry"] == ["id", "part", "year", "share", *days, "code"]
    rejected = read(companion)
    assert list(fixed["id"]) == [7, 3, 3, 5] and list(rejected["id"]) == [9]
    for written in (fixed, rejected):
        before = frame.set_index("id").loc[written["id"]]
        for column in ("part", "year", "share"):
            assert written[column].fillna(-1).tolist() == before[column].fillna(-1).tolist()
        if days:
            assert [str(day)[:10] for day in written["seen"]] == [str(day)[:10] for day in before["seen"]]


def test_ids_stay_what_they_are(spark: SparkSession, tmp_path: Path) -> None:
    """Codes of parcels keep their zeros; a feature without an id isn't given that of another one."""
    squares = [shapely.box(300_000 + 100 * i, 4_900_000, 300_050 + 100 * i, 4_900_050) for i in (0, 1, 2, 0, 5)]
    keys = ["007", "1", None, None, "x"]
    frame = geopandas.GeoDataFrame({"key": keys, "code": [1, 2, 3, 1, None]}, geometry=squares, crs=32631)
    frame.to_file(tmp_path / "ids.gpkg")
    fields = ("--label-field", "code", "--id-field", "key", "--fix", tmp_path / "fixed.gpkg")
    assert check(tmp_path / "ids.gpkg", *fields) == 0
    assert [key if isinstance(key, str) else None for key in read(tmp_path / "fixed.gpkg")["key"]] == ["007", "1", None]
    offenders = geopandas.read_parquet(tmp_path / "ids_offenders.parquet").set_index("feature")["reason"]
    assert offenders.to_dict() == {"row 4": "duplicate of feature 007", "x": "no label"}


def test_a_report_of_another_time_does_not_stay(spark: SparkSession, tmp_path: Path) -> None:
    square = shapely.box(300_000, 4_900_000, 300_050, 4_900_050)
    for geometry, there in ((None, True), (square, False)):
        frame = geopandas.GeoDataFrame(
            {"code": [1, 2]}, geometry=[geometry, shapely.affinity.translate(square, 100)], crs=32631
        )
        frame.to_file(tmp_path / "some.gpkg")
        check(tmp_path / "some.gpkg", "--label-field", "code")
        assert (tmp_path / "some_offenders.parquet").exists() == there


def test_points_with_names_and_a_table(spark: SparkSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels are numbered in their order where no nomenclature says more, and the numbers are kept."""
    points = geopandas.GeoDataFrame(
        {"key": ["a", "b", "c", "d"], "crop": ["wheat", " maize", None, "wheat"]},
        geometry=geopandas.points_from_xy([0, 10, 20, 0], [48, 48, 48, 48]),
        crs=4326,
    )
    points.to_file(tmp_path / "points.geojson")
    fields = ("--label-field", "crop", "--id-field", "key")
    assert check(tmp_path / "points.geojson", *fields, "--fix", tmp_path / "fixed.gpkg") == 0
    fixed = read(tmp_path / "fixed.gpkg")
    assert dict(zip(fixed["key"], fixed["crop"], strict=True)) == {"a": 2, "b": 1} and set(fixed.geom_type) == {"Point"}
    assert (tmp_path / "fixed_codes.txt").read_text() == "maize:1\nwheat:2\n"
    rejected = read(tmp_path / "fixed_rejected.gpkg")
    assert dict(zip(rejected["key"], rejected["reason"], strict=True)) == {"c": "no label", "d": "duplicate of feature a"}
    rows = pd.DataFrame({"key": points["key"], "crop": points["crop"], "shape": points.to_wkb().geometry})
    spark.createDataFrame(rows).createOrReplaceTempView("of_points")
    capsys.readouterr()
    assert check("table:of_points", *fields) == 1
    assert "--crs: table of_points doesn't say its CRS" in capsys.readouterr().err
    assert check("table:of_points", *fields, "--crs", "EPSG:4326", "--fix", tmp_path / "t.parquet") == 0
    assert sorted(read(tmp_path / "t.parquet")["key"]) == ["a", "b"]


def test_with_the_settings_of_a_run_its_imagery_and_fields_count(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polygons = geopandas.read_file(finished.simulated / "ground_truth" / "polygons.gpkg")
    polygons.loc[polygons["id"] == 5, "geometry"] = shapely.box(900_000, 4_000_000, 900_100, 4_000_100)
    polygons.to_file(tmp_path / "some.gpkg")
    settings = write_settings(finished.tree, tmp_path / "s.yaml")
    assert check(tmp_path / "some.gpkg", "--settings", settings, "--report", tmp_path / "r.parquet") == 1
    found = geopandas.read_parquet(tmp_path / "r.parquet")
    assert list(found[found["what"] == "outside the imagery"]["feature"]) == ["5"]
    assert "unknown label" in set(found["what"])


def test_the_form_without_a_verb_still_runs_the_stage(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ground-truth", str(write_settings(finished.tree, tmp_path / "s.yaml"))]) == 0
    assert "ground_truth" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["absent.gpkg", "--label-field", "code"], "there is no file absent.gpkg"),
        (["{}/polygons.gpkg"], "--label-field: name the field that holds the class"),
        (["{}/polygons.gpkg", "--label-field", "klass"], "has no field 'klass'; its fields are id, code, name"),
        (["{}/polygons.gpkg", "--label-field", "code", "--fix", "x.tab"], "--fix: x.tab ends in none of"),
        (["{}/polygons.gpkg", "--label-field", "code", "--fix", "{}/polygons.gpkg"], "is, or lies in, what is checked"),
        (
            ["{}/polygons.gpkg", "--label-field", "code", "--fix", "x.parquet", "--report", "x_rejected.parquet"],
            "--report: x_rejected.parquet is also what --fix writes",
        ),
        (
            ["{}/polygons.gpkg", "--label-field", "code", "--id-field", "fid", "--fix", "x.gpkg"],
            "--fix: x.gpkg numbers its rows",
        ),
        (["{}/polygons.gpkg", "--label-field", "code", "--overlaps", "keep"], "--overlaps: 'keep' is none of drop"),
        (["{}/polygons.gpkg", "--label-field", "code", "--crs", "EPSG:2154"], "is in EPSG:32631, not EPSG:2154"),
        (["table:absent", "--label-field", "code"], "there is no Spark table absent"),
    ],
)
def test_a_mistake_is_one_sentence(
    spark: SparkSession, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert check(*(argument.format(truth) for argument in arguments)) == 1
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_points_and_polygons_for_a_shapefile_are_refused_before_they_are_examined(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = [shapely.Point(420_000, 4_920_000), shapely.box(420_100, 4_920_000, 420_200, 4_920_100)]
    geopandas.GeoDataFrame({"code": [1, 1]}, geometry=shapes, crs="EPSG:32631").to_parquet(tmp_path / "mixed.parquet")
    examined: list[object] = []
    monkeypatch.setattr("sitspark.workflow.check_ground_truth.examine", lambda *args, **_: examined.append(args))
    assert check(tmp_path / "mixed.parquet", "--label-field", "code", "--fix", tmp_path / "fixed.shp") == 1
    assert "fixed.shp can't hold both points and polygons; name a .gpkg" in capsys.readouterr().err
    assert examined == [] and [file.name for file in tmp_path.iterdir()] == ["mixed.parquet"]


def test_a_shapefile_that_is_cut_short_is_refused(
    spark: SparkSession, truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """GDAL would take the features that are missing for features without geometry."""
    for file in truth.glob("polygons.*"):
        shutil.copy(file, tmp_path)
    whole = (tmp_path / "polygons.shp").read_bytes()
    (tmp_path / "polygons.shp").write_bytes(whole[: len(whole) // 2])
    assert check(tmp_path / "polygons.shp", "--label-field", "code") == 1
    told = " ".join(capsys.readouterr().err.split())
    assert f"polygons.shp is cut short: it says that it has {len(whole)} bytes, and has {len(whole) // 2}" in told


def test_a_shapefile_without_a_crs_is_refused(
    spark: SparkSession, truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in truth.glob("polygons.*"):
        if file.suffix in (".shp", ".shx", ".dbf"):
            shutil.copy(file, tmp_path)
    assert check(tmp_path / "polygons.shp", "--label-field", "code") == 1
    assert "polygons.shp has no CRS; give it one" in capsys.readouterr().err


def test_where_nothing_can_be_kept_no_file_is_written_and_the_labels_are_told(
    spark: SparkSession, truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("moon:901\nmars:902\n")
    options = [*FIELDS, "--nomenclature", foreign, "--fix", tmp_path / "fixed.gpkg"]
    assert check(truth / "polygons.gpkg", *options) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "can be kept; the nomenclature doesn't fit the labels (" in told
    assert "label 11 is not in the nomenclature" in told and not (tmp_path / "fixed.gpkg").exists()
