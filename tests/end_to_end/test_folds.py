"""Other splits and folds than the usual ones, through training and validation."""

import json
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import shapely

from sitspark.errors import SitsparkError
from sitspark.workflow.context import Context
from tests.conftest import FinishedRun, run_quietly


def halves(context: Context, path: Path) -> Path:
    """Two regions, west and east, whose names no folder can have."""
    left, bottom, right, top = context.coverage.grid.bounds
    middle = (left + right) / 2
    outlines = [shapely.box(left, bottom, middle, top), shapely.box(middle, bottom, right, top)]
    geopandas.GeoDataFrame({"name": ["west/1", "east/1"]}, geometry=outlines, crs=context.coverage.grid.crs).to_file(path)
    return path


@pytest.mark.parametrize(
    ("truth", "names", "said"),
    [
        (
            {"split_unit": "piece", "folds": "random", "fold_count": 2},
            {"fold-1", "fold-2"},
            "2 random folds left out in turn",
        ),
        (
            {"split_unit": "block", "block_size": 0.6, "folds": "block", "fold_count": 2},
            {"fold-1", "fold-2"},
            "2 block folds left out in turn",
        ),
        (
            {"split_unit": "distance", "distance": 60, "folds": "region", "region_field": "name"},
            {"west/1", "east/1"},
            "2 regions left out in turn",
        ),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_cross_validation_leaves_out_folds_of_any_kind(
    run_copy: FinishedRun, tmp_path: Path, truth: dict, names: set, said: str
) -> None:
    if "region_field" in truth:
        truth = truth | {"regions": str(halves(run_copy.context, tmp_path / "regions.gpkg"))}
    tree = run_copy.tree | {"ground_truth": run_copy.tree["ground_truth"] | truth}
    tree["training"] = tree["training"] | {"epochs": 2}
    context, printed = run_quietly(tree, "cross_validate", "report")
    assert said in printed
    polygons = context.table("polygons").toPandas()
    assert set(polygons["fold"]) == names == set(context.facts("ground_truth")["folds"])
    samples = context.table("samples").select("polygon_id", "split", "fold").distinct().toPandas()
    assert set(samples["split"]) == {"train", "validation"}
    assert set(samples["fold"]) == names
    scores = json.loads((context.folder.accuracy / "cross_validation.json").read_text())
    assert {fold["left_out_fold"] for fold in scores["folds"]} == names
    # each model is measured on all samples of its fold
    rows = context.table("samples").groupBy("fold").count().collect()
    assert {fold["left_out_fold"]: fold["left_out"]["pixels"] for fold in scores["folds"]} == {r.fold: r["count"] for r in rows}
    cards = [json.loads(path.read_text()) for path in (context.folder.path / "models").glob("*-without-*/card.json")]
    assert {card["left_out_fold"] for card in cards} == names
    page = context.folder.report.read_text()
    assert context.folder.split.exists() and all(name in page for name in names)


def test_polygons_that_the_user_keeps_for_testing_and_weighs(run_copy: FinishedRun, tmp_path: Path) -> None:
    source = run_copy.tree["ground_truth"]["file"]
    polygons = geopandas.read_file(source)
    polygons["part"] = [("train", "train", "validation", "test")[i % 4] for i in range(len(polygons))]
    polygons["trust"] = [(1.0, 0.3, 0.0)[i % 3] for i in range(len(polygons))]
    polygons.to_file(tmp_path / "told.gpkg")
    chosen = {
        "file": str(tmp_path / "told.gpkg"),
        "split_unit": "column",
        "split_field": "part",
        "weight_field": "trust",
        "folds": "block",
        "block_size": 0.6,
        "fold_count": 2,
    }
    tree = run_copy.tree | {"ground_truth": run_copy.tree["ground_truth"] | chosen}
    tree["training"] = tree["training"] | {"epochs": 3}
    tree["accuracy"] = {"design": "stratified"}
    context, printed = run_quietly(tree, "validate", "report")
    part = polygons.set_index("id")["part"]
    table = context.table("polygons").select("polygon_id", "split").toPandas()
    assert (table["split"].to_numpy() == part[table["polygon_id"]].to_numpy()).all()
    weighted = context.table("samples").select("polygon_id", "weight").toPandas()
    trust = polygons.set_index("id")["trust"]
    assert (weighted["weight"].to_numpy() == trust[weighted["polygon_id"]].to_numpy()).all() and weighted[
        "weight"
    ].nunique() == 3
    assert set(context.table("samples").select("split").distinct().toPandas()["split"]) == {"train", "validation"}
    metrics = json.loads((context.folder.accuracy / "metrics.json").read_text())
    confusion = context.table("confusion").toPandas()
    for area, name in (("set_aside", "assessment"), ("test", "test")):
        classified = confusion[(confusion["area"] == area) & (confusion["predicted"] > 0)]
        assert metrics[name]["pixels"] == classified["pixels"].sum() > 0
    assert metrics["assessment"]["polygons"] <= (table.drop_duplicates()["split"] == "validation").sum()
    assert metrics["test"]["polygons"] <= (table.drop_duplicates()["split"] == "test").sum()
    by_polygon = context.table("confusion_polygons").toPandas()
    cells = by_polygon.groupby(["area", "reference", "predicted"])["pixels"].agg(["sum", "count"]).reset_index()
    assert cells.to_numpy().tolist() == confusion[["area", "reference", "predicted", "pixels", "polygons"]].to_numpy().tolist()
    # blocks are counted from the origin of the CRS, by the centre of a polygon's bounding box
    shapes = context.table("polygons").selectExpr("polygon_id", "ST_AsBinary(geometry) as wkb").toPandas()
    bounds = geopandas.GeoSeries.from_wkb(shapes["wkb"].map(bytes)).bounds.groupby(shapes["polygon_id"])
    low, high = bounds.min(), bounds.max()
    east, north = ((low[f"min{axis}"] + high[f"max{axis}"]) / 2 // 600 for axis in "xy")
    blocks = east.astype(int).astype(str) + "/" + north.astype(int).astype(str)
    assert (by_polygon["block"].to_numpy() == blocks[by_polygon["polygon_id"]].to_numpy()).all()
    for area, name in (("set_aside", "assessment"), ("test", "test")):
        units = by_polygon[(by_polygon["area"] == area) & (by_polygon["predicted"] > 0)]
        intervals = metrics[name]["intervals"]
        assert intervals["polygon"]["units"] == units["polygon_id"].nunique() == metrics[name]["polygons"]
        assert intervals["block"]["units"] == units["block"].nunique() > 1
        assert metrics[name]["areas"]["design"] == "stratified"
        assert sum(map(sum, metrics[name]["confusion_matrix_polygons"]["counts"])) == metrics[name]["polygons"]
    mapped = pd.read_csv(context.folder.path / context.facts("mosaic")["map"] / "areas.csv").query("kind == 'map'")
    assert metrics["assessment"]["areas"]["mapped_hectares"] == pytest.approx(mapped["hectares"].sum())
    assert "within each class of the map" in context.folder.report.read_text()
    assert "kept for testing" in printed and "Test polygons" in context.folder.report.read_text()


def test_more_folds_than_there_are_blocks(run_copy: FinishedRun) -> None:
    truth = {"folds": "block", "block_size": 100, "fold_count": 5}
    tree = run_copy.tree | {"ground_truth": run_copy.tree["ground_truth"] | truth}
    sentence = r"fold_count: the polygons fill \d of 5 folds; lower it, or ground_truth\.block_size"
    with pytest.raises(SitsparkError, match=sentence):
        run_quietly(tree, "ground_truth")


def test_a_distance_that_leaves_nothing_to_validate_with(run_copy: FinishedRun) -> None:
    truth = {"split_unit": "distance", "distance": 1_000_000}
    tree = run_copy.tree | {"ground_truth": run_copy.tree["ground_truth"] | truth}
    sentence = r"ground_truth\.distance: 1e\+06 m leaves no polygon to set aside of any class.*; lower it, or add polygons"
    with pytest.raises(SitsparkError, match=sentence):
        run_quietly(tree, "ground_truth")
