"""Products as one archive file: the same numbers as unpacked, nothing unpacked, and archives that are broken."""

from pathlib import Path

import numpy as np
import pytest

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.archive import Listed
from sitspark.scenes.container import Container, holding_file
from sitspark.scenes.cube import read_cube
from sitspark.scenes.folders import search
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import Layout, Source

from .products import grid_of, noise, packed, scene_of, write_landsat_c2, write_sen2cor, write_theia


def theia_product(folder: Path) -> Path:
    cloud = np.zeros((40, 40), np.uint8)
    cloud[3, 4] = 1
    return write_theia(folder, {"B4": noise(40, 40), "B11": noise(20, 20)}, {"CLM": cloud})


def sen2cor_product(folder: Path) -> Path:
    return write_sen2cor(folder, {"B04": noise(40, 40).astype(np.uint16), "B11": noise(20, 20).astype(np.uint16)}, LAND)


def landsat_product(folder: Path) -> Path:
    return write_landsat_c2(folder, {"B4": noise(40, 40).astype(np.uint16)}, np.full((40, 40), 21824, np.uint16))


LAND = np.full((20, 20), 4, np.uint8)
CASES = [
    pytest.param(theia_product, theia.L2A, ("B4", "B11"), "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_D.zip", None, id="Theia"),
    pytest.param(sen2cor_product, sen2cor.LAYOUT, ("B04", "B11"), "{stem}.zip", None, id="Sen2Cor"),
    pytest.param(landsat_product, landsat.C2_L2, ("B4",), "{stem}.tar", "", id="Landsat"),
]


@pytest.mark.parametrize(("write", "layout", "bands", "name", "inside"), CASES)
def test_an_archive_gives_the_numbers_of_the_folder(
    tmp_path: Path, write, layout: Layout, bands: tuple[str, ...], name: str, inside: str | None
) -> None:
    product = write(tmp_path / "unpacked")
    archive = packed(product, tmp_path / "packed" / "31TCJ" / name.format(stem=product.stem), inside=inside)
    (found,) = search(Location.of(tmp_path / "packed"), layout)
    assert isinstance(found, Listed) and found.address == str(archive)
    grid = grid_of(40, 40, resolution=30 if layout is landsat.C2_L2 else 10)
    whole, inner = (
        read_cube([scene_of(path, bands, layout)], grid, layout=layout, bands=bands, interpolator="cubic")
        for path in (product, archive)
    )
    assert (whole.reflectance == inner.reflectance).all() and (whole.valid == inner.valid).all()
    assert whole.valid.any()


def test_reflectances_of_collection_2(tmp_path: Path) -> None:
    """2.75e-5 x 20000 - 0.2 = 0.35."""
    stored = np.array([[20000, 7273], [43636, 0]], np.uint16)
    product = write_landsat_c2(tmp_path, {"B4": stored}, np.full((2, 2), 21824, np.uint16))
    scene = scene_of(product, ("B4",), landsat.C2_L2)
    cube = read_cube([scene], grid_of(2, 2, resolution=30), layout=landsat.C2_L2, bands=("B4",), interpolator="cubic")
    assert cube.reflectance[0, 0].tolist() == [[3500, 0], [10000, -10000]]
    assert cube.valid[0].tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("name", ["SENTINEL2A_20180103-105429-123_L2A_T31TCJ_D.zip", "a/b.tar"])
def test_a_container_lists_and_reads_its_files(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "product"
    (folder / "a").mkdir(parents=True)
    (folder / "top.xml").write_text("<a/>")
    (folder / "a" / "b_1.txt").write_text("é")
    for container in (
        Container(Location.of(folder)),
        Container(Location.of(packed(folder, tmp_path / name, inside="own folder"))),
    ):
        assert container.matching("a/*.txt") == ["a/b_1.txt"]
        assert container.matching("*.txt") == []  # a star stays within a folder
        assert container.has("top.xml") and not container.has("absent.xml")
        assert container.read_text("a/b_1.txt") == "é"
        assert container.size("top.xml") > 0
    assert container.name == "own folder"


@pytest.mark.parametrize("lost", [1, 200])
def test_an_archive_that_is_cut_short_is_a_problem_of_its_product(tmp_path: Path, lost: int) -> None:
    archive = packed(theia_product(tmp_path), tmp_path / "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_D.zip")
    archive.write_bytes(archive.read_bytes()[:-lost])
    problem = inspect_product(Source.delivered(Location.of(archive)), Selection(theia.L2A, ("B4",))).problem
    assert problem is not None
    assert f"{archive}: can't be opened, the archive is cut short or damaged" in problem


def test_a_file_that_an_archive_lacks_is_named(tmp_path: Path) -> None:
    archive = packed(theia_product(tmp_path), tmp_path / "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_D.zip")
    problem = inspect_product(Source.delivered(Location.of(archive)), Selection(theia.L2A, ("B8",))).problem
    assert problem is not None and "band B8 is missing, there is no file" in problem and str(archive) in problem


def test_text_that_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latin.xml").write_bytes(b"\xe9")
    with pytest.raises(SitsparkError, match=r"latin\.xml can't be read"):
        Container(Location.of(tmp_path)).read_text("latin.xml")


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/data/a.tif", "/data/a.tif"),
        ("/vsizip//data/p.zip/p/a.tif", "/data/p.zip"),
        ("/vsizip//data/x.zip.d/P.ZIP/a.tif", "/data/x.zip.d/P.ZIP"),
        ("/vsitar//data/p.tar/a.tif", "/data/p.tar"),
    ],
)
def test_the_file_behind_what_gdal_opens(path: str, file: str) -> None:
    assert holding_file(path) == file
