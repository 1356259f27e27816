"""What the headers of a product say, and every reason why it can't be used."""

from pathlib import Path

import numpy as np
import pytest

from sitspark.location import Location
from sitspark.scenes.inspect import Inspection, inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import Source
from sitspark.scenes.theia import L2A as LAYOUT

from .products import LEFT, TOP, UTM31, noise, write_raster, write_theia

BANDS = ("B4", "B11")


@pytest.fixture
def product(tmp_path: Path) -> Path:
    return write_theia(tmp_path, {"B4": noise(40, 40), "B11": noise(20, 20)})


def inspect(product: Path, bands: tuple[str, ...] = BANDS, reflectance: str = "FRE") -> Inspection:
    return inspect_product(Source.delivered(Location.of(product)), Selection(LAYOUT, bands, reflectance))


def band(product: Path, name: str = "B4") -> Path:
    return product / f"{product.name}_FRE_{name}.tif"


def test_a_usable_product(product: Path) -> None:
    found = inspect(product)
    assert (found.crs, found.problem) == (UTM31, None)
    assert {asset.name: (asset.height, asset.width, asset.transform[0], asset.dtype) for asset in found.assets} == {
        "EDG": (40, 40, 10, "uint8"),
        "CLM": (40, 40, 10, "uint8"),
        "SAT": (40, 40, 10, "uint8"),
        "B4": (40, 40, 10, "int16"),
        "B11": (20, 20, 20, "int16"),
    }
    assert {asset.bounds for asset in found.assets} == {(LEFT, TOP - 400, LEFT + 400, TOP)}
    assert all(Path(asset.path).is_file() for asset in found.assets)


def test_only_the_bands_asked_for_are_needed(product: Path) -> None:
    band(product).unlink()
    assert inspect(product, ("B11",)).problem is None


@pytest.mark.parametrize("name", ["B4", "B11"])
def test_a_missing_band(product: Path, name: str) -> None:
    band(product, name).unlink()
    problem = inspect(product).problem
    assert problem == f"{product.name}: band {name} is missing, there is no file {band(product, name)}"


def test_bands_of_the_other_reflectance_are_missing(product: Path) -> None:
    problem = inspect(product, reflectance="SRE").problem
    assert problem is not None and "band B4 is missing" in problem and "_SRE_B4.tif" in problem


@pytest.mark.parametrize("name", ["CLM", "SAT", "EDG"])
def test_a_missing_mask(product: Path, name: str) -> None:
    path = product / "MASKS" / f"{product.name}_{name}_R1.tif"
    path.unlink()
    assert inspect(product).problem == f"{product.name}: mask {name} is missing, there is no file {path}"


@pytest.mark.parametrize("lost", [1, 100])
def test_a_file_cut_short_in_its_last_block(product: Path, lost: int) -> None:
    """The header still opens: only the place of the last block tells."""
    path = band(product)
    path.write_bytes(path.read_bytes()[:-lost])
    assert inspect(product).problem == f"{product.name}: band B4 is cut short, {path} ends before its last block"


def test_an_empty_file_is_called_so(product: Path) -> None:
    band(product).write_bytes(b"")
    told = f"{product.name}: band B4 can't be opened, {band(product)} is empty: it was never written, or not fetched"
    assert inspect(product).problem == told


@pytest.mark.parametrize("content", [b"<html>404 Not Found</html>", b"II*\x00\x08\x00\x00\x00"])
def test_a_file_that_is_no_tiff(product: Path, content: bytes) -> None:
    band(product).write_bytes(content)
    problem = inspect(product).problem
    assert problem is not None
    assert problem.startswith(f"{product.name}: band B4 can't be opened, {band(product)} is damaged: ")


def test_no_crs(product: Path) -> None:
    write_raster(band(product), noise(40, 40), crs=None)
    assert inspect(product).problem == f"{product.name}: band B4 has no CRS in {band(product)}"


def test_two_crs(product: Path) -> None:
    write_raster(band(product, "B11"), noise(20, 20), resolution=20, crs="EPSG:32630")
    assert inspect(product).problem == f"{product.name}: band B11 is in EPSG:32630, other files of it in EPSG:32631"


def test_a_crs_without_code_is_kept_as_text(product: Path) -> None:
    local = "+proj=tmerc +lat_0=44.1 +lon_0=1.23 +k=1 +x_0=0 +y_0=0 +ellps=GRS80 +units=m"
    for path in product.rglob("*.tif"):
        write_raster(path, np.zeros((40, 40), np.int16), crs=local)
    found = inspect(product)
    assert found.problem is None and found.crs is not None
    assert found.crs.startswith("PROJCS[") and "1.23" in found.crs


def test_an_empty_file_without_written_blocks_is_complete(product: Path) -> None:
    """GDAL leaves out blocks that were never written; they hold zeros."""
    import rasterio

    with rasterio.open(band(product)) as file:
        profile = file.profile
    with rasterio.open(band(product), "w", **{**profile, "sparse_ok": True}):
        pass
    assert inspect(product).problem is None
