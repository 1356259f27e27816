"""Mosaics: Cloud-Optimised, the same bytes however they were cut, in bounded memory."""

import random
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.maps.mosaic import ChunkFile, mosaic
from sitspark.maps.products import CONFIDENCE, VALIDITY, Product, classification, features, probability, write_chunk
from tests.full_disk import files_of_at_most

GRID = Grid("EPSG:32631", 300000, 4900020, 10, 1100, 1300)


def nomenclature(last: int = 17) -> Nomenclature:
    codes = [*range(1, 17), last]
    return Nomenclature(tuple(LandCoverClass(c, f"class <{c}> & été", (c % 256, 200, 255 - c % 256)) for c in codes))


def fake_map(product: Product, last: int = 17) -> np.ndarray:
    """Rounded patches of 17 classes, with a corner that was never seen."""
    row, col = np.mgrid[: GRID.height, : GRID.width]
    field = np.sin(col / 90) + np.cos(row / 70) + np.sin((row + col) / 130)
    drawn = np.clip(((field + 3) / 6 * 17).astype(int) + 1, 1, 17)
    drawn[drawn == 17] = last
    drawn[(col - row) > 900] = 0
    return drawn.astype(product.dtype)


def cut(folder: Path, pixels: np.ndarray, product: Product, size: int) -> list[ChunkFile]:
    chunks = []
    for row in range(0, GRID.height, size):
        for col in range(0, GRID.width, size):
            window = Window(row, col, min(size, GRID.height - row), min(size, GRID.width - col))
            path = folder / f"{size}_{row}_{col}.tif"
            write_chunk(path, pixels[..., *window.slices], GRID.cropped(window), product)
            chunks.append((path, window))
    return chunks


def several(product: Product) -> np.ndarray:
    """A band for each of the product's, which differ."""
    pixels = fake_map(VALIDITY) + 1
    return np.stack([(pixels * (band + 1) % 97).astype(product.dtype) for band in range(product.count)])


@pytest.mark.parametrize("last", [17, 300])
def test_a_classification_is_a_cog_with_colours_and_names(tmp_path: Path, last: int) -> None:
    names = nomenclature(last)
    product = classification(names.codes)
    pixels = fake_map(product, last)
    out = tmp_path / "map" / "classification.tif"
    mosaic(cut(tmp_path, pixels, product, 400), GRID, out, product=product, nomenclature=names)
    with rasterio.open(out) as dataset:
        np.testing.assert_array_equal(dataset.read(1), pixels)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (dataset.crs.to_epsg(), dataset.transform, dataset.nodata) == (32631, GRID.transform, 0)
        assert dataset.overviews(1) == [2, 4]
        table = dataset.colormap(1)
        assert all(table[c.code] == (*c.colour, 255) for c in names)
        overview = dataset.read(1, out_shape=(550, 650))
        assert set(np.unique(overview)) <= {0, *names.codes}  # no class is made up between others
    assert sorted(p.name for p in out.parent.iterdir()) == ["classification.tif", "classification.tif.aux.xml"]


@pytest.mark.parametrize("product", [classification([17]), CONFIDENCE, VALIDITY])
def test_bytes_depend_on_pixels_alone(tmp_path: Path, product: Product) -> None:
    pixels = fake_map(product)
    mosaic(cut(tmp_path, pixels, product, 2000), GRID, tmp_path / "whole.tif", product=product)
    chunks = cut(tmp_path, pixels, product, 333)
    random.Random(3).shuffle(chunks)
    mosaic(iter(chunks), GRID, tmp_path / "cut.tif", product=product)
    assert (tmp_path / "cut.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_overviews_of_counts_are_averages_of_the_classified(tmp_path: Path) -> None:
    pixels = np.zeros((GRID.height, GRID.width), np.uint8)
    pixels[0::2, 0::2], pixels[0::2, 1::2] = 40, 80
    mosaic(cut(tmp_path, pixels, CONFIDENCE, 512), GRID, tmp_path / "c.tif", product=CONFIDENCE)
    with rasterio.open(tmp_path / "c.tif") as dataset:
        assert (dataset.read(1, out_shape=(550, 650)) == 60).all()


@pytest.mark.parametrize("product", [classification([17]), VALIDITY, probability(nomenclature(), 1000), features(["a", "b"])])
def test_ground_without_chunk_is_nodata(tmp_path: Path, product: Product) -> None:
    pixels = several(product)
    chunks = cut(tmp_path, pixels, product, 512)
    mosaic(chunks[1:], GRID, tmp_path / "v.tif", product=product)
    with rasterio.open(tmp_path / "v.tif") as dataset:
        got, mask = dataset.read(), dataset.read_masks()
        np.testing.assert_equal(dataset.nodata, product.nodata)
    assert not mask[:, :512, :512].any()
    np.testing.assert_array_equal(got[:, 512:], pixels[:, 512:])


@pytest.mark.parametrize("product", [probability(nomenclature(), 1000), features([f"f{i}" for i in range(5)])])
def test_bands_lie_one_after_another_with_their_names(tmp_path: Path, product: Product) -> None:
    pixels = several(product)
    mosaic(cut(tmp_path, pixels, product, 700), GRID, tmp_path / "p.tif", product=product)
    with rasterio.open(tmp_path / "p.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.descriptions == product.bands
        assert dataset.interleaving.name == "band"
        assert set(dataset.block_shapes) == {(512, 512)}
        assert all(dataset.overviews(band) == [2, 4] for band in dataset.indexes)


def test_more_bands_than_memory_holds_are_copied_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = features("abcde")
    pixels = several(product)
    monkeypatch.setattr("sitspark.maps.mosaic._PIECE_BYTES", 2 * 512 * 512 * 4)
    mosaic(cut(tmp_path, pixels, product, 700), GRID, tmp_path / "p.tif", product=product)
    with rasterio.open(tmp_path / "p.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)


@pytest.mark.parametrize(
    ("height", "width", "factors"),
    [(3, 512, []), (513, 20, [2]), (1024, 1024, [2]), (1025, 300, [2]), (1026, 300, [2, 4]), (40, 10_980, [2, 4, 8, 16, 32])],
)
def test_overviews_go_down_to_one_block_as_gdals_own(tmp_path: Path, height: int, width: int, factors: list[int]) -> None:
    grid = Grid(GRID.crs, GRID.left, GRID.top, 10, height, width)
    mosaic([], grid, tmp_path / "c.tif", product=CONFIDENCE)
    rasterio.shutil.copy(tmp_path / "c.tif", tmp_path / "cog.tif", driver="COG", overviews="IGNORE_EXISTING", blocksize=512)
    with rasterio.open(tmp_path / "c.tif") as ours, rasterio.open(tmp_path / "cog.tif") as theirs:
        assert ours.overviews(1) == theirs.overviews(1) == factors


def test_overviews_of_probabilities_are_means_of_what_is_classified(tmp_path: Path) -> None:
    product = probability(nomenclature(), 100)
    pixels = np.zeros((product.count, GRID.height, GRID.width), product.dtype)
    pixels[0, 0::2, 0::2], pixels[0, 0::2, 1::2] = 60, 0  # 0 counts, unlike nodata
    pixels[:, 1::2] = product.nodata
    mosaic(cut(tmp_path, pixels, product, 700), GRID, tmp_path / "p.tif", product=product)
    with rasterio.open(tmp_path / "p.tif") as dataset:
        assert (dataset.read(1, out_shape=(550, 650)) == 30).all()


def test_gdal_shows_the_names_of_classes_beside_their_colours(tmp_path: Path) -> None:
    names = nomenclature()
    product = classification(names.codes)
    mosaic(cut(tmp_path, fake_map(product), product, 700), GRID, tmp_path / "c.tif", product=product, nomenclature=names)
    rasterio.shutil.copy(tmp_path / "c.tif", tmp_path / "c.vrt", driver="VRT")  # tells in XML what GDAL has read
    band = Xml.parse(tmp_path / "c.vrt").find("VRTRasterBand")
    assert band is not None
    categories = [category.text for category in band.findall("CategoryNames/Category")]
    assert categories[:2] == ["not classified", "class <1> & été"]
    assert len(band.findall("ColorTable/Entry")) == 256


def test_replaces_an_older_map_by_one_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, chunks = tmp_path / "map" / "c.tif", cut(tmp_path, fake_map(CONFIDENCE), CONFIDENCE, 512)
    mosaic(chunks[:1], GRID, out, product=CONFIDENCE)
    before = out.read_bytes()
    with monkeypatch.context() as patched:

        def killed(self: Path, target: Path) -> Path:
            raise OSError(5, "Input/output error")

        patched.setattr(Path, "replace", killed)
        with pytest.raises(SitsparkError, match=r"c\.tif: can't be written"):
            mosaic(chunks, GRID, out, product=CONFIDENCE)
    assert out.read_bytes() == before
    mosaic(chunks, GRID, out, product=CONFIDENCE)
    assert out.read_bytes() != before
    assert [p.name for p in out.parent.iterdir()] == ["c.tif"]


def test_a_missing_chunk_is_named(tmp_path: Path) -> None:
    chunks = cut(tmp_path, fake_map(CONFIDENCE), CONFIDENCE, 512)
    chunks[2][0].unlink()
    with pytest.raises(SitsparkError, match=f"{chunks[2][0].name}: can't be read.*run again"):
        mosaic(chunks, GRID, tmp_path / "c.tif", product=CONFIDENCE)
    assert not (tmp_path / "c.tif").exists()


def test_a_chunk_of_another_map_is_refused(tmp_path: Path) -> None:
    (path, window), *_ = cut(tmp_path, fake_map(CONFIDENCE), CONFIDENCE, 512)
    for wrong in (window.shifted(512, 0), Window(0, 0, 512, 100)):
        with pytest.raises(SitsparkError, match="is not the chunk at row"):
            mosaic([(path, wrong)], GRID, tmp_path / "c.tif", product=CONFIDENCE)
    with pytest.raises(SitsparkError, match="reaches outside the grid"):
        mosaic([(path, window.shifted(900, 0))], GRID, tmp_path / "c.tif", product=CONFIDENCE)


def test_chunks_of_a_smaller_type_are_widened_and_of_a_larger_one_refused(tmp_path: Path) -> None:
    small, large = classification([17]), classification([300])
    pixels = fake_map(small)
    mosaic(cut(tmp_path, pixels, small, 700), GRID, tmp_path / "a.tif", product=large)
    chunks = cut(tmp_path, pixels.astype(np.uint16), large, 600)
    mosaic(chunks, GRID, tmp_path / "b.tif", product=large)
    assert (tmp_path / "b.tif").read_bytes() == (tmp_path / "a.tif").read_bytes()
    with pytest.raises(SitsparkError, match="is not the chunk at row"):
        mosaic(chunks, GRID, tmp_path / "c.tif", product=small)


# 100 tiles of a chunk each
HUNDRED_TILES = """
grid = Grid("EPSG:32631", 300000, 4900020, 10, 2400, 2400)
product = probability(Nomenclature(tuple(LandCoverClass(c, f"class {c}", (c, c, c)) for c in range(1, 24))), 1000)
size = 240, 240
"""
HIGH = """
grid = Grid("EPSG:32631", 300000, 4900020, 10, 65536, 4096)
product = VALIDITY
size = 4096, 4096
"""
WIDE = """
grid = Grid("EPSG:32631", 300000, 4900020, 10, 2048, 131072)
product = VALIDITY
size = 2048, 4096
"""


@pytest.mark.parametrize("case", [HIGH, WIDE, HUNDRED_TILES], ids=["high", "wide", "a hundred tiles, a band a class"])
def test_memory_does_not_grow_with_the_mosaic(tmp_path: Path, case: str) -> None:
    """265 to 512 MB of pixels in less than 250 MB above the imports; measured in a process of its own."""
    program = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from sitspark.classes import LandCoverClass, Nomenclature
        from sitspark.grid import Grid, Window
        from sitspark.maps.mosaic import mosaic
        from sitspark.maps.products import VALIDITY, probability, write_chunk
        folder = Path(sys.argv[1])
        {case}
        def write():
            pixels = np.arange(product.count * size[0] * size[1]).reshape(product.count, *size) % 40
            for row in range(0, grid.height, size[0]):
                for col in range(0, grid.width, size[1]):
                    window = Window(row, col, *size)
                    path = folder / f"{{row}}_{{col}}.tif"
                    write_chunk(path, pixels.astype(product.dtype), grid.cropped(window), product)
                    yield path, window
        chunks = list(write())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        mosaic(chunks, grid, folder / "v.tif", product=product)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
        """
    ).format(case=case)
    grown = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(grown.stdout) < 250


@pytest.mark.parametrize("lacking", [1, 100, 4000, 50_000, 150_000, 0.5, 0.99])
def test_a_full_disk_for_temporary_files_is_named_whenever_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: float
) -> None:
    """By bytes, or as a share: GDAL tells of none of the last blocks and directories that it can't write."""
    pixels = np.random.default_rng(5).integers(1, 100, (GRID.height, GRID.width), np.uint8)  # which no format packs
    chunks = cut(tmp_path, pixels, CONFIDENCE, 512)
    mosaic(chunks, GRID, tmp_path / "c.tif", product=CONFIDENCE)
    whole = (tmp_path / "c.tif").read_bytes()
    (tmp_path / "c.tif").unlink()
    small = tmp_path / "small"
    small.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(small))
    room = len(whole) - lacking if lacking >= 1 else len(whole) * (1 - lacking)
    with files_of_at_most(int(room)), pytest.raises(SitsparkError, match=rf"can't be assembled in {small} .*set TMPDIR"):
        mosaic(chunks, GRID, tmp_path / "c.tif", product=CONFIDENCE)
    assert not list(tmp_path.glob("*c.tif*")) and not list(small.iterdir())
    mosaic(chunks, GRID, tmp_path / "c.tif", product=CONFIDENCE)
    assert (tmp_path / "c.tif").read_bytes() == whole
