"""Whole simulations: the same bytes whatever the way, reuse, completion, and what a consumer of products expects."""

import csv
import dataclasses
import hashlib
import shutil
import xml.etree.ElementTree as ElementTree
import zipfile
from collections import Counter
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio

from sitspark.classes import Nomenclature
from sitspark.errors import SitsparkError
from sitspark.simulate import Landscape, Simulation, simulate
from sitspark.simulate.acquisitions import acquisitions
from sitspark.simulate.product import write_product

LANDSCAPE = Landscape(tiles=2, size=160, dates=5, cloud_cover=0.3, seed=3, sre=True)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory) -> Simulation:
    return simulate(tmp_path_factory.mktemp("simulation"), LANDSCAPE, workers=1)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def products(simulation: Simulation) -> list[Path]:
    return sorted(simulation.scenes_folder.glob("*/SENTINEL2*"))


def test_same_bytes_with_two_workers(simulation, tmp_path):
    told = []
    again = simulate(tmp_path, LANDSCAPE, workers=2, on_progress=lambda done, total: told.append((done, total)))
    assert digests(tmp_path) == digests(simulation.folder)
    assert told == [(n, 10) for n in range(1, 11)]
    assert (again.bytes, again.polygons, again.dirt) == (simulation.bytes, simulation.polygons, simulation.dirt)


def test_packed_products_are_the_same_products_as_downloads(simulation, tmp_path):
    landscape = dataclasses.replace(LANDSCAPE, packed=True)
    packed = simulate(tmp_path, landscape, workers=1)
    archives = products(packed)
    assert [path.name for path in archives] == [f"{path.name}.zip" for path in products(simulation)]
    for archive in archives[::4]:
        with zipfile.ZipFile(archive) as file:
            file.extractall(tmp_path / "unpacked")
        original = simulation.scenes_folder / archive.parent.name / archive.stem
        assert digests(tmp_path / "unpacked" / archive.stem) == digests(original)
    before = digests(tmp_path / "scenes")
    assert simulate(tmp_path, landscape, workers=1).reused
    archives[0].unlink()
    simulate(tmp_path, landscape, workers=1)
    assert digests(tmp_path / "scenes") == before


def test_another_seed_gives_another_landscape(simulation, tmp_path):
    other = simulate(tmp_path, Landscape(tiles=1, size=160, dates=1, seed=4), workers=1)
    with rasterio.open(other.truth) as a, rasterio.open(simulation.truth) as b:
        assert (a.read(1) != b.read(1)[:160, :160]).mean() > 0.3


def test_height_of_strips_does_not_change_the_bytes(tmp_path):
    acquisition = acquisitions(LANDSCAPE, "31TCJ")[0]
    for strip_blocks in (1, 3):
        write_product(LANDSCAPE, acquisition, tmp_path / str(strip_blocks), strip_blocks=strip_blocks)
    assert digests(tmp_path / "1") == digests(tmp_path / "3")


def test_second_call_reuses(simulation):
    before = {path: path.stat().st_mtime_ns for path in simulation.folder.rglob("*")}
    again = simulate(simulation.folder, LANDSCAPE, workers=1)
    assert again.reused and not simulation.reused
    assert (again.scenes, again.bytes, again.tiles) == (simulation.scenes, simulation.bytes, simulation.tiles)
    assert before == {path: path.stat().st_mtime_ns for path in simulation.folder.rglob("*")}


def test_interrupted_simulation_is_completed(simulation, tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        simulate(tmp_path, LANDSCAPE, workers=1, on_progress=interrupt)
    first = sorted(tmp_path.glob("scenes/*/SENTINEL2*"))
    written = {path: path.stat().st_mtime_ns for path in first}
    (first[0].parent / f".{first[0].name}.123").mkdir()
    assert not simulate(tmp_path, LANDSCAPE, workers=1).reused
    assert {path: path.stat().st_mtime_ns for path in first} == written
    assert digests(tmp_path) == digests(simulation.folder)


def test_product_that_went_missing_is_written_again(tmp_path):
    landscape = Landscape(tiles=1, size=64, dates=2)
    simulate(tmp_path, landscape, workers=1)
    before = digests(tmp_path)
    shutil.rmtree(sorted(tmp_path.glob("scenes/*/*"))[0])
    assert not simulate(tmp_path, landscape, workers=1).reused
    assert digests(tmp_path) == before


def test_another_landscape_replaces_the_first(tmp_path):
    simulate(tmp_path, Landscape(tiles=1, size=64, dates=2), workers=1)
    second = simulate(tmp_path, Landscape(tiles=1, size=64, dates=1), workers=1)
    assert not second.reused
    assert len(products(second)) == second.scenes == 1


def test_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "scenes").mkdir()
    with pytest.raises(SitsparkError, match=r"holds 'scenes' that no simulation wrote; name another folder"):
        simulate(tmp_path, LANDSCAPE, workers=1)
    assert (tmp_path / "scenes").exists()


def test_products_are_what_consumers_expect(simulation):
    assert simulation.tiles == ("31TCJ", "31TDJ")
    assert len(products(simulation)) == simulation.scenes == 10
    for product in products(simulation):
        name = product.name
        tile = product.parent.name
        assert name.split("_")[0] in ("SENTINEL2A", "SENTINEL2B")
        assert name.endswith(f"_L2A_T{tile}_C_V2-2")
        left, _, _, top = LANDSCAPE.grid_of(tile).bounds
        for kind in ("FRE", "SRE"):
            for band in ("B2", "B3", "B4", "B8", "B5", "B6", "B7", "B8A", "B11", "B12"):
                with rasterio.open(product / f"{name}_{kind}_{band}.tif") as file:
                    size = 160 if band in ("B2", "B3", "B4", "B8") else 80
                    assert (file.height, file.width, file.res[0]) == (size, size, 1600 / size)
                    assert (file.dtypes[0], file.nodata, file.crs.to_epsg()) == ("int16", -10000, 32631)
                    assert (file.transform.c, file.transform.f) == (left, top)
                    assert file.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
                    assert file.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
        for mask in ("CLM", "SAT", "EDG"):
            for group, size in (("R1", 160), ("R2", 80)):
                with rasterio.open(product / "MASKS" / f"{name}_{mask}_{group}.tif") as file:
                    assert (file.height, file.width, file.dtypes[0]) == (size, size, "uint8")


def test_edge_is_nodata_in_every_band(simulation):
    cut = 0
    for product in products(simulation):
        with rasterio.open(product / "MASKS" / f"{product.name}_EDG_R1.tif") as file:
            edge = file.read(1)
        assert set(np.unique(edge)) <= {0, 1}
        cut += edge.any()
        for band in ("B4", "B8A"):
            with rasterio.open(product / f"{product.name}_FRE_{band}.tif") as file:
                unseen = file.read(1) == -10000
                step = 160 // file.height
                assert (unseen == (edge[::step, ::step] == 1)).all()
    assert cut


def test_metadata_agree_with_the_files(simulation):
    product = products(simulation)[0]
    root = ElementTree.parse(product / f"{product.name}_MTD_ALL.xml").getroot()
    assert root.tag == "Muscate_Metadata_Document"
    assert root.findtext("Product_Characteristics/PRODUCT_ID") == product.name
    assert root.findtext("Product_Characteristics/PLATFORM") == product.name.split("_")[0]
    date = product.name.split("_")[1]
    assert root.findtext("Product_Characteristics/ACQUISITION_DATE").startswith(f"{date[:4]}-{date[4:6]}-{date[6:8]}T")
    assert root.findtext("Radiometric_Informations/REFLECTANCE_QUANTIFICATION_VALUE") == "10000"
    assert root.find(".//SPECIAL_VALUE[@name='nodata']").text == "-10000"
    assert root.findtext(".//HORIZONTAL_CS_CODE") == "32631"
    listed = [entry.text for tag in ("IMAGE_FILE", "MASK_FILE") for entry in root.iter(tag)]
    assert len(listed) == 26
    assert all((product / entry).is_file() for entry in listed)


def test_polygon_files_hold_the_listed_dirt(simulation):
    with simulation.dirt_list.open(encoding="utf-8") as file:
        kind = {int(row["id"]): row["kind"] for row in csv.DictReader(file)}
    assert Counter(kind.values()) == simulation.dirt
    assert set(simulation.dirt) == {
        *("self_intersection", "multipart", "unknown_label", "duplicate", "conflicting_duplicate"),
        *("overlap", "empty", "null", "across_tiles"),
    }
    codes = Nomenclature.read(simulation.nomenclature, simulation.colours).codes
    for path in (simulation.shapefile, simulation.geopackage, simulation.geoparquet):
        frame = geopandas.read_parquet(path) if path.suffix == ".parquet" else geopandas.read_file(path)
        assert len(frame) == simulation.polygons
        assert list(frame.columns) == ["id", "code", "name", "geometry"]
        assert frame.crs.to_epsg() == 32631
        frame = frame.set_index("id")
        outlines = frame.geometry

        def having(dirt: str) -> set[int]:
            return {number for number, found in kind.items() if found == dirt}

        missing = set(frame.index[outlines.isna()])
        empty = set(frame.index[~outlines.isna() & outlines.is_empty])
        # a shapefile has no empty polygon beside the null one
        assert missing | empty == having("null") | having("empty")
        assert path.suffix == ".shp" or empty == having("empty")
        present = ~(outlines.isna() | outlines.is_empty)
        assert set(frame.index[present & ~outlines.is_valid]) == having("self_intersection")
        assert set(frame.index[outlines.geom_type == "MultiPolygon"]) == having("multipart")
        assert set(frame.index[~frame["code"].isin(codes)]) == having("unknown_label")
        shapes = frame[present].assign(wkb=outlines[present].normalize().to_wkb())
        repeated = shapes[shapes.duplicated("wkb", keep=False)]
        assert len(repeated) == 2 * (len(having("duplicate")) + len(having("conflicting_duplicate")))
        conflicts = repeated.groupby("wkb")["code"].nunique() > 1
        assert conflicts.sum() == len(having("conflicting_duplicate"))


def test_clean_polygons_tell_the_truth(simulation):
    with simulation.dirt_list.open(encoding="utf-8") as file:
        dirty = {int(row["id"]) for row in csv.DictReader(file) if row["kind"] != "across_tiles"}
    frame = geopandas.read_file(simulation.geopackage)
    clean = frame[~frame["id"].isin(dirty)]
    with rasterio.open(simulation.truth) as file:
        truth = file.read(1)
        burnt = rasterio.features.rasterize(
            zip(clean.geometry, clean["code"], strict=True), truth.shape, transform=file.transform, dtype="uint8"
        )
        assert file.colormap(1)[51] == (0, 0, 255, 255)
    assert (burnt > 0).sum() > 1000
    assert (burnt == truth)[burnt > 0].mean() > 0.99
    nomenclature = Nomenclature.read(simulation.nomenclature, simulation.colours)
    assert set(np.unique(truth)) <= {0, *nomenclature.codes}
    assert all(nomenclature.name_of(code) == name for code, name in zip(clean["code"], clean["name"], strict=True))


def test_copy_of_an_unfinished_folder_is_not_taken_for_finished(simulation, tmp_path):
    shutil.copytree(simulation.folder, tmp_path / "copy")
    (tmp_path / "copy" / "simulation.json").write_text('{"landscape": ')
    assert not simulate(tmp_path / "copy", LANDSCAPE, workers=1).reused


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SitsparkError, match=r"file/out: can't be written \(Not a directory\); choose another folder"):
        simulate(tmp_path / "file" / "out", LANDSCAPE, workers=1)
