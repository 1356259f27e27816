"""A run on a region of interest: only its ground is read, labelled and mapped."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import pystac
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.warp import transform_bounds
from rasterio.windows import from_bounds

from sitspark.errors import SitsparkError
from sitspark.maps.areas import read_csv
from sitspark.models.applicability import AreaOfApplicability
from sitspark.scenes.left_out import Reason
from sitspark.workflow.context import Context
from tests.conftest import FinishedRun, run_quietly


@pytest.fixture
def outline(finished: FinishedRun) -> shapely.Polygon:
    """A triangle over parts of two of the four tiles, in the CRS of the map."""
    left, _, right, top = finished.context.coverage.grid.bounds
    width = right - left
    return shapely.Polygon([(left + 0.2 * width, top - 120), (left + 0.8 * width, top - 300), (left + 0.3 * width, top - 2000)])


def test_only_the_ground_of_a_region_is_read_labelled_and_mapped(
    finished: FinishedRun, outline: shapely.Polygon, tmp_path: Path
) -> None:
    crs = finished.context.coverage.grid.crs
    region = tmp_path / "region.gpkg"
    pyogrio.raw.write(
        region, np.array([shapely.to_wkb(outline)], object), [], [], geometry_type="Polygon", crs=crs, driver="GPKG"
    )
    tree = finished.tree | {"output": str(tmp_path / "out"), "samples": {"per_class": 50}}
    tree["grid"] = tree["grid"] | {"region": str(region)}
    tree["training"] = tree["training"] | {"epochs": 1}
    regions = tmp_path / "regions.gpkg"
    middle = outline.centroid.x
    halves = [shapely.box(0, 0, middle, 1e7), shapely.box(middle, 0, 1e6, 1e7)]
    pyogrio.raw.write(
        regions,
        np.array([shapely.to_wkb(half) for half in halves], object),
        [np.array(["west", "east"], object)],
        ["name"],
        geometry_type="Polygon",
        crs=crs,
        driver="GPKG",
    )
    tree["ground_truth"] = tree["ground_truth"] | {"regions": str(regions), "region_field": "name"}
    tree["map"] = {"products": ["features", "dissimilarity"], "per_tile": True, "regularise": {"radius": 1}}
    tree["applicability"], tree["importance"] = {"samples": 200, "dimensions": 8, "cells": 20}, {"samples": 60, "repeats": 1}
    context, said = run_quietly(tree, "dissimilarity", "validate", "report")
    folder = context.folder.path / context.facts("mosaic")["map"]
    assert_tiles_are_parts_of_the_map(folder)
    assert_features_are_named_and_masked(folder, context)
    assert_dissimilarity_is_that_of_the_features(folder, context)
    assert "of them are outside the area of applicability" in said and "the exact index would put" in said
    for name in ("areas.csv", "regularised_areas.csv"):
        whole, *parts = read_csv(folder / name)
        assert [part.name for part in parts if part.kind == "region"] == ["east", "west"]
        for kind in ("tile", "region"):
            pixels = Counter({c.code: 0 for c in whole.classes})
            for part in parts:
                pixels.update({c.code: c.pixels for c in part.classes} if part.kind == kind else {})
            assert pixels == {c.code: c.pixels for c in whole.classes}

    with (
        rasterio.open(folder / "validity.tif") as drawn,
        rasterio.open(finished.map / "validity.tif") as whole,
    ):
        # no larger than it must be, and on the same pixels as the map of everything
        assert all(abs(a - b) < 10 for a, b in zip(drawn.bounds, outline.bounds, strict=True))
        window = from_bounds(*drawn.bounds, transform=whole.transform)
        expected = whole.read(1, window=window)
        assert expected.shape == drawn.shape
        inside = rasterize([outline], out_shape=drawn.shape, transform=drawn.transform).astype(bool)
        assert 0.2 < inside.mean() < 0.8
        assert np.array_equal(drawn.read(1), np.where(inside, expected, drawn.nodata))

    scenes = context.table("scenes").collect()
    left_out = {row.tile for row in scenes if row.left_out == Reason.OUTSIDE}
    assert left_out and not left_out & {row.tile for row in scenes if row.left_out is None}
    for sample in context.table("observations").select("x", "y").collect():
        assert outline.contains(shapely.Point(sample.x, sample.y))
    assert "outside the region" in {row.reason for row in context.table("rejected").select("reason").collect()}


def assert_tiles_are_parts_of_the_map(folder: Path) -> None:
    """Each pixel of the map is that of one tile."""
    for name in ("classification", "features"):
        with rasterio.open(folder / f"{name}.tif") as whole:
            pixels, left = whole.read(), whole.read_masks() > 0
            for tile in sorted((folder / "tiles").iterdir()):
                with rasterio.open(tile / f"{name}.tif") as part:
                    rows, cols = from_bounds(*part.bounds, transform=whole.transform).round_offsets().toslices()
                    own = part.read_masks() > 0
                    assert own.any() and (own <= left[:, rows, cols]).all()
                    assert np.array_equal(part.read()[own], pixels[:, rows, cols][own])
                    left[:, rows, cols] &= ~own
        assert not left.any()
    for tile in (folder / "tiles").iterdir():
        assert_stands_alone(tile, name=f"{folder.name}-{tile.name}")


def assert_stands_alone(folder: Path, *, name: str) -> None:
    """A folder has names and colours, and an item that says where it lies."""
    item = pystac.Item.from_file(str(folder / "item.json"))
    assert item.id == name and all((folder / asset.href).is_file() for asset in item.assets.values())
    assert (folder / "classification.tif.aux.xml").is_file() and (folder / "legend.qml").is_file()
    with rasterio.open(folder / "classification.tif") as drawn:
        assert item.properties["proj:shape"] == list(drawn.shape)
        assert item.properties["proj:transform"] == pytest.approx(list(drawn.transform)[:6])
        assert item.bbox == pytest.approx(transform_bounds(drawn.crs, "EPSG:4326", *drawn.bounds), abs=1e-6)


def assert_features_are_named_and_masked(folder: Path, context: Context) -> None:
    with rasterio.open(folder / "features.tif") as features, rasterio.open(folder / "classification.tif") as drawn:
        assert features.descriptions == context.feature_space.names
        assert np.array_equal(np.isfinite(features.read()).all(axis=0), drawn.read(1) > 0)
        assert np.array_equal(np.isnan(features.read()).all(axis=0), drawn.read(1) == 0)


def assert_dissimilarity_is_that_of_the_features(folder: Path, context: Context) -> None:
    area = AreaOfApplicability.load(context.folder.accuracy / "applicability.safetensors")
    with rasterio.open(folder / "features.tif") as features, rasterio.open(folder / "dissimilarity.tif") as drawn:
        vectors, values = features.read().reshape(len(context.feature_space), -1).T, drawn.read(1).ravel()
    seen = np.isfinite(vectors).all(axis=1)
    assert (values[~seen] == 65535).all()
    expected = np.ceil(1000 * area.index(vectors[seen]) / np.float32(area.threshold))
    assert abs(values[seen] - np.minimum(expected, 65534)).max() <= 1  # the last bit of a product may round up
    tiles = [line.split(",") for line in (context.folder.accuracy / "dissimilarity.csv").read_text().splitlines()[1:]]
    assert sum(int(pixels) for _, pixels, *_ in tiles) == seen.sum()
    assert sum(int(outside) for _, _, outside, *_ in tiles) == (values[seen] > 1000).sum()
    found = json.loads((context.folder.accuracy / "dissimilarity.json").read_text())
    assert [one["of"] for one in found["distances"]] == ["training_left_out", "set_aside", "set_aside_left_out", "map"]
    assert found["weighted"] and {one["name"] for one in found["folds"]} == {name for name, *_ in tiles}
    assert found["meaning"][:20].lower() in context.folder.report.read_text().lower()


def test_a_region_beside_the_imagery_is_refused(finished: FinishedRun, tmp_path: Path) -> None:
    tree = finished.tree | {"output": str(tmp_path / "out")}
    tree["grid"] = tree["grid"] | {"region": [10.0, 50.0, 10.1, 50.1]}
    with pytest.raises(SitsparkError, match=r"grid\.region: lies at .*, none of the tiles .* reaches there, the imagery lies"):
        run_quietly(tree, "scenes")


def test_a_rectangle_in_degrees_is_a_region(finished: FinishedRun, outline: shapely.Polygon, tmp_path: Path) -> None:
    to_degrees = pyproj.Transformer.from_crs(finished.context.coverage.grid.crs, 4326, always_xy=True)
    tree = finished.tree | {"output": str(tmp_path / "out")}
    tree["grid"] = tree["grid"] | {"region": list(to_degrees.transform_bounds(*outline.bounds))}
    context, _ = run_quietly(tree, "chunks")
    chunks = context.table("chunks").collect()
    grid = context.coverage.grid
    area = sum(row.height * row.width for row in chunks) * grid.resolution**2
    assert area == pytest.approx(outline.envelope.area, rel=0.15)  # degrees lie askew to the grid
