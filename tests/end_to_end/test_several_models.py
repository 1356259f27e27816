"""A map that several models draw: of regions, of seeds, over tiles that are blended."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from pyspark.sql import SparkSession

from sitspark.errors import SitsparkError
from sitspark.maps.shares import region_weights
from sitspark.models.inference import Classifier
from sitspark.settings import BoundarySettings
from sitspark.workflow.context import Context
from sitspark.workflow.members import models_of
from sitspark.workflow.run_folder import RunFolder
from tests.conftest import FinishedRun, run_quietly

PRODUCTS = ["probability", "entropy", "margin", "agreement", "features"]
BOUNDARY = {"interior": 200, "exterior": 300}


@pytest.fixture(scope="module")
def regions(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two regions, whose border runs aslant across the middle of the map."""
    grid = finished.context.coverage.grid
    left, bottom, right, top = grid.bounds
    middle = (bottom + top) / 2
    north = shapely.Polygon([(left, top), (right, top), (right, middle + 200), (left, middle - 200)])
    south = shapely.box(left, bottom + 480, right, top).difference(north)  # a tenth of the map has no region
    path = tmp_path_factory.mktemp("regions") / "regions.gpkg"
    names = [np.array(["north", "the south"], object)]
    pyogrio.raw.write(path, shapely.to_wkb([north, south]), names, ["name"], geometry_type="Polygon", crs=grid.crs)
    return path


@pytest.fixture(scope="module")
def drawn(spark: SparkSession, finished: FinishedRun, regions: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """Two regions with two seeds each; the tiles are blended."""
    output = tmp_path_factory.mktemp("several") / "out"
    shutil.copytree(finished.context.folder.path, output)  # with its scenes and calendar
    tree = finished.tree | {"output": str(output)}
    tree["grid"] = tree["grid"] | {"overlap": "blend"}
    tree["ground_truth"] = tree["ground_truth"] | {"regions": str(regions), "region_field": "name"}
    tree["training"] = tree["training"] | {"model_per": "region", "ensemble": 2, "epochs": 4}
    tree["samples"] = tree.get("samples", {}) | {"per_model": {"north": {"per_class": 60}}}
    tree["map"] = {"products": PRODUCTS, "combine": "vote", "boundary": BOUNDARY}
    tree["importance"] = {"samples": 60, "repeats": 1}
    context, told = run_quietly(tree, "trust", "validate", "report")
    # 300 of 480 metres are drawn by the model of the south, whose weight falls to 0 there
    assert "ground_truth.regions: 3.7% of the map lies in none of them: nothing is drawn there" in told
    return FinishedRun(context, tree, finished.simulated)


def raster(run: FinishedRun, name: str) -> np.ndarray:
    with rasterio.open(run.map / f"{name}.tif") as source:
        found: np.ndarray = source.read()
        return found


def views(run: FinishedRun) -> np.ndarray:
    """By how many tiles each pixel is seen."""
    grid = run.context.coverage.grid
    count = np.zeros((grid.height, grid.width), int)
    for windows in run.context.coverage.tiles.values():
        count[windows.reach.slices] += 1
    return count


def weights(run: FinishedRun) -> dict[str, np.ndarray]:
    grid, how = run.context.coverage.grid, BoundarySettings(**BOUNDARY)
    found = {name: region_weights(region, grid, how) for name, region in run.context.regions_on_grid.items()}
    return {name: weight for name, weight in found.items() if weight is not None}


def test_each_region_has_a_model_of_each_seed(drawn: FinishedRun) -> None:
    models = models_of(drawn.context.facts("train"))
    assert [(one.ground and one.ground.name, one.seed) for one in models] == [
        ("north", 0), ("north", 1), ("the south", 0), ("the south", 1)
    ]  # fmt: skip
    cards = [json.loads((drawn.context.folder.model(one.model_id) / "card.json").read_text()) for one in models]
    assert [card["ground"] for card in cards] == [{"kind": "region", "name": one.ground.name} for one in models if one.ground]
    samples = pq.read_table(drawn.context.folder.table("samples"), columns=["sample_id", "region", "split"])
    rows, cols = np.divmod(samples["sample_id"].to_numpy(), drawn.context.coverage.grid.width)
    region, trains = samples["region"].to_numpy(), samples["split"].to_numpy() == "train"
    for name, of in drawn.context.regions_on_grid.items():
        inside = of.pixels(drawn.context.coverage.grid)[rows, cols] > 0
        assert ((region == name) == inside).all() and 0 < inside.sum() < len(rows)
        seen = sum(
            c["train"] + c["monitored"] for c in next(card for card in cards if card["ground"]["name"] == name)["classes"]
        )
        assert seen == (inside & trains).sum()
    words = drawn.context.folder.records()["train"].summary
    scores = {
        f"region {one.ground.name} {one.number}": (card["metrics"]["oa"], card["metrics"]["fscore"])
        for one, card in zip(models, cards, strict=True)
        if one.ground
    }
    told = []
    for name, of in (("OA", 0), ("F", 1)):
        worst = min(scores, key=lambda one: scores[one][of])
        told.append(f"{name} {scores[worst][of]:.3f} ({worst}) to {max(values[of] for values in scores.values()):.3f}")
    assert words == f"4 models for 2 regions, mlp: monitored {', '.join(told)}"


def test_the_samples_of_each_region_are_chosen_by_themselves(drawn: FinishedRun) -> None:
    """And of what lies in none of them there is none."""
    selection = pq.read_table(drawn.context.folder.table("selection")).to_pylist()
    assert {row["ground"] for row in selection} == {"north", "the south", ""}
    common = drawn.tree["samples"].get("per_class", 100_000)
    assert {row["ground"]: row["asked"] for row in selection} == {"north": 60, "the south": common, "": 0}
    kept = pq.read_table(drawn.context.folder.table("observations"), columns=["region", "label", "split"])
    there = Counter(zip(*(kept[name].to_pylist() for name in ("region", "label", "split")), strict=True))
    chosen = {(row["ground"] or None, row["label"], row["split"]): row["chosen"] for row in selection if row["chosen"]}
    assert there == chosen
    assert max(count for (region, _, split), count in there.items() if (region, split) == ("north", "train")) == 60
    told = drawn.context.facts("observations")["selection"]
    assert sum(row["chosen"] for row in told) == sum(there.values()) and {row["ground"] for row in told} == {None}


def test_the_map_is_judged_by_region(drawn: FinishedRun) -> None:
    rows = drawn.context.table("accuracy_by").toPandas()
    regions = rows[rows["kind"] == "region"]
    assert regions["name"].tolist() == ["north", "the south"]
    # some polygons lie in no region
    assert 0 < regions["pixels"].sum() < rows.loc[rows["kind"] == "tile", "pixels"].sum()
    assert "pixels in region" in drawn.context.folder.report.read_text()


def test_what_is_drawn_follows_from_the_models_near(drawn: FinishedRun) -> None:
    """Where one tile alone sees a pixel, from its features by hand."""
    features, probability, codes = raster(drawn, "features"), raster(drawn, "probability"), raster(drawn, "classification")[0]
    agreement = raster(drawn, "agreement")
    near, alone = weights(drawn), (views(drawn) == 1) & (codes > 0)
    fused = alone & (near["north"] > 0) & (near["the south"] > 0)
    assert fused.sum() > 500 and (alone & ~fused).sum() > 500
    picked = np.random.default_rng(0).choice(np.flatnonzero(fused), 300)
    vectors = features.reshape(len(features), -1)[:, picked].T.copy()
    mean = np.zeros((300, len(probability)))
    votes = np.zeros_like(mean)
    for one in models_of(drawn.context.facts("train")):
        assert one.ground is not None
        weight = near[one.ground.name].ravel()[picked]
        position, every = Classifier.load(drawn.context.folder.model(one.model_id)).distribution(vectors)
        mean += weight[:, None] * every
        votes[np.arange(300), position] += weight
    mean /= mean.sum(axis=1, keepdims=True)
    expected = probability.reshape(len(probability), -1)[:, picked].T / 1000
    np.testing.assert_allclose(expected, mean, atol=0.0006)
    known = np.array(drawn.context.nomenclature.codes)
    chosen = np.searchsorted(known, codes.ravel()[picked])
    np.testing.assert_allclose(votes[np.arange(300), chosen], votes.max(axis=1), rtol=1e-5)
    assert (agreement[1].ravel()[picked] == 4).all()


def test_agreement_counts_the_models_that_are_heard(drawn: FinishedRun) -> None:
    """Two seeds, times the tiles that see a pixel, times the regions that are near."""
    agreeing, models, tied = raster(drawn, "agreement")
    near, drawn_at = weights(drawn), raster(drawn, "classification")[0] > 0
    expected = 2 * views(drawn) * ((near["north"] > 0).astype(int) + (near["the south"] > 0))
    # a tile may not see all that lies in its window
    assert (models[drawn_at] <= expected[drawn_at]).all() and (models[drawn_at] == expected[drawn_at]).mean() > 0.99
    assert (agreeing[drawn_at] <= models[drawn_at]).all() and (agreeing[drawn_at] < models[drawn_at]).any()
    assert (
        set(np.unique(tied[drawn_at])) == {0, 1} and (agreeing[drawn_at & (tied == 1)] < models[drawn_at & (tied == 1)]).all()
    )
    assert (raster(drawn, "agreement")[:, ~drawn_at] == 255).all()


def test_uncertainty_is_that_of_the_probabilities(drawn: FinishedRun) -> None:
    probability, drawn_at = raster(drawn, "probability"), raster(drawn, "classification")[0] > 0
    p = probability[:, drawn_at] / 1000
    entropy = -np.sum(p * np.log(np.maximum(p, 1e-12)), axis=0) / np.log(len(p))
    two = np.sort(p, axis=0)[-2:]
    # of probabilities to three digits
    np.testing.assert_allclose(raster(drawn, "entropy")[0][drawn_at] / 1000, entropy, atol=0.012)
    np.testing.assert_allclose(raster(drawn, "margin")[0][drawn_at] / 1000, two[1] - two[0], atol=0.0021)
    assert (raster(drawn, "entropy")[0][~drawn_at] == 65535).all() and (raster(drawn, "margin")[0][~drawn_at] == 65535).all()


def test_other_chunks_give_the_same_map(drawn: FinishedRun) -> None:
    """Weights near borders, and the views of tiles, don't hang on the windows that they are computed in."""
    before = {name: raster(drawn, name) for name in ("classification", "confidence", "probability", "agreement", "validity")}
    tree = drawn.tree | {"grid": drawn.tree["grid"] | {"chunk_size": 61}}
    context, _ = run_quietly(tree, "mosaic")
    again = FinishedRun(context, tree, drawn.simulated)
    for name, expected in before.items():
        np.testing.assert_array_equal(raster(again, name), expected, err_msg=name)


def test_how_far_several_models_can_be_trusted_is_told(drawn: FinishedRun) -> None:
    facts = drawn.context.facts("trust")
    assert facts["confidence"]["temperature"] is None and facts["confidence"]["samples"] > 0
    assert facts["importance"]["samples"] > 0
    page = drawn.context.folder.report.read_text()
    assert all(one.model_id in page for one in models_of(drawn.context.facts("train")))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"training": {"model_per": "region"}}, "model_per region without regions; add ground_truth.regions"),
        ({"map": {"boundary": BOUNDARY}}, "map.boundary, which would be ignored; it goes with training.model_per: region"),
        ({"map": {"combine": "vote"}}, "map.combine vote with one model for each ground; raise training.ensemble"),
        ({"map": {"products": ["agreement"]}}, "agreement among map.products, and one model draws each pixel"),
        ({"map": {"boundary": {"interior": 5, "exterior": 0}}}, "has exterior 0, by which no model reaches beyond its region"),
    ],
)
def test_a_key_that_would_be_ignored_is_refused(finished: FinishedRun, settings: dict, sentence: str) -> None:
    tree = finished.tree | {section: finished.tree.get(section, {}) | keys for section, keys in settings.items()}
    with pytest.raises(SitsparkError, match=sentence):
        run_quietly(tree, "mosaic")


def test_what_has_a_model_of_its_own_can_not_be_left_out(run_copy: FinishedRun) -> None:
    tree = run_copy.tree | {"training": run_copy.tree["training"] | {"model_per": "tile", "epochs": 1}}
    before = RunFolder(Path(tree["output"])).records()
    with pytest.raises(SitsparkError, match="a tile left out has no model of its own"):
        run_quietly(tree, "cross_validate")
    assert RunFolder(Path(tree["output"])).records() == before  # nothing that was done is lost by that


def test_each_tile_draws_its_own_ground_and_the_maps_of_folds_are_drawn_together(run_copy: FinishedRun) -> None:
    """A fold is left out of the models of all seeds and tiles; where their maps disagree is shown."""
    tree = run_copy.tree | {"training": run_copy.tree["training"] | {"model_per": "tile", "epochs": 2, "ensemble": 2}}
    tree["ground_truth"] = tree["ground_truth"] | {"folds": "random", "fold_count": 2}
    tree["report"] = {"place_size": 0.5, "disputed_places": 2}
    context, _ = run_quietly(tree, "mosaic", "fold_maps", "report")
    models = models_of(context.facts("train"))
    assert [one.ground and one.ground.name for one in models] == [
        tile for tile in sorted(context.coverage.tiles) for _ in range(2)
    ]
    assert len(list((context.folder.path / "models").glob("*-without-fold-*/card.json"))) == 2 * len(models)
    left_out = [np.sum(fold["left_out"]["counts"]) for fold in context.facts("cross_validate")["folds"]]
    assert len(left_out) == 2 and min(left_out) > 0
    assert_disagreement_is_that_of_the_maps(context)
    # a place more asks for no pixel anew
    chunks = sorted((context.folder.path / "maps").glob("*-without-*/chunks/*/*.json"))
    written = [path.stat().st_mtime_ns for path in chunks]
    lon, lat = pyproj.Transformer.from_crs(context.coverage.grid.crs, 4326, always_xy=True).transform(302_000, 4_998_000)
    tree["report"] = {"place_size": 0.5, "disputed_places": 1, "places": [{"name": "the mill", "lon": lon, "lat": lat}]}
    context, _ = run_quietly(tree, "fold_maps", "report")
    assert list(context.facts("fold_maps")["places"]) == ["the mill", "disputed place 1"]
    assert [path.stat().st_mtime_ns for path in chunks] == written and len(written) > 2
    page = context.folder.report.read_text()
    assert "Where the maps of the folds disagree" in page and page.count("data:image/gif") == 2


def assert_disagreement_is_that_of_the_maps(context: Context) -> None:
    facts = context.facts("fold_maps")
    maps = []
    for one in facts["maps"]:
        with rasterio.open(context.folder.path / one["map"]) as source:
            maps.append(source.read(1))
    with rasterio.open(context.folder.path / facts["folder"] / "disagreement.tif") as source:
        found = source.read(1)
    first, second = maps
    assert (found == (first > 0).astype(int) + ((second > 0) & (second != first))).all()
    assert facts["pixels"] == [int((found == 1).sum()), int((found == 2).sum())] and facts["pixels"][1] > 0
    assert len(facts["places"]) == 2 and all(
        (context.folder.path / facts["folder"] / p["file"]).exists() for p in facts["places"].values()
    )
