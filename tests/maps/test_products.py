"""Chunk files: what is written comes back, whole or not at all, and always in the same bytes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.hashing import sha256_of
from sitspark.maps.products import (
    CONFIDENCE,
    VALIDITY,
    Product,
    classification,
    features,
    probability,
    products_of,
    read_chunk,
    write_chunk,
)
from sitspark.settings import MapSettings
from tests.full_disk import files_of_at_most

GRID = Grid("EPSG:32631", 300000, 4900020, 10, 70, 90)
NOMENCLATURE = Nomenclature((LandCoverClass(1, "forest", (0, 9, 0)), LandCoverClass(7, "water", (0, 0, 9))))


def pixels(product: Product) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 90, (GRID.height, GRID.width)).astype(product.dtype)


@pytest.mark.parametrize(("codes", "dtype"), [([1, 23], "uint8"), ([11, 255], "uint8"), ([1, 256], "uint16"), ([], "uint8")])
def test_class_codes_take_the_smallest_type_that_holds_them(codes: list[int], dtype: str) -> None:
    assert classification(codes).dtype == dtype
    assert classification(np.array(codes, np.int64)).nodata == 0


@pytest.mark.parametrize("product", [classification([1, 300]), CONFIDENCE, VALIDITY])
def test_a_chunk_comes_back_with_its_place_on_the_ground(tmp_path: Path, product: Product) -> None:
    path = tmp_path / "maps" / "chunk.tif"
    written = write_chunk(path, pixels(product), GRID, product)
    np.testing.assert_array_equal(read_chunk(path), pixels(product))
    assert (written.name, written.bytes) == ("chunk.tif", path.stat().st_size)
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == sha256_of(path)
    with rasterio.open(path) as dataset:
        assert dataset.crs.to_epsg() == 32631
        assert dataset.transform == GRID.transform
        assert dataset.nodata == product.nodata
        assert dataset.profile["tiled"] and dataset.profile["compress"] == "deflate"


@pytest.mark.parametrize(
    "product", [probability(NOMENCLATURE, 1000), probability(NOMENCLATURE, 100), features(["a", "b", "c"])]
)
def test_a_chunk_of_several_bands_comes_back(tmp_path: Path, product: Product) -> None:
    bands = np.stack([pixels(product) + band for band in range(product.count)]).astype(product.dtype)
    written = write_chunk(tmp_path / "chunk.tif", bands, GRID, product)
    assert written.dtype == product.dtype
    with rasterio.open(tmp_path / "chunk.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), bands)
        np.testing.assert_equal(dataset.nodata, product.nodata)


@pytest.mark.parametrize(
    ("settings", "names", "dtype"),
    [
        ({}, [], None),
        ({"products": ("probability",)}, ["probability"], "uint16"),
        ({"products": ("features", "probability"), "probability_scale": 100}, ["features", "probability"], "uint8"),
    ],
)
def test_a_map_has_the_products_that_are_asked_for(settings: dict, names: list[str], dtype: str | None) -> None:
    drawn = products_of(MapSettings(**settings), NOMENCLATURE, ["b4_20180101", "ndvi_20180101", "elevation"])
    assert [product.name for product in drawn] == ["classification", "confidence", "validity", *names]
    by_name = {product.name: product for product in drawn}
    if "probability" in by_name:
        assert by_name["probability"].bands == ("forest", "water")
        assert (by_name["probability"].dtype, by_name["probability"].nodata) == (dtype, np.iinfo(dtype).max)
    if "features" in by_name:
        assert by_name["features"].pixel_bytes == 12


def test_the_same_pixels_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_chunk(tmp_path / "a.tif", pixels(VALIDITY), GRID, VALIDITY)
    second = write_chunk(tmp_path / "b.tif", pixels(VALIDITY), GRID, VALIDITY)
    assert first.sha256 == second.sha256


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "chunk.tif"
    write_chunk(path, pixels(CONFIDENCE), GRID, CONFIDENCE)
    before = path.read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SitsparkError, match=r"chunk\.tif: can't be written \(No space left on device\)"):
        write_chunk(path, pixels(CONFIDENCE) + np.uint8(1), GRID, CONFIDENCE)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["chunk.tif"]


def test_refuses_arrays_of_another_shape_or_type(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="uint8"):
        write_chunk(tmp_path / "c.tif", pixels(VALIDITY), GRID, CONFIDENCE)
    with pytest.raises(ValueError, match="70"):
        write_chunk(tmp_path / "c.tif", pixels(CONFIDENCE)[1:], GRID, CONFIDENCE)


@pytest.mark.parametrize("content", [None, b"", b"II*\x00 cut off"])
def test_a_missing_or_broken_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "chunk.tif"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SitsparkError, match=r"chunk\.tif: can't be read"):
        read_chunk(path)


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "31TCJ_r0_c0_confidence.tif"
    whole = write_chunk(path, pixels(CONFIDENCE), GRID, CONFIDENCE)
    path.unlink()
    with (
        files_of_at_most(whole.bytes - 1),
        pytest.raises(SitsparkError, match=rf"{path}: can't be written \(File too large\); "),
    ):
        write_chunk(path, pixels(CONFIDENCE), GRID, CONFIDENCE)
    assert not list(tmp_path.iterdir())
    assert write_chunk(path, pixels(CONFIDENCE), GRID, CONFIDENCE) == whole
