"""Regularising a map's raster: in any blocks as in one go, with colours, and the classification stays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid
from sitspark.hashing import sha256_of
from sitspark.kernels.sieve import sieve
from sitspark.maps.mosaic import Piece, write_intermediate, write_map
from sitspark.maps.products import classification, probability
from sitspark.maps.regularise import Filter, Majority, Regularisation, Sieve, Smoothing, regularise
from tests.full_disk import files_of_at_most

GRID = Grid("EPSG:32631", 300000, 4900020, 10, 300, 420)
NAMES = Nomenclature(tuple(LandCoverClass(code, f"class {code}", (code % 256, 200, 50)) for code in (1, 4, 9, 300)))
MAJORITY = Majority(np.array([0, 0, 0, 0, 1]), np.array([0, 2, 1, 1, 3]), 2)
SIEVE = Sieve(np.array([0, 12, 12, 30, 12]))
SMOOTHING = Smoothing(3, np.array([10.0, 10.0, 5.0, 10.0]), 1000)


@dataclass(frozen=True)
class Drawn:
    folder: Path
    codes: np.ndarray


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """A noisy map with a corner that isn't classified, and the probabilities that it comes from."""
    folder = tmp_path_factory.mktemp("map")
    rng = np.random.default_rng(3)
    row, col = np.mgrid[: GRID.height, : GRID.width]
    field = ((np.sin(col / 25) + np.cos(row / 20) + 2.2) / 4.4 * 4).astype(int)
    p = rng.dirichlet(np.ones(4), field.shape) + np.eye(4)[field] * 0.5
    written = np.moveaxis(np.rint(p / p.sum(-1, keepdims=True) * 1000), -1, 0).astype(np.uint16)
    codes = np.array(NAMES.codes, np.uint16)[written.argmax(0)]
    unseen = col - row > 330
    codes[unseen], written[:, unseen] = 0, 65535
    for product, pixels in ((classification(NAMES.codes), codes[np.newaxis]), (probability(NAMES, 1000), written)):
        write_map([Piece(GRID.window, pixels)], GRID, folder / f"{product.name}.tif", product=product)
    return Drawn(folder, codes)


@pytest.mark.parametrize(
    ("smoothing", "filters"),
    [
        (None, (MAJORITY,)),
        (None, (SIEVE,)),
        (None, (MAJORITY, SIEVE)),
        (SMOOTHING, ()),
        (SMOOTHING, (MAJORITY, SIEVE)),
    ],
)
def test_blocks_of_any_side_give_the_same_file(drawn: Drawn, smoothing: Smoothing | None, filters: tuple[Filter, ...]) -> None:
    how, out, found = Regularisation(smoothing, filters), drawn.folder / "regularised.tif", set()
    before = sha256_of(drawn.folder / "classification.tif")
    for side in (2048, 64, 22):
        changed = regularise(drawn.folder, GRID, how, nomenclature=NAMES, side=side)
        with rasterio.open(out) as dataset:
            pixels = dataset.read(1)
            assert dataset.colormap(1)[300] == (44, 200, 50, 255)
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        np.testing.assert_array_equal(pixels == 0, drawn.codes == 0)
        assert changed == (pixels != drawn.codes).sum() > 1000
        found.add(sha256_of(out))
    assert len(found) == 1
    assert sha256_of(drawn.folder / "classification.tif") == before
    assert (drawn.folder / "regularised.tif.aux.xml").exists()


@pytest.mark.parametrize("lacking", [1, 300, 10_000])
def test_a_disk_that_is_full_for_what_lies_between_two_filters_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: int
) -> None:
    """Between them lies noise, which takes more room than what comes of it."""
    names = Nomenclature(NAMES.classes[:3])  # 8 bits: a table of colours of 16 bits takes more than the map
    product, scratch = classification(names.codes), tmp_path / "scratch"
    noise = np.random.default_rng(0).choice([1, 4, 9], (1, GRID.height, GRID.width)).astype(np.uint8)
    write_map([Piece(GRID.window, noise)], GRID, tmp_path / "classification.tif", product=product)
    write_intermediate([Piece(GRID.window, noise)], GRID, tmp_path / "noise.tif", product)
    wide = Majority(np.zeros(4, np.int64), np.array([0, 12, 12, 12]), 1)
    how = Regularisation(None, (Sieve(np.ones(4, np.int64)), wide))
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    room = (tmp_path / "noise.tif").stat().st_size - lacking
    with files_of_at_most(room), pytest.raises(SitsparkError, match=rf"can't be assembled in {scratch} .*set TMPDIR"):
        regularise(tmp_path, GRID, how, nomenclature=names)
    assert not list(tmp_path.glob("regularised*")) and not list(scratch.iterdir())
    regularise(tmp_path, GRID, how, nomenclature=names)
    assert (tmp_path / "regularised.tif").stat().st_size < room


def test_a_sieve_reads_as_far_as_its_blocks_hang_on(tmp_path: Path) -> None:
    # noise all over: what becomes of a pixel is known from far away only
    noise = np.random.default_rng(0).choice([1, 4, 9], (GRID.height, GRID.width)).astype(np.uint16)
    noise[:, :3] = 300
    product = classification(NAMES.codes)
    write_map([Piece(GRID.window, noise[np.newaxis])], GRID, tmp_path / "classification.tif", product=product)
    regularise(tmp_path, GRID, Regularisation(None, (Sieve(np.array([0, 60, 60, 60, 1])),)), nomenclature=NAMES, side=64)
    positions = np.searchsorted([0, *NAMES.codes], noise).astype(np.uint16)
    whole, _ = sieve(positions, np.array([0, 60, 60, 60, 1]), np.zeros(4, np.bool_))
    with rasterio.open(tmp_path / "regularised.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), np.array([0, *NAMES.codes])[whole])


def test_a_broken_raster_is_named(tmp_path: Path) -> None:
    (tmp_path / "classification.tif").write_bytes(b"II*\0broken")
    with pytest.raises(SitsparkError, match=r"classification\.tif: can't be read .* delete it and run again"):
        regularise(tmp_path, GRID, Regularisation(None, (SIEVE,)), nomenclature=NAMES)
