"""Two maps, or two runs: which class became which, where, and which of them is better on the same polygons."""

import json
import shutil
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
from pyspark.sql import SparkSession

from sitspark.cli import main
from sitspark.maps.difference import DIFFERENT, SAME
from tests.conftest import FinishedRun
from tests.maps.rasters import written
from tests.workflow.test_validate_map import HALVES, Field, reference  # noqa: F401  # a fixture


@pytest.fixture
def maps(tmp_path: Path) -> tuple[Path, Path]:
    """Of the second map three rows are of class 2; two of the last rows have no class, of the first one."""
    first, second = HALVES.astype("uint8"), HALVES.astype("uint8")
    second[20:23], second[28:], first[29] = 2, 0, 0
    return written(tmp_path / "a.tif", first, nodata=0), written(tmp_path / "b.tif", second, nodata=0)


def compare(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    capsys.readouterr()
    assert main(["compare", *map(str, arguments), "--json"]) == 0, capsys.readouterr().err
    document: dict = json.loads(capsys.readouterr().out)
    return document


def test_change_matrix_and_difference_map_without_spark(
    maps: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    document = compare(capsys, *maps, "--output", out)
    pairs = {(pair["first"], pair["second"]): (pair["pixels"], pair["hectares"]) for pair in document["pairs"]}
    assert pairs == {(1, 1): (500, 5.0), (1, 2): (60, 0.6), (2, 2): (560, 5.6)}
    assert (document["pixels"], document["different_pixels"]) == (1120, 60) and document["on_polygons"] is None
    assert document["different_share"] == pytest.approx(60 / 1120)
    assert (document["only_first_pixels"], document["only_second_pixels"]) == (40, 0)
    assert json.loads((out / "comparison.json").read_text()) == document
    matrix = pd.read_csv(out / "change_matrix.csv", index_col=0)
    assert matrix.to_numpy().tolist() == [[500, 60], [0, 560]]
    assert pd.read_csv(out / "changes.csv")["hectares"].sum() == pytest.approx(11.2)
    with rasterio.open(out / "difference.tif") as drawn:
        values = drawn.read(1)
    assert (values[20:23, :20] == DIFFERENT).all() and (values[:20] == SAME).all() and (values[29] == 0).all()
    assert sorted(path.name for path in out.iterdir()) == [
        "change_matrix.csv", "changes.csv", "classes.csv", "comparison.json", "difference.tif", "difference.tif.aux.xml"
    ]  # fmt: skip


def test_a_map_of_other_codes_is_compared_through_a_mapping(
    maps: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = written(tmp_path / "theirs.tif", np.where(HALVES == 1, 311, 7).astype("int32"))
    (tmp_path / "codes.csv").write_text("311,1\n7,2\n")
    document = compare(capsys, maps[0], theirs, "--mapping", tmp_path / "codes.csv")
    assert document["different_pixels"] == 0 and document["only_second_pixels"] == 40


def test_both_maps_on_the_same_polygons(
    spark: SparkSession,
    maps: tuple[Path, Path],
    reference: Field,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The third polygon, of class 1, has 4 x 3 pixels in the west, of which the second map has 3 x 3 wrong."""
    options = ("--polygons", reference.write(), "--label-field", "code", "--output", tmp_path / "out")
    told = compare(capsys, *maps, *options)["on_polygons"]
    assert (told["polygons"], told["pixels"]) == (3, 73)
    assert told["first_confusion_matrix"]["counts"] == [[37, 12], [0, 24]]
    assert told["second_confusion_matrix"]["counts"] == [[28, 21], [0, 24]]
    assert told["mcnemar"] == {"first_only": 9, "second_only": 0, "statistic": None, "p_value": 2 / 2**9, "exact": True}
    overall = told["bootstrap"]["overall_accuracy"]
    assert overall["difference"] == pytest.approx(-9 / 73)
    assert overall["low"] is overall["high"] is None  # of three polygons there is no interval
    assert pd.read_csv(tmp_path / "out" / "scores.csv")["score"].tolist() == ["OA", "kappa", "mean F", "F 1", "F 2"]


def test_what_people_read(
    spark: SparkSession,
    maps: tuple[Path, Path],
    reference: Field,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("[west]:1\neast:2\n")
    options = ("--polygons", reference.write(), "--label-field", "code", "--nomenclature", names)
    assert main(["compare", *map(str, (*maps, *options))]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for words in (
        "differ 5.36% of 1,120 pixels that have a class in both (0.6 ha)",
        "40 pixels with a class only in A",
        "[west] east 60 0.6 10.7%",
        "on 73 pixels of 3 polygons of",
        "F [west]",
        "McNemar 9 pixels right in A alone, 0 in B alone: exact binomial test, p = 0.0039; it takes pixels for independent",
    ):
        assert words in printed


def test_runs_are_compared_on_what_both_set_aside(
    finished: FinishedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run's scores are those that it has itself; of a run that set aside others nothing is judged."""
    folder = finished.context.folder
    other = tmp_path / "other"
    shutil.copytree(folder.path, other)
    drawn = other / finished.map.relative_to(folder.path) / "classification.tif"
    with rasterio.open(drawn) as source:
        codes, profile = source.read(1), source.profile
    worse = np.where((np.arange(codes.shape[1]) % 3 == 0) & (codes > 0), finished.context.nomenclature.codes[0], codes)
    with rasterio.open(drawn, "w", **profile) as target:
        target.write(worse, 1)
    document = compare(capsys, folder.path, other)
    told, own = document["on_polygons"], json.loads((folder.accuracy / "metrics.json").read_text())["assessment"]
    assert told["reference"] == "polygons that both runs set aside"
    assert (told["polygons"], told["pixels"]) == (own["polygons"], own["pixels"])
    for score in ("overall_accuracy", "kappa", "mean_f_score"):
        assert told["bootstrap"][score]["first"] == pytest.approx(own[score])
        assert told["bootstrap"][score]["high"] < 0
    assert document["different_pixels"] == np.count_nonzero(worse != codes)
    assert {pair["first_name"] for pair in document["pairs"]} <= {c.name for c in finished.context.nomenclature}
    for path in (other / "tables" / "polygons").glob("*.parquet"):
        frame = geopandas.read_parquet(path)
        frame["split"] = frame["split"].map({"train": "validation", "validation": "train"})
        path.with_name(f".{path.name}.crc").unlink(missing_ok=True)  # Spark's sum of what was there
        frame.to_parquet(path)
    document = compare(capsys, folder.path, other)
    assert document["on_polygons"] is None and document["different_pixels"]
    assert "neither map is judged" in document["notes"][-1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["a.tif", "none.tif"], "there is no map none.tif", id="no map"),
        pytest.param(["a.tif", "."], ". is no run: it holds no run.json", id="no run"),
        pytest.param(["a.tif", "empty"], "empty: the run has no map yet", id="no map yet"),
        pytest.param(["a.tif", "b.tif", "--polygons", "p.gpkg"], "--label-field: name the field of p.gpkg", id="no field"),
        pytest.param(["a.tif", "b.tif", "--id-field", "id"], "--id-field goes with a file of polygons", id="no polygons"),
        pytest.param(
            ["a.tif", "b.tif", "--output", "a.tif/out"],
            "--output: a.tif/out can't be written (Not a directory)",
            id="no folder",
        ),
        pytest.param(["a.tif", "b.tif", "--output", "/proc"], "--output: /proc can't be written", id="closed folder"),
        pytest.param(["a.tif", "void.tif"], "no pixel has a class in both a.tif and void.tif", id="nothing in common"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    maps: tuple[Path, Path],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "run.json").write_text('{"format": 2}')
    written(tmp_path / "void.tif", np.zeros_like(HALVES, "uint8"), nodata=0)
    assert main(["compare", *arguments]) == 1
    assert sentence in capsys.readouterr().err
