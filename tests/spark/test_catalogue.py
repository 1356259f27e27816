"""The catalogue as a frame: what is opened, what is known already, what is left out."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import rasterio
import rasterio.warp
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.marks import Marks
from sitspark.scenes.catalogue import catalogue, of_this_version
from sitspark.scenes.layouts import Selection
from sitspark.scenes.listing import list_archive
from sitspark.settings import ScenesSettings
from sitspark.simulate import Simulation
from sitspark.workflow.check import check
from tests.conftest import run_quietly, settings_tree


@pytest.fixture
def tree(simulation: Simulation, tmp_path: Path) -> dict[str, Any]:
    """Settings of a run on three products of its own."""
    found = settings_tree(simulation.folder, tmp_path / "out")
    for product in sorted((simulation.folder / "scenes" / "31TCK").iterdir())[:3]:
        shutil.copytree(product, tmp_path / "scenes" / product.name)
    found["scenes"]["folder"] = str(tmp_path / "scenes")
    return found


def test_a_second_run_finds_new_changed_and_vanished_products(
    spark: SparkSession, simulation: Simulation, tree: dict[str, Any], tmp_path: Path
) -> None:
    context, _ = run_quietly(tree, "scenes")
    before = {row.scene_id: row.asDict() for row in context.table("scenes").collect()}
    first, second, third = sorted((tmp_path / "scenes").iterdir())
    band = next(second.glob("*_FRE_B4.tif"))
    band.write_bytes(band.read_bytes() + b" ")  # the same pixels in another file
    shutil.rmtree(third)
    fourth = sorted((simulation.folder / "scenes" / "31TCK").iterdir())[3]
    shutil.copytree(fourth, tmp_path / "scenes" / fourth.name)
    context, _ = run_quietly(tree, "scenes")
    after = {row.scene_id: row.asDict() for row in context.table("scenes").collect()}
    assert set(after) == {first.name, second.name, fourth.name}
    assert after[first.name] == before[first.name]
    assert after[second.name]["fingerprint"] != before[second.name]["fingerprint"]


def test_a_known_product_is_not_opened(spark: SparkSession, tree: dict[str, Any], tmp_path: Path) -> None:
    """It has no file any more, and would be damaged if it were opened. Spark would take the folder for a pattern."""
    settings = ScenesSettings(folder=tmp_path / "scenes")
    scratch = tmp_path / "p[2018]"
    scratch.mkdir()
    archive, selection = list_archive(settings), Selection.of(settings)
    (tmp_path / "marks").mkdir()
    archive.fingerprint(lambda source: source.scene_id)

    def frame(known: DataFrame | None = None) -> DataFrame:
        marks = Marks(tmp_path / "marks")
        return catalogue(spark, archive, selection, scratch=scratch, marks=marks, known=known)

    known = frame().localCheckpoint()
    first = next(iter(archive.products))
    shutil.rmtree(first.address)
    Path(first.address, "empty").mkdir(parents=True)
    again = frame(known)
    assert again.where("left_out is not null").count() == 0 and again.count() == 3
    archive.fingerprint(lambda source: "changed" if source.scene_id == first.scene_id else source.scene_id)
    assert [row.scene_id for row in frame(known).where("left_out = 'damaged'").collect()] == [first.scene_id]


def test_another_way_of_reading_opens_all_again(spark: SparkSession, tree: dict[str, Any]) -> None:
    run_quietly(tree, "scenes")
    tree["scenes"] |= {"bands": ["B4", "B8", "B11"]}
    context, _ = run_quietly(tree, "scenes")
    assert {len(row.assets) for row in context.table("scenes").collect()} == {3 + 3}


def test_what_is_left_out_by_its_name_is_not_opened_and_stays_in_the_table(
    spark: SparkSession, tree: dict[str, Any], tmp_path: Path
) -> None:
    """Also where nothing else is in the same part of the frame."""
    first, *others = sorted((tmp_path / "scenes").iterdir())
    for other in others:
        shutil.rmtree(other / "MASKS")
    tree["scenes"] |= {"exclude": [other.name for other in others]}
    context, _ = run_quietly(tree, "scenes")
    found = {row.scene_id: (row.left_out, row.problem) for row in context.table("scenes").collect()}
    assert found.pop(first.name) == (None, None)
    assert found == {o.name: ("excluded by name", f"{o.name}: is named in scenes.exclude") for o in others}


def test_where_everything_is_damaged_the_reasons_are_told(spark: SparkSession, tree: dict[str, Any], tmp_path: Path) -> None:
    products = sorted((tmp_path / "scenes").iterdir())
    for product in products:
        shutil.rmtree(product / "MASKS")
    tree["scenes"] |= {"max_left_out": 0.5}
    with pytest.raises(SitsparkError, match=r"3 of 3 products can't be used, .*mask EDG is missing"):
        run_quietly(tree, "scenes")


def test_products_that_do_not_reach_the_region_have_no_vote_on_the_crs(
    spark: SparkSession, simulation: Simulation, tree: dict[str, Any], tmp_path: Path
) -> None:
    """Two of three lie in another zone, and far away: the one that is wanted is used, and check says so too."""
    near, *far = sorted((tmp_path / "scenes").iterdir())
    for path in (path for product in far for path in product.rglob("*.tif")):
        with rasterio.open(path, "r+") as raster:
            raster.crs = "EPSG:32633"
    with rasterio.open(next(near.glob("*_FRE_B4.tif"))) as raster:
        bounds = rasterio.warp.transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    tree["grid"] = tree["grid"] | {"region": list(bounds)}
    context, _ = run_quietly(tree, "scenes")
    assert {row.scene_id: row.left_out for row in context.table("scenes").collect()} == {
        near.name: None,
        **{product.name: "outside the region" for product in far},
    }
    assert not [finding.sentence for finding in check(context) if finding.wrong]


def test_a_table_of_another_version_is_not_built_upon(spark: SparkSession, tree: dict[str, Any]) -> None:
    context, _ = run_quietly(tree, "scenes")
    table = context.table("scenes")
    assert of_this_version(table)
    assert not of_this_version(table.drop("fingerprint"))
    assert not of_this_version(table.withColumn("assets", F.expr("transform(assets, a -> struct(a.name, a.path))")))
