"""Broken inputs end in one sentence that says what is wrong, where, and what to do; nothing half-done is kept."""

import shutil
from collections.abc import Callable
from pathlib import Path

import geopandas
import pandas as pd
import pytest
import rasterio
from pyspark.sql import SparkSession

from sitspark.errors import SitsparkError
from sitspark.simulate import Simulation
from sitspark.workflow.failures import sentence_of
from sitspark.workflow.run_folder import RunFolder
from tests.conftest import run_quietly, settings_tree

PRODUCT = "31TCK"


class Archive:
    """A copy of the simulation that a case may break, and the settings of a run on it."""

    def __init__(self, simulated: Path, folder: Path) -> None:
        self.folder = folder / "simulated"
        shutil.copytree(simulated, self.folder)
        self.tree = settings_tree(self.folder, folder / "out")
        # one tile of few dates: every case runs Spark
        self.tree["scenes"] |= {"tiles": [PRODUCT], "on_problem": "fail"}
        self.products = sorted((self.folder / "scenes" / PRODUCT).iterdir())
        self.product = self.products[3]

    def band(self, name: str) -> Path:
        return self.product / f"{self.product.name}_FRE_{name}.tif"

    def mask(self, name: str) -> Path:
        return self.product / "MASKS" / f"{self.product.name}_{name}_R1.tif"

    @property
    def polygons(self) -> Path:
        return self.folder / "ground_truth" / "polygons.gpkg"

    def rewrite_polygons(self, change: Callable[[geopandas.GeoDataFrame], geopandas.GeoDataFrame], name: str) -> None:
        path = self.folder / "ground_truth" / name
        changed = change(geopandas.read_file(self.polygons))
        changed.to_parquet(path) if path.suffix == ".parquet" else changed.to_file(path)
        self.tree["ground_truth"]["file"] = str(path)


def cut_short(archive: Archive) -> None:
    content = archive.band("B5").read_bytes()
    archive.band("B5").write_bytes(content[: len(content) * 2 // 3])


def damage_inside(archive: Archive) -> None:
    """Bytes of a block overwritten: headers and length are right, only decoding finds it."""
    with rasterio.open(archive.band("B4")) as band:
        offset = int(band.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    content = bytearray(archive.band("B4").read_bytes())
    content[offset : offset + 400] = b"\x00" * 400
    archive.band("B4").write_bytes(bytes(content))


def remove_mask(archive: Archive) -> None:
    archive.mask("CLM").unlink()


def move_to_another_crs(archive: Archive) -> None:
    for path in archive.product.rglob("*.tif"):
        with rasterio.open(path, "r+") as raster:
            raster.crs = "EPSG:32630"


def drop_crs_of_polygons(archive: Archive) -> None:
    archive.rewrite_polygons(lambda polygons: polygons.set_crs(None, allow_override=True), "bare.parquet")


def label_with_text(archive: Archive) -> None:
    def change(polygons: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        polygons["code"] = polygons["code"].astype(str)
        polygons.loc[polygons["id"] == 7, "code"] = "wheat?"
        return polygons

    archive.rewrite_polygons(change, "text.gpkg")


def move_polygons_away(archive: Archive) -> None:
    archive.rewrite_polygons(lambda polygons: polygons.set_geometry(polygons.geometry.translate(500_000, 0)), "elsewhere.gpkg")


def one_polygon_a_class(archive: Archive) -> None:
    def change(polygons: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        sound = polygons[polygons.geometry.is_valid & (polygons.geometry.area > 0)]
        return sound[sound["code"] != 99].drop_duplicates("code")

    archive.rewrite_polygons(change, "few.gpkg")


CASES = [
    pytest.param(cut_short, ["B5", "_FRE_B5.tif", "ends before its last block", "scenes.exclude"], id="a truncated band"),
    pytest.param(damage_inside, ["tile 31TCK", "B4", "_FRE_B4.tif", "scenes.exclude"], id="a damaged block"),
    pytest.param(remove_mask, ["mask CLM is missing", "_CLM_R1.tif", "scenes.exclude"], id="a missing mask"),
    pytest.param(move_to_another_crs, ["EPSG:32630", "EPSG:32631", "grid.crs"], id="a product of another CRS"),
    pytest.param(drop_crs_of_polygons, ["bare.parquet", "has no CRS"], id="polygons without a CRS"),
    pytest.param(label_with_text, ["text.gpkg", "feature 7", "'wheat?'", "label_field"], id="a label that is no integer"),
    pytest.param(move_polygons_away, ["elsewhere.gpkg", "none of the tiles 31TCK", "CRS"], id="polygons outside the imagery"),
    pytest.param(one_polygon_a_class, ["ground_truth.ratio", "none can be set aside"], id="nothing left to validate with"),
]


@pytest.mark.parametrize(("break_it", "words"), CASES)
def test_a_broken_input_ends_in_one_sentence(
    spark: SparkSession, simulation: Simulation, tmp_path: Path, break_it: Callable[[Archive], None], words: list[str]
) -> None:
    archive = Archive(simulation.folder, tmp_path)
    break_it(archive)
    with pytest.raises(Exception) as caught:
        run_quietly(archive.tree, "observations")
    sentence = sentence_of(caught.value)
    assert sentence is not None and "\n" not in sentence
    for word in words:
        assert word in sentence
    # nothing of the failed stage is left that the next run would take for done
    with pytest.raises(Exception) as again:
        run_quietly(archive.tree, "observations")
    assert sentence_of(again.value) == sentence
    output = Path(archive.tree["output"])
    assert "observations" not in RunFolder(output).records() and not (output / "tables" / "observations").exists()


def test_a_broken_product_may_be_left_out_but_not_too_many(spark: SparkSession, simulation: Simulation, tmp_path: Path) -> None:
    archive = Archive(simulation.folder, tmp_path)
    archive.tree["scenes"] |= {"on_problem": "skip", "max_left_out": 0.1}
    context, _ = run_quietly(archive.tree, "scenes")
    assert context.facts("scenes")["products"] == 10
    remove_mask(archive)  # when it is catalogued already
    context, printed = run_quietly(archive.tree, "scenes")
    assert "left out: 1 damaged (sitspark scenes lists them)" in printed
    (sentence,) = context.facts("scenes")["faulty"]
    assert sentence.startswith(f"{archive.product.name}: mask CLM is missing")
    assert context.facts("scenes")["products"] == len(archive.products) - 1 == 9
    archive.product = archive.products[5]
    remove_mask(archive)
    with pytest.raises(SitsparkError, match=r"2 of 10 products can't be used, more than scenes\.max_left_out \(10%\) allows: "):
        run_quietly(archive.tree, "scenes")


def test_of_an_acquisition_processed_twice_the_newest_is_read(
    spark: SparkSession, simulation: Simulation, tmp_path: Path
) -> None:
    """It is reported, and is no problem even where none may be."""
    archive = Archive(simulation.folder, tmp_path)
    older = archive.product.with_name(archive.product.name.replace("_V2-2", "_V1-9"))
    shutil.copytree(archive.product, older)
    context, printed = run_quietly(archive.tree, "scenes")
    assert "left out: 1 duplicate" in printed
    (row,) = context.table("scenes").where("left_out is not null").collect()
    assert row.problem == f"{older.name}: the same acquisition was processed later, {archive.product} is read"
    assert context.facts("scenes")["products"] == len(archive.products)


def test_a_mended_input_lets_the_same_command_go_on(spark: SparkSession, simulation: Simulation, tmp_path: Path) -> None:
    archive = Archive(simulation.folder, tmp_path)
    whole = archive.band("B4").read_bytes()
    damage_inside(archive)
    with pytest.raises(Exception):  # noqa: B017
        run_quietly(archive.tree, "observations")
    archive.band("B4").write_bytes(whole)
    _, printed = run_quietly(archive.tree, "observations")
    assert "labelled pixels read" in printed


def test_a_class_that_is_not_set_aside_or_not_there_is_named(
    spark: SparkSession, simulation: Simulation, tmp_path: Path
) -> None:
    archive = Archive(simulation.folder, tmp_path)

    def change(polygons: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
        sound = polygons[polygons.geometry.is_valid & (polygons.geometry.area > 0) & (polygons["code"] != 42)]
        crops = sound[sound["code"] == 11].head(1)
        return pd.concat([crops, sound[~sound["code"].isin([11, 99])]])

    archive.rewrite_polygons(change, "few_crops.gpkg")
    _, printed = run_quietly(archive.tree, "ground_truth")
    assert "few_crops.gpkg: class 11 (" in printed and "ground_truth.ratio 0.75 sets aside no polygon" in printed
    assert "few_crops.gpkg: class 42 (" in printed and "no polygon that can be used" in printed
