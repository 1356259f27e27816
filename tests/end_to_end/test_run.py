"""A whole run on a small simulated landscape: what it publishes, what it skips, what may not change its result."""

import io
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pystac
import pytest
import rasterio
import rasterio.shutil
import shapely
from pyspark.sql import SparkSession
from rich.console import Console

from sitspark.accuracy.trust import Confidence
from sitspark.errors import SitsparkError
from sitspark.grid import Chunk, Window
from sitspark.hashing import sha256_of
from sitspark.maps.areas import read_csv
from sitspark.maps.products import VALIDITY
from sitspark.maps.record import choice_of
from sitspark.maps.seams import Seam
from sitspark.maps.views import read_chunk
from sitspark.scenes.chunk_shape import WORKER_BYTES
from sitspark.scenes.table import scenes_of
from sitspark.simulate import Simulation
from sitspark.workflow.context import Context
from sitspark.workflow.ending import say_results
from sitspark.workflow.run import run
from sitspark.workflow.run_folder import RunFolder
from tests.conftest import FinishedRun, run_quietly, settings_tree


def features_of_map(context: Context, chunk: Any) -> np.ndarray:
    """The features that a network is given for a chunk of the plan, float32 (rows, columns, features)."""
    reading, recipe, window = context.reading, context.recipe, Window(chunk.row, chunk.col, chunk.height, chunk.width)
    table = context.folder.table("scenes")
    scenes = scenes_of(table, reading.leading, tiles=chunk.tiles, other_tiles=chunk.other_tiles)
    (view,) = read_chunk(Chunk(chunk.tile, window), scenes, reading, recipe).views
    seen = [features[: place.stop - place.start].copy() for place, features in view.blocks(recipe.space)]
    return np.concatenate(seen).reshape(window.height, window.width, -1)


def assert_samples_have_features_of_map(context: Context) -> None:
    """Bit for bit, every sample of a run."""
    samples = pq.read_table(context.folder.table("samples"), columns=["sample_id", "features"])
    rows, cols = np.divmod(samples["sample_id"].to_numpy(), context.reading.grid.width)
    features = np.array(samples["features"].to_pylist(), np.float32)
    checked = 0
    for chunk in context.plan().collect():
        row, col = rows - chunk.row, cols - chunk.col
        inside = (row >= 0) & (row < chunk.height) & (col >= 0) & (col < chunk.width)
        if inside.any():
            drawn = features_of_map(context, chunk)[row[inside], col[inside]]
            assert (drawn.view(np.uint32) == features[inside].view(np.uint32)).all()
            checked += int(inside.sum())
    assert checked == len(samples) > 0


def states(printed: str) -> dict[str, str]:
    """Whether each stage worked or was unchanged, from what a run printed."""
    lines = [line for line in printed.splitlines() if line[:1] in "✓="]
    return {line.split()[1]: "unchanged" if line.startswith("=") else "worked" for line in lines}


def test_the_map_agrees_with_the_true_map(finished: FinishedRun) -> None:
    with (
        rasterio.open(finished.map / "classification.tif") as drawn,
        rasterio.open(finished.simulated / "truth/classes.tif") as true,
    ):
        assert drawn.bounds == true.bounds
        reference = true.read(1)
        right = np.mean(drawn.read(1)[reference > 0] == reference[reference > 0])
    # a network that learnt nothing would be right in a third of the pixels at most
    assert right > 0.8


def test_every_pixel_has_class_confidence_and_clear_dates_together(finished: FinishedRun) -> None:
    read = {name: rasterio.open(finished.map / f"{name}.tif").read(1) for name in ("classification", "confidence", "validity")}
    outside = read["validity"] == VALIDITY.nodata
    assert not outside.all()
    seen = (read["validity"] > 0) & ~outside
    assert ((read["classification"] > 0) == seen).all()
    assert (read["confidence"][seen] > 0).all() and (read["confidence"] <= 100).all()
    assert set(np.unique(read["classification"])) <= {0, *finished.context.nomenclature.codes}


def test_confidence_is_the_probability_of_the_class_on_the_map(finished: FinishedRun) -> None:
    with rasterio.open(finished.map / "probability.tif") as probability:
        assert probability.descriptions == tuple(c.name for c in finished.context.nomenclature)
        every, nodata = probability.read().astype(int), probability.nodata
    drawn, confidence = (rasterio.open(finished.map / f"{name}.tif").read(1) for name in ("classification", "confidence"))
    seen = drawn > 0
    assert (every[:, ~seen] == nodata).all()
    assert (abs(every[:, seen].sum(axis=0) - 1000) <= len(every) / 2).all()
    position = np.searchsorted(finished.context.nomenclature.codes, drawn[seen])
    chosen = every[:, seen][position, np.arange(seen.sum())]
    assert (chosen == every[:, seen].max(axis=0)).all()
    assert (abs(chosen - 10 * confidence[seen].astype(int)) <= 5).all()


def test_areas_are_those_of_the_map(finished: FinishedRun) -> None:
    whole, *tiles = read_csv(finished.map / "areas.csv")
    with rasterio.open(finished.map / "classification.tif") as drawn:
        counts = np.bincount(drawn.read(1).ravel())
        hectares = abs(drawn.transform.a * drawn.transform.e) / 10_000
    assert {c.code: c.pixels for c in whole.classes} == {code: n for code, n in enumerate(counts.tolist()) if code and n}
    assert all(c.hectares == pytest.approx(c.pixels * hectares) for c in whole.classes)
    assert [tile.name for tile in tiles] == sorted(finished.context.coverage.tiles)
    assert sum(c.pixels for tile in tiles for c in tile.classes) == sum(c.pixels for c in whole.classes)


def test_a_map_is_regularised_where_that_is_asked_for_and_judged_as_it_is_then(run_copy: FinishedRun) -> None:
    before = run_copy.context.facts("validate")
    names = run_copy.context.nomenclature
    steps = {
        "smoothing": {"radius": 2},
        "regularise": {"groups": [{"classes": [names.codes[0]], "radius": 0}]},
        "minimum_unit": {"hectares": 0.3},
        "vectors": {"simplify": 20},
    }
    context, printed = run_quietly(run_copy.tree | {"map": {"products": ["probability"], **steps}}, "vectorise", "validate")
    assert {name for name, state in states(printed).items() if state == "worked"} == {"regularise", "vectorise", "validate"}
    with (
        rasterio.open(run_copy.map / "regularised.tif") as final,
        rasterio.open(run_copy.map / "classification.tif") as drawn,
    ):
        classes, original = final.read(1), drawn.read(1)
    assert (classes != original).any() and ((classes == 0) == (original == 0)).all()
    whole, *tiles = read_csv(run_copy.map / "regularised_areas.csv")
    assert {c.code: c.pixels for c in whole.classes} == {
        code: (classes == code).sum() for code in np.unique(classes[classes > 0])
    }
    assert [tile.name for tile in tiles] == sorted(context.coverage.tiles)
    # filters give no pixel to another tile
    before_tiles = read_csv(run_copy.map / "areas.csv")[1:]
    assert [sum(c.pixels for c in t.classes) for t in tiles] == [sum(c.pixels for c in t.classes) for t in before_tiles]
    assert Seam.from_facts(context.facts("regularise")["seam"]).across.count > 0
    vectors = pyogrio.read_info(run_copy.map / "polygons.gpkg")
    assert vectors["features"] == context.facts("vectorise")["polygons"] and f"share_{names.codes[0]}" in vectors["fields"]
    assert context.facts("validate")["matrix"] != before["matrix"]
    context, printed = run_quietly(run_copy.tree, "vectorise", "validate")
    assert {name for name, state in states(printed).items() if state == "worked"} == {"validate"}
    assert not {"regularise", "vectorise"} & set(states(printed))  # they aren't asked for any more
    assert not [*run_copy.map.glob("regularised*"), *run_copy.map.glob("polygons*")] and context.facts("validate") == before


def test_a_product_less_is_no_work_for_the_chunks_and_one_of_another_kind_is(run_copy: FinishedRun) -> None:
    chunks = run_copy.context.folder.path / run_copy.context.facts("classify")["chunks"]
    record = min(chunks.glob("*.json"))
    written = record.stat().st_mtime_ns
    _, printed = run_quietly(run_copy.tree | {"map": {}}, "mosaic")
    assert "chunks written already" in printed and record.stat().st_mtime_ns == written
    assert not (run_copy.map / "probability.tif").exists()
    tree = run_copy.tree | {"map": {"products": ["probability"], "probability_scale": 100}}
    _, printed = run_quietly(tree, "mosaic")
    assert "chunks written already" not in printed and record.stat().st_mtime_ns > written
    with rasterio.open(run_copy.map / "probability.tif") as probability:
        assert probability.dtypes[0] == "uint8"


def test_the_map_is_a_cog_with_colours_and_names(finished: FinishedRun) -> None:
    with rasterio.open(finished.map / "classification.tif") as drawn:
        assert drawn.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        colours = drawn.colormap(1)
    for land_cover in finished.context.nomenclature:
        assert colours[land_cover.code][:3] == land_cover.colour
        assert land_cover.name in (finished.map / "classification.tif.aux.xml").read_text()
        assert land_cover.name in (finished.map / "legend.qml").read_text()


def test_the_stac_item_names_files_that_exist(finished: FinishedRun) -> None:
    item = pystac.Item.from_file(str(finished.map / "item.json"))
    assert all((finished.map / asset.href).exists() for asset in item.assets.values())


def test_a_samples_features_are_those_of_the_map_bit_for_bit(finished: FinishedRun) -> None:
    assert_samples_have_features_of_map(finished.context)


def test_validation_pixels_never_train(finished: FinishedRun) -> None:
    table = pq.read_table(finished.context.folder.table("samples"), columns=["polygon_id", "split", "monitored"]).to_pandas()
    by_polygon = table.groupby("polygon_id")["split"].nunique()
    assert by_polygon.max() == 1
    assert not table.loc[table["split"] == "validation", "monitored"].any()
    card = json.loads((finished.context.folder.model(finished.context.facts("train")["model_id"]) / "card.json").read_text())
    used = sum(c["train"] + c["monitored"] for c in card["classes"])
    assert used == (table["split"] == "train").sum()


def test_the_metrics_follow_from_the_map_and_the_polygons(finished: FinishedRun) -> None:
    import geopandas

    polygons = geopandas.read_parquet(finished.context.folder.table("polygons"))
    with rasterio.open(finished.map / "classification.tif") as drawn:
        codes = drawn.read(1)
        shapes = [(row.geometry, i) for i, row in enumerate(polygons.itertuples(), 1)]
        owner = rasterio.features.rasterize(shapes, out_shape=codes.shape, transform=drawn.transform, dtype="int32")
    aside = np.concatenate([[False], (polygons["split"] == "validation").to_numpy()])[owner]
    reference = np.concatenate([[0], polygons["label"].to_numpy()])[owner]
    counted = aside & (codes > 0)
    metrics = json.loads((finished.context.folder.accuracy / "metrics.json").read_text())["assessment"]
    # polygons may share a pixel at their edges, which this simple count gives to the last one
    assert metrics["pixels"] == pytest.approx(counted.sum(), abs=5)
    assert metrics["overall_accuracy"] == pytest.approx((codes == reference)[counted].mean(), abs=2e-3)


def test_where_the_map_is_right_follows_from_its_files_and_the_polygons(finished: FinishedRun) -> None:
    import geopandas

    context = finished.context
    read = {name: rasterio.open(finished.map / f"{name}.tif").read(1) for name in ("classification", "validity")}
    polygons = geopandas.read_parquet(context.folder.table("polygons"))
    shapes = [(row.geometry, i) for i, row in enumerate(polygons.itertuples(), 1)]
    with rasterio.open(finished.map / "validity.tif") as drawn:
        owner = rasterio.features.rasterize(shapes, out_shape=drawn.shape, transform=drawn.transform, dtype="int32")
    aside = polygons["split"] == "validation"
    trains = shapely.union_all(polygons.loc[polygons["split"] == "train", "geometry"].to_numpy())
    kilometres = polygons["geometry"].distance(trains).groupby(polygons["polygon_id"]).transform("min").to_numpy() / 1000
    counted = np.concatenate([[False], aside])[owner] & (read["classification"] > 0)
    right = read["classification"] == np.concatenate([[0], polygons["label"].to_numpy()])[owner]
    tiles = np.zeros(owner.shape, object)
    for territory in context.coverage.territories:
        tiles[territory.window.slices] = territory.tile
    away = np.concatenate([[np.nan], kilometres])[owner]
    metrics = json.loads((context.folder.accuracy / "metrics.json").read_text())
    found = metrics["accuracy_by"]
    assert set(found) == {"clear_dates", "distance_km", "tile"} and len(found["tile"]) == 4
    for kind, groups in found.items():
        assert sum(group["pixels"] for group in groups) == metrics["assessment"]["pixels"], kind
        for group in groups:
            member = {
                "clear_dates": lambda of: (read["validity"] >= of["lower"]) & (read["validity"] <= of["upper"]),
                "distance_km": lambda of: (away >= of["lower"]) & (away < (of["upper"] or np.inf)),
                "tile": lambda of: tiles == of["name"],
            }[kind](group)
            # polygons may share a pixel at their edges, which this simple count gives to the last one
            assert group["pixels"] == pytest.approx((counted & member).sum(), abs=5)
            assert group["correct"] == pytest.approx((counted & member & right).sum(), abs=5)
            assert group["polygons"] == pytest.approx(
                len(set(polygons["polygon_id"].to_numpy()[owner[counted & member] - 1])), abs=1
            )
            assert group["low"] is None or group["low"] <= group["accuracy"] <= group["high"]
    rows = context.table("accuracy_by").toPandas()
    assert rows["pixels"].sum() == len(found) * metrics["assessment"]["pixels"]
    assert pd.read_csv(context.folder.accuracy / "accuracy_by.csv").columns.tolist() == rows.columns.tolist()
    assert (
        context.folder.accuracy / "accuracy_by.png"
    ).exists() and "Where is the map right?" in context.folder.report.read_text()


def test_the_manifest_holds_every_file_of_every_chunk(finished: FinishedRun) -> None:
    manifest = finished.context.table("manifest").collect()
    assert len(manifest) == 4 * finished.context.plan().count()
    assert all(sha256_of(Path(row.path)) == row.sha256 for row in manifest)


def test_a_second_run_skips_everything_without_starting_spark(run_copy: FinishedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Context) -> None:
        raise AssertionError("Spark was started though nothing had changed")

    monkeypatch.setattr(Context, "spark", property(refuse))
    _, printed = run_quietly(run_copy.tree, "validate", "report")
    assert set(states(printed).values()) == {"unchanged"} and len(states(printed)) == 11


def test_a_changed_setting_runs_again_only_what_depends_on_it(run_copy: FinishedRun) -> None:
    tree = run_copy.tree | {"training": run_copy.tree["training"] | {"epochs": 2}}
    _, printed = run_quietly(tree, "train")
    assert states(printed) == {
        "scenes": "unchanged",
        "chunks": "unchanged",
        "ground_truth": "unchanged",
        "observations": "unchanged",
        "samples": "unchanged",
        "train": "worked",
    }
    tree = run_copy.tree | {"time_series": {"step": 45}}
    _, printed = run_quietly(tree, "samples")
    assert states(printed) == {
        "scenes": "unchanged",
        "chunks": "unchanged",
        "ground_truth": "unchanged",
        "observations": "unchanged",
        "samples": "worked",
    }


def test_a_changed_input_file_is_noticed(run_copy: FinishedRun, tmp_path: Path) -> None:
    nomenclature = tmp_path / "nomenclature.txt"
    nomenclature.write_text((run_copy.simulated / "nomenclature.txt").read_text())
    tree = run_copy.tree | {"classes": run_copy.tree["classes"] | {"nomenclature": str(nomenclature)}}
    run_quietly(tree, "ground_truth")
    again = run_quietly(tree, "ground_truth")[1]
    assert states(again)["ground_truth"] == "unchanged"
    nomenclature.write_text(nomenclature.read_text() + "one more class:98\n")
    colours = tmp_path / "colours.txt"
    colours.write_text((run_copy.simulated / "colours.txt").read_text() + "98 1 2 3\n")
    tree["classes"]["colours"] = str(colours)
    worked = run_quietly(tree, "ground_truth")[1]
    assert states(worked) == {"scenes": "unchanged", "ground_truth": "worked"}
    # why polygons are rejected is said once, not by every run that follows
    assert "rejected: null geometry" in worked and "null geometry" not in again


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-7])], ids=["gone", "cut"])
def test_a_result_that_is_not_whole_is_made_again(run_copy: FinishedRun, damage: Callable[[Path], None]) -> None:
    before = sha256_of(run_copy.map / "confidence.tif")
    damage(run_copy.map / "confidence.tif")
    _, printed = run_quietly(run_copy.tree, "mosaic")
    assert states(printed)["classify"] == "unchanged" and states(printed)["mosaic"] == "worked"
    assert sha256_of(run_copy.map / "confidence.tif") == before


@pytest.mark.parametrize("chunk_size", [128, 200])
def test_the_map_does_not_depend_on_the_chunk_size(run_copy: FinishedRun, chunk_size: int) -> None:
    names = ("classification.tif", "confidence.tif", "validity.tif")
    before = {name: sha256_of(run_copy.map / name) for name in names}
    tree = run_copy.tree | {"grid": run_copy.tree["grid"] | {"chunk_size": chunk_size}}
    _, printed = run_quietly(tree, "mosaic")
    worked = {stage for stage, state in states(printed).items() if state == "worked"}
    assert worked == {"chunks", "classify", "mosaic"}  # labelled pixels are the same however the ground is cut
    assert {name: sha256_of(run_copy.map / name) for name in names} == before


def test_files_in_strips_give_the_same_map_by_chunks_as_wide_as_a_tile(run_copy: FinishedRun, tmp_path: Path) -> None:
    before = sha256_of(run_copy.map / "classification.tif")
    scenes = tmp_path / "scenes"
    shutil.copytree(run_copy.simulated / "scenes", scenes)
    for path in scenes.rglob("*.tif"):
        rasterio.shutil.copy(path, draft := path.with_suffix(".draft"), driver="GTiff", tiled="NO", blockysize=16)
        draft.replace(path)
    memory = f"{(WORKER_BYTES + 12e6) / 1e9} GB"
    tree = run_copy.tree | {
        "scenes": {"folder": str(scenes)},
        "grid": {"overlap_margin": 40},
        "spark": run_copy.tree["spark"] | {"worker_memory": memory},
    }
    context, printed = run_quietly(tree, "mosaic")
    assert re.search(r"of about \d+ x \d+ pixels", printed)[0] == "of about 64 x 256 pixels"
    assert sha256_of(context.folder.map(run_copy.map.name) / "classification.tif") == before


def test_chunks_written_before_a_stop_are_kept_and_damaged_ones_are_not(run_copy: FinishedRun) -> None:
    folder = run_copy.context.folder
    chunks = folder.path / run_copy.context.facts("classify")["chunks"]
    before = sha256_of(run_copy.map / "classification.tif")
    folder.forget("classify")
    folder.forget("mosaic")
    records = sorted(chunks.glob("*.json"))
    records[0].unlink()  # its files are there, its commit isn't
    damaged = chunks / f"{records[1].stem}_classification.tif"
    damaged.write_bytes(damaged.read_bytes()[:-7])
    kept = chunks / f"{records[2].stem}_classification.tif"
    written = kept.stat().st_mtime_ns
    _, printed = run_quietly(run_copy.tree, "mosaic")
    assert f"{len(records) - 2} of {len(records)} chunks written already" in printed
    assert kept.stat().st_mtime_ns == written
    assert sha256_of(run_copy.map / "classification.tif") == before


def test_a_map_of_lower_precision_keeps_it_when_it_is_gone_on_with(run_copy: FinishedRun) -> None:
    exact = rasterio.open(run_copy.map / "classification.tif").read(1)
    tree = run_copy.tree | {"map": {"precision": "bf16", "precision_limit": 0.2}}
    context, printed = run_quietly(tree, "mosaic")
    assert re.search(r"bf16: [\d.]+ times as fast as fp32, another class for [\d.]+% of [\d,]+ pixels\n", printed)
    lower = rasterio.open(run_copy.map / "classification.tif").read(1)
    assert 0 < np.mean(lower != exact) < 0.05 or (lower == exact).all()
    chunks = context.folder.path / context.facts("classify")["chunks"]
    manifest = pq.read_table(context.folder.table("manifest"))
    assert set(manifest["precision"].to_pylist()) == {"bf16"}
    ((tried,),) = json.loads(manifest.schema.metadata[b"precision"])["tried"]  # of the one model in the one precision
    assert tried["arithmetic"]["precision"] == "bf16" and tried["pixels"] > 1000
    next(chunks.glob("*_classification.tif")).unlink()
    _, printed = run_quietly(tree, "mosaic")
    assert "written already" in printed and "times as fast" not in printed
    np.testing.assert_array_equal(rasterio.open(run_copy.map / "classification.tif").read(1), lower)
    choice_of(chunks).unlink()
    next(chunks.glob("*_classification.tif")).unlink()
    _, printed = run_quietly(tree, "mosaic")
    # nobody knows of what precision the others are
    assert "written already" not in printed and "times as fast" in printed


def test_a_chunk_that_was_damaged_later_is_drawn_again_and_never_a_hole(run_copy: FinishedRun) -> None:
    chunks = run_copy.context.folder.path / run_copy.context.facts("classify")["chunks"]
    before = sha256_of(run_copy.map / "classification.tif")
    (run_copy.map / "classification.tif").unlink()
    damaged = sorted(chunks.glob("*_classification.tif"))[1]
    damaged.write_bytes(damaged.read_bytes()[:-7] + b"damaged")  # of the same size: only its hash tells
    with pytest.raises(SitsparkError, match=r"mosaic: 1 written chunk missing or damaged .* run the same command again"):
        run_quietly(run_copy.tree, "mosaic")
    run_quietly(run_copy.tree, "mosaic")
    assert sha256_of(run_copy.map / "classification.tif") == before


def test_a_run_stopped_at_any_step_of_publishing_goes_on_to_the_same_result(
    spark: SparkSession, simulation: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a table, a raster, a model or a chunk is about to take its place, and before each stage is put on the record."""
    tree = settings_tree(simulation.folder, tmp_path / "stopped")
    tree["scenes"]["tiles"] = ["31TCK"]
    tree["samples"]["per_class"], tree["training"]["epochs"] = 50, 2
    straight, _ = run_quietly(tree | {"output": str(tmp_path / "straight")}, "validate", "report")
    stopped: set[tuple[str, str]] = set()
    # of the renames one of each kind: each stop costs the work of its stage once more
    stopping_at = {"polygons", "samples", "manifest", "classification.tif", "metrics.json", "run.json"}

    def stopping(step: str, work: Callable, name_of: Callable[..., str]) -> Callable:
        def stop_once(*arguments, **named):
            at = (step, name_of(*arguments))
            if at not in stopped and (step == "finish" or at[1] in stopping_at):
                stopped.add(at)
                raise KeyboardInterrupt
            return work(*arguments, **named)

        return stop_once

    monkeypatch.setattr(Path, "rename", stopping("rename", Path.rename, lambda draft, target: target.name))
    monkeypatch.setattr(Path, "replace", stopping("replace", Path.replace, lambda draft, target: Path(target).name))
    monkeypatch.setattr(RunFolder, "finish", stopping("finish", RunFolder.finish, lambda folder, name, record: name))
    for _ in range(200):
        try:
            context, _ = run_quietly(tree, "validate", "report")
            break
        except KeyboardInterrupt:
            continue
    assert {name for step, name in stopped if step == "finish"} == set(context.folder.records())
    assert ("rename", "samples") in stopped and ("replace", "classification.tif") in stopped
    for name in ("classification.tif", "confidence.tif", "validity.tif"):
        ours, theirs = (c.folder.path / c.facts("mosaic")["map"] / name for c in (context, straight))
        assert sha256_of(ours) == sha256_of(theirs)
    assert context.facts("validate") == straight.facts("validate")
    left = [path for path in (tmp_path / "stopped").rglob(".*") if path.name not in (".lock", ".lock.owner")]
    assert not [path for path in left if not path.name.endswith(".crc")]


def test_a_second_run_on_the_same_folder_is_refused(run_copy: FinishedRun) -> None:
    with run_copy.context.folder.locked(), pytest.raises(SitsparkError, match=r"process \d+ on .* is working in"):
        run_quietly(run_copy.tree, "report")


def test_leaving_a_tile_out_costs_accuracy(run_copy: FinishedRun) -> None:
    context, printed = run_quietly(run_copy.tree, "cross_validate", "report")
    scores = json.loads((context.folder.accuracy / "cross_validation.json").read_text())
    assert len(scores["folds"]) == 4
    same, left_out = (scores["spread"][area]["overall_accuracy"]["mean"] for area in ("same_area", "left_out"))
    assert not math.isnan(left_out)
    assert left_out < same - 0.03
    assert "4 tiles left out in turn" in printed
    # the page has both: how good the map is, and the models without a tile
    page = context.folder.report.read_text()
    assert 'href="#accuracy"' in page and "Confusion matrix" in page and "left out" in page
    # what the verb says at its end is of the folds; the map is as good as it was
    said = {}
    for targets in (("cross_validate", "report"), ("report",)):
        ended = Context.of(context.settings, Console(file=io.StringIO(), width=200))
        say_results(ended, targets, Path("settings.yaml"))
        said[targets[0]] = ended.voice.console.file.getvalue()  # type: ignore[attr-defined]
    expected = [f"{scores['spread'][area]['mean_f_score']['mean']:.2f}" for area in ("left_out", "same_area")]
    assert f"expect a mean F of about {expected[0]}, not the {expected[1]} of polygons set aside" in said["cross_validate"]
    assert ["reference pixels" in said[verb] for verb in ("cross_validate", "report")] == [False, True]
    # stopped after three of four folds: those are kept
    context.folder.forget("cross_validate")
    (
        context.folder.model(next(folder.name for folder in (context.folder.path / "models").glob("*-31TDK"))) / "card.json"
    ).unlink()
    context, printed = run_quietly(run_copy.tree, "cross_validate")
    assert printed.count("is trained already") == 3
    assert json.loads((context.folder.accuracy / "cross_validation.json").read_text()) == scores


def test_rare_classes_are_strengthened_by_samples_and_weights_and_pixels_need_clear_dates(run_copy: FinishedRun) -> None:
    """Each fitted class has as many samples as the largest; no child is of a polygon that is set aside or monitored."""
    tree = run_copy.tree | {"samples": run_copy.tree["samples"] | {"min_clear_dates": 4, "augmentation": {"method": "smote"}}}
    tree["training"] = tree["training"] | {"epochs": 2, "balance": ["class", "polygon"]}
    context, printed = run_quietly(tree, "train", "report")
    samples, children = context.table("samples").toPandas(), context.table("children").toPandas()
    fitted = samples[(samples["split"] == "train") & ~samples["monitored"]]
    counts = fitted["label"].value_counts() + children["label"].value_counts().reindex(fitted["label"].unique(), fill_value=0)
    assert set(counts) == {fitted["label"].value_counts().max()} and f"{len(children)} made of them (smote)" in printed
    assert set(children["polygon_id"]) <= set(fitted["polygon_id"])
    others = samples[(samples["split"] != "train") | samples["monitored"]]
    assert not set(children["polygon_id"]) & set(others["polygon_id"])
    card = json.loads((context.folder.model(context.facts("train")["model_id"]) / "card.json").read_text())
    assert {entry["code"]: entry["train"] for entry in card["classes"] if entry["train"]} == counts.to_dict()
    assert card["training"]["balance"] == ["class", "polygon"]
    observed = context.table("observations").toPandas()
    enough = observed["valid"].map(sum) >= 4
    # what only bands call nodata is left out afterwards; here nothing is
    assert enough.all() and len(samples) == len(observed)
    assert "Made of them" in context.folder.report.read_text()
    # without the children nothing that was read is read again
    context, printed = run_quietly(tree | {"samples": tree["samples"] | {"augmentation": None}}, "samples")
    assert re.search(r"observations .*unchanged", printed) and "made of them" not in printed
    assert not context.folder.table("children").exists()


def test_planted_wrong_labels_are_found_and_not_learnt_from(run_copy: FinishedRun, tmp_path: Path) -> None:
    """Neither they nor children of them; what is set aside is never dropped; another bound reads no image again."""
    import geopandas

    polygons = geopandas.read_file(run_copy.tree["ground_truth"]["file"])
    classes = run_copy.context.table("samples").groupBy("polygon_id").agg({"label": "first"}).toPandas().set_index("polygon_id")
    water, forest = 51, 31
    wrong = classes.index[classes["first(label)"] == water].sort_values()[:3]
    polygons.loc[polygons["id"].isin(wrong), "code"] = forest
    polygons.to_file(tmp_path / "planted.gpkg")
    tree = run_copy.tree | {
        "ground_truth": run_copy.tree["ground_truth"] | {"file": str(tmp_path / "planted.gpkg")},
        "samples": run_copy.tree["samples"]
        | {"quality": {"neighbours": 4, "max_score": 1.5}, "augmentation": {"method": "smote"}},
        "training": run_copy.tree["training"] | {"epochs": 2},
    }
    context, printed = run_quietly(tree, "train", "report")
    table = context.table("quality").toPandas()
    mean = table.groupby("polygon_id")["score"].mean().sort_values(ascending=False)
    assert set(mean.index[:3]) == set(wrong)
    dropped = table[~table["kept"]]
    assert set(dropped["split"]) == {"train"} and f"{len(dropped)} not learnt from" in printed
    assert set(table.loc[table["polygon_id"].isin(wrong) & (table["split"] == "train"), "polygon_id"]) <= set(
        dropped["polygon_id"]
    )
    children = context.table("children").toPandas()
    assert not set(children["sample_id"]) & set(dropped["sample_id"])
    card = json.loads((context.folder.model(context.facts("train")["model_id"]) / "card.json").read_text())
    learnt = sum(entry["train"] + entry["monitored"] for entry in card["classes"])
    assert learnt == ((table["split"] == "train") & table["kept"]).sum() + len(children)
    page = context.folder.report.read_text()
    assert "Not learnt from" in page and "Labels to look at first" in page and f'<th scope="row">{mean.index[0]}</th>' in page
    quality = tree["samples"]["quality"] | {"max_score": None}
    context, printed = run_quietly(tree | {"samples": tree["samples"] | {"quality": quality}}, "train")
    assert states(printed)["observations"] == "unchanged" and states(printed)["samples"] == states(printed)["train"] == "worked"
    assert context.table("quality").toPandas()["kept"].all()


def test_the_series_of_classes_are_drawn(finished: FinishedRun) -> None:
    series = finished.context.table("series").collect()
    assert [row.label for row in series] == sorted({row.label for row in finished.context.table("samples").collect()})
    assert all(row.quantity == "NDVI" and -1 <= min(row.low) <= min(row.mean) and max(row.high) <= 1 for row in series)
    assert finished.context.folder.series.read_bytes().startswith(b"\x89PNG")
    assert "NDVI of the classes" in finished.context.folder.report.read_text()


def test_how_far_the_model_can_be_trusted_is_told_of_the_samples_set_aside(finished: FinishedRun) -> None:
    context, facts = finished.context, finished.context.facts("trust")
    confidence = Confidence.from_json(facts["confidence"])
    aside = context.table("samples").where("split = 'validation'")
    assert confidence.plain.samples == aside.count() > 0
    assert confidence.polygons == aside.select("polygon_id").distinct().count()
    rows = context.table("reliability").where("not calibrated").collect()
    assert sum(row.samples for row in rows) == confidence.plain.samples and len(rows) == 15
    groups = {(row.kind, row.name): row.loss for row in context.table("importance").collect()}
    (sensor,) = context.feature_space.sensors
    assert {name for kind, name in groups if kind == "date"} == {day.isoformat() for day in sensor.grid.dates}
    assert {name for kind, name in groups if kind == "band"} == {*sensor.bands, "ndvi", "ndwi", "brightness"}
    assert max(groups.values()) > 0.05
    page = context.folder.report.read_text()
    assert "Is the model right as often as it is sure?" in page and "Which dates and bands matter?" in page
    document = json.loads((context.folder.accuracy / "trust.json").read_text())
    assert document["reliability"]["plain"]["expected_calibration_error"] == confidence.plain.error
    assert {(g["kind"], g["name"]): g["accuracy_lost"] for g in document["importance"]["groups"]} == groups


def test_another_choice_of_importance_trains_and_maps_nothing_anew(run_copy: FinishedRun) -> None:
    context, printed = run_quietly(run_copy.tree | {"importance": None}, "trust", "validate", "report")
    assert "✓ trust" in printed and "= train" in printed and "= validate" in printed
    page = context.folder.report.read_text()
    assert "Is the model right as often as it is sure?" in page and "Which dates and bands matter?" not in page


def test_a_model_whose_card_is_of_other_features_is_not_used(run_copy: FinishedRun) -> None:
    context = run_copy.context
    path = context.folder.model(context.facts("train")["model_id"]) / "card.json"
    card = json.loads(path.read_text())
    first = card["feature_space"]["sensors"][0]["bands"]
    first[0], first[1] = first[1], first[0]
    path.write_text(json.dumps(card, indent=2))
    with pytest.raises(SitsparkError, match=r"takes \d+ features .* trust: the samples table has \d+, made otherwise"):
        run_quietly(run_copy.tree | {"importance": None}, "trust")


def test_a_run_and_its_report_keep_what_the_file_of_another_program_asked_for_in_vain(run_copy: FinishedRun) -> None:
    lost = {"chain.keep_runs_results": "results are never removed"}
    run(run_copy.context.settings, ("report",), console=Console(quiet=True), not_carried_over=lost)
    assert json.loads(run_copy.context.folder.record_file.read_text())["not_carried_over"] == lost
    assert "chain.keep_runs_results" in run_copy.context.folder.report.read_text()
    run_quietly(run_copy.tree, "report")
    assert "chain.keep_runs_results" not in run_copy.context.folder.report.read_text()
