"""Other splits and folds than the usual ones, through training and validation."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.accuracy import fold_classes
from sitspark.accuracy.fold_classes import FoldModels, classes_of_folds
from sitspark.accuracy.fold_confusion import fold_confusion
from sitspark.accuracy.map_confusion import map_confusion
from sitspark.errors import SitsparkError
from sitspark.maps.classify import Pass
from sitspark.marks import Marks
from sitspark.models.committee import Committee
from sitspark.samples.divisions import with_all_runs
from sitspark.samples.pieces import pieces_by_chunk
from sitspark.scenes.table import scenes_of
from sitspark.workflow.context import Context
from sitspark.workflow.judge_folds import imagery_of_folds
from sitspark.workflow.members import members_of, models_of
from tests.conftest import FinishedRun, run_quietly

COUNTS = ("fold", "area", "polygon_id", "reference", "predicted", "pixels")


def halves(context: Context, path: Path) -> Path:
    """Two regions, west and east, whose names no folder can have, and a strip between them."""
    left, bottom, right, top = context.coverage.grid.bounds
    middle = (left + right) / 2
    outlines = [shapely.box(left, bottom, middle - 300, top), shapely.box(middle + 300, bottom, right, top)]
    geopandas.GeoDataFrame({"name": ["west/1", "east/1"]}, geometry=outlines, crs=context.coverage.grid.crs).to_file(path)
    return path


def counted(frame: DataFrame) -> list[tuple]:
    """Counts of an area, in an order of their own."""
    columns = [name for name in COUNTS if name in frame.columns]
    return sorted(tuple(row) for row in frame.select(*columns).collect())


def as_on_the_map(context: Context, left_out: str, classification: Path, marks: Marks) -> list[tuple]:
    """What is counted on the map of a fold, of the same polygons in the same areas."""
    polygons = context.table("polygons")
    used = F.col("split").isin("train", "validation") & (F.col("fold") == left_out)
    # as map_confusion calls the areas that it measures
    role = F.when(used, "validation").when(F.col("split") == "validation", "test").otherwise("train")
    grid, touched = context.coverage.grid, context.settings.samples.touched
    pieces = pieces_by_chunk(polygons.withColumn("split", role), context.table("chunks"), grid)
    found = map_confusion(pieces, grid, classification, touched=touched, marks=marks)
    by_polygon = found.groupBy("area", "polygon_id", "reference", "predicted").agg(F.sum("pixels").alias("pixels"))
    return counted(by_polygon.replace({"set_aside": "left_out", "test": "same_area"}, subset=["area"]))


def judged_otherwise(context: Context, marks: Marks) -> DataFrame:
    """The counts of all folds from pieces in another order, in other partitions."""
    plan, grid = context.plan_of_map(), context.coverage.grid
    polygons = with_all_runs(context.table("polygons"), None, on="piece_id", runs=1)
    pieces = pieces_by_chunk(polygons.orderBy(F.desc("polygon_id")).repartition(3), plan, grid)
    folds = [
        FoldModels(fold["left_out_fold"], members_of(context, models_of(fold)), context.settings.map.combine)
        for fold in context.facts("cross_validate")["folds"]
    ]
    touched, imagery = context.settings.samples.touched, imagery_of_folds(context)
    return fold_confusion(pieces, plan, imagery, folds[::-1], touched=touched, tasks=5, marks=marks)


@pytest.mark.parametrize(
    ("truth", "others", "names", "said"),
    [
        (
            {"split_unit": "piece", "folds": "random", "fold_count": 2, "region_field": "name"},
            {
                "training": {"model_per": "region"},
                "grid": {"overlap": "blend"},
                "samples": {"touched": True},
                "map": {"boundary": {"interior": 100, "exterior": 200}},
            },
            {"fold-1", "fold-2"},
            "2 random folds left out in turn",
        ),
        (
            {"split_unit": "block", "block_size": 0.6, "folds": "block", "fold_count": 2},
            {},
            {"fold-1", "fold-2"},
            "2 block folds left out in turn",
        ),
        (
            {"split_unit": "distance", "distance": 60, "folds": "region", "region_field": "name"},
            {},
            {"west/1", "east/1"},
            "2 regions left out in turn",
        ),
    ],
    ids=["random-folds-of-models-by-region", "blocks", "regions"],
)
def test_a_cross_validation_leaves_out_folds_of_any_kind(
    run_copy: FinishedRun, tmp_path: Path, truth: dict, others: dict, names: set, said: str
) -> None:
    """What it says of the pixels of each fold is what the map says that its models draw."""
    if "region_field" in truth:
        truth = truth | {"regions": str(halves(run_copy.context, tmp_path / "regions.gpkg"))}
    changed = {"ground_truth": truth, "training": {"epochs": 2}}
    tree = run_copy.tree
    for section, keys in [*changed.items(), *others.items()]:
        tree = tree | {section: tree[section] | keys}
    drawn = truth["folds"] == "random"
    context, printed = run_quietly(tree, *(["fold_maps"] if drawn else []), "cross_validate", "report")
    assert said in printed
    polygons = context.table("polygons").toPandas()
    assert set(polygons["fold"].dropna()) == names == set(context.facts("ground_truth")["folds"])
    samples = context.table("samples").select("polygon_id", "split", "fold").distinct().toPandas()
    assert set(samples["split"]) == {"train", "validation"}
    assert set(samples["fold"].dropna()) == names
    scores = json.loads((context.folder.accuracy / "cross_validation.json").read_text())
    assert {fold["left_out_fold"] for fold in scores["folds"]} == names
    table = context.table("confusion_folds")
    (tmp_path / "marks").mkdir()
    marks = Marks(tmp_path / "marks")
    if drawn:
        for of in context.facts("fold_maps")["maps"]:
            expected = as_on_the_map(context, of["left_out"], context.folder.path / of["map"], marks)
            assert counted(table.where(F.col("fold") == of["left_out"]).drop("fold")) == expected
    else:
        assert counted(judged_otherwise(context, marks)) == counted(table)
    rows = table.toPandas()
    assert rows["block"].notna().all() == ("block_size" in truth)
    left_out = rows[rows["area"] == "left_out"]
    fold_of = {(row.polygon_id, row.fold) for row in polygons.itertuples() if row.split in ("train", "validation")}
    # others than those that no pixel is of; polygons outside all regions, and those too close to others, are never left out
    assert set(zip(left_out["polygon_id"], left_out["fold"], strict=True)) <= fold_of
    assert "buffer" in set(polygons["split"]) or truth["split_unit"] != "distance"
    if truth["folds"] == "region":
        bare = polygons[polygons["fold"].isna()]
        assert len(bare) and not set(bare["polygon_id"]) & set(left_out["polygon_id"])
        aside = set(bare.loc[bare["split"] == "validation", "polygon_id"])
        of_each = rows[rows["area"] == "same_area"].groupby("fold")["polygon_id"].agg(set)
        assert aside and all(aside & found for found in of_each)
    for fold in scores["folds"]:
        for area in ("same_area", "left_out"):
            own = rows[(rows["fold"] == fold["left_out_fold"]) & (rows["area"] == area) & (rows["predicted"] > 0)]
            assert fold[area]["pixels"] == own["pixels"].sum() > 0
            assert fold[area]["polygons"] == own["polygon_id"].nunique()
            interval = fold[area]["intervals"]["overall_accuracy"]
            assert (interval is None) == (fold[area]["polygons"] < 5 or fold[area]["overall_accuracy"] == 1)
            assert interval is None or interval["low"] <= fold[area]["overall_accuracy"] <= interval["high"]
    assert "aren't independent" in scores["assumption"]
    cards = [json.loads(path.read_text()) for path in (context.folder.path / "models").glob("*-without-*/card.json")]
    assert {card["left_out_fold"] for card in cards} == names
    page = context.folder.report.read_text()
    assert context.folder.split.exists() and all(name in page for name in names)


def test_pixels_have_the_classes_of_the_map_in_blocks_of_any_size(
    finished: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = finished.context
    imagery = imagery_of_folds(context)
    row = context.plan_of_map().orderBy("chunk_id").first()
    chunk = Pass.chunk_of(row)
    scenes = scenes_of(imagery.scenes_table, imagery.reading.leading, tiles=row.tiles, other_tiles=row.other_tiles)
    taken = np.sort(np.random.default_rng(0).choice(chunk.window.pixels, 700, replace=False))
    rows, cols = chunk.window.row + taken // chunk.window.width, chunk.window.col + taken % chunk.window.width
    with rasterio.open(finished.map / "classification.tif") as source:
        drawn = source.read(1)[rows, cols]
    committee = Committee.load(members_of(context, models_of(context.facts("train"))))
    wanted = np.random.default_rng(1).random((2, 700)) < ((1,), (0.3,))
    for pixels in (700, 64):
        monkeypatch.setattr(fold_classes, "_PIXELS", pixels)
        found = classes_of_folds(chunk, scenes, rows, cols, wanted, imagery=imagery, committees=[committee, committee])
        assert (found == np.where(wanted, drawn, 0)).all() and len(np.unique(found)) > 2
    nobody = classes_of_folds(chunk, scenes, rows[:0], cols[:0], wanted[:, :0], imagery=imagery, committees=[committee] * 2)
    assert nobody.shape == (2, 0)


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
    sentence = r"fold_count: the polygons fill \d of 5 folds; lower it \(--fold-count\), or ground_truth\.block_size"
    with pytest.raises(SitsparkError, match=sentence):
        run_quietly(tree, "ground_truth")


def test_a_distance_that_leaves_nothing_to_validate_with(run_copy: FinishedRun) -> None:
    truth = {"split_unit": "distance", "distance": 1_000_000}
    tree = run_copy.tree | {"ground_truth": run_copy.tree["ground_truth"] | truth}
    sentence = r"ground_truth\.distance: 1e\+06 m leaves no polygon to set aside of any class.*; lower it, or add polygons"
    with pytest.raises(SitsparkError, match=sentence):
        run_quietly(tree, "ground_truth")
