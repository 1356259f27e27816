"""Two maps pixel by pixel: counted as one by one, drawn as counted, on the ground that both have."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from sitspark.maps.class_raster import ClassRaster
from sitspark.maps.difference import DIFFERENT, FIRST_ONLY, SAME, SECOND_ONLY, changes
from tests.maps.rasters import PLACE, written

HEIGHT, WIDTH = 70, 90


@pytest.fixture
def maps(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The classes of two maps, 0 where one has none."""
    random = np.random.default_rng(0)
    first = random.choice([0, 3, 7, 300], (HEIGHT, WIDTH))
    second = np.where(random.random(first.shape) < 0.7, first, random.choice([0, 3, 7, 9], first.shape))
    return first, second


@pytest.mark.parametrize("side", [16, 64, 2048])
def test_pairs_and_drawing_are_those_of_single_pixels(tmp_path: Path, maps: tuple[np.ndarray, np.ndarray], side: int) -> None:
    first, second = maps
    one = ClassRaster.of(written(tmp_path / "a.tif", first.astype("uint16"), nodata=0))
    other = ClassRaster.of(written(tmp_path / "b.tif", np.where(second == 0, 255, second).astype("int32"), nodata=255))
    found = changes(one, other, out=tmp_path / "difference.tif", side=side)
    both = (first > 0) & (second > 0)
    assert found.pairs == Counter(zip(first[both].tolist(), second[both].tolist(), strict=True))
    assert (found.pixels, found.different) == (both.sum(), (first != second)[both].sum())
    assert (found.first_only, found.second_only) == (((second == 0) & (first > 0)).sum(), ((first == 0) & (second > 0)).sum())
    assert found.codes == (3, 7, 9, 300)
    expected = np.select(
        [both & (first == second), both, first > 0, second > 0], [SAME, DIFFERENT, FIRST_ONLY, SECOND_ONLY], default=0
    )
    with rasterio.open(tmp_path / "difference.tif") as drawn:
        assert (drawn.read(1) == expected).all() and drawn.nodata == 0
        assert drawn.colormap(1)[DIFFERENT] == (214, 40, 57, 255)
    assert "other class" in (tmp_path / "difference.tif.aux.xml").read_text()


def test_maps_that_overlap_are_compared_where_they_do(tmp_path: Path, maps: tuple[np.ndarray, np.ndarray]) -> None:
    codes = maps[0].astype("uint16")
    one = ClassRaster.of(written(tmp_path / "a.tif", codes, nodata=0))
    part = written(tmp_path / "b.tif", codes[20:, 30:], nodata=0, transform=PLACE @ Affine.translation(30, 20))
    found = changes(one, ClassRaster.of(part), out=tmp_path / "difference.tif")
    assert found.share == 0 and found.pixels == (codes[20:, 30:] > 0).sum()
    with rasterio.open(tmp_path / "difference.tif") as drawn, rasterio.open(part) as second:
        assert (drawn.transform, drawn.shape) == (second.transform, second.shape)
