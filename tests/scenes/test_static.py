"""Layers without a date: their values on a grid, and what tells that they have changed."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.location import Location
from sitspark.scenes.static import StaticLayer, bounds_of, read_layers, state_of
from tests import servers

from .products import LEFT, TOP, noise, write_raster

GRID = Grid("EPSG:32631", LEFT, TOP, 10, 60, 80)


def layer(path: Path, *, interpolator: str = "bilinear", band: int = 1) -> StaticLayer:
    return StaticLayer("elevation", Location.of(path), band, interpolator, -1.0)


GRIDS = [(30.0, "EPSG:32631"), (10.0, "EPSG:32631"), (3.0, "EPSG:32631"), (25.0, "EPSG:2154")]


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize(("resolution", "crs"), GRIDS)
def test_any_part_of_a_window_has_the_values_of_the_whole(
    tmp_path: Path, resolution: float, crs: str, interpolator: str
) -> None:
    size = int(1400 / resolution)
    (left,), (top,) = rasterio.warp.transform(GRID.crs, crs, [LEFT - 200], [TOP + 200])
    values = noise(size, size).astype(np.float32)
    path = write_raster(tmp_path / "dem.tif", values, left=left, top=top, resolution=resolution, crs=crs)
    whole = read_layers([layer(path, interpolator=interpolator)], GRID)[0]
    for window in (Window(0, 0, 30, 41), Window(17, 23, 20, 20), Window(59, 79, 1, 1)):
        part = read_layers([layer(path, interpolator=interpolator)], GRID.cropped(window))[0]
        assert (part == whole[window.slices]).all()
    assert whole.std() > 100


def test_a_layer_of_the_grid_itself_is_copied_and_filled_where_it_ends(tmp_path: Path) -> None:
    values = noise(40, 40).astype(np.float32)
    values[5, 5] = np.nan
    found = read_layers([layer(write_raster(tmp_path / "dem.tif", values), interpolator="nearest")], GRID)[0]
    values[5, 5] = -1
    assert (found[:40, :40] == values).all() and (found[40:] == -1).all() and (found[:, 40:] == -1).all()


def test_a_file_that_was_written_again_has_its_new_pixel_size(tmp_path: Path) -> None:
    """Workers outlive a run."""
    coarse, fine = np.full((20, 20), 5, np.float32), noise(1000, 1000).astype(np.float32)
    path = write_raster(tmp_path / "dem.tif", coarse, resolution=40)
    read_layers([layer(path)], GRID)
    write_raster(path, fine, resolution=1)
    os.utime(path, ns=(1, 1))
    again = read_layers([layer(path)], GRID)
    fresh = write_raster(tmp_path / "other.tif", fine, resolution=1)
    assert (again == read_layers([layer(fresh)], GRID)).all()


def test_the_state_of_a_mosaic_is_that_of_its_parts(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "part.tif", noise(20, 20))
    copy(path, tmp_path / "dem.vrt", driver="VRT")
    before = state_of(layer(tmp_path / "dem.vrt"))
    assert before == state_of(layer(tmp_path / "dem.vrt"))
    os.utime(path, ns=(1, 1))
    assert state_of(layer(tmp_path / "dem.vrt")) != before


def test_layers_may_lie_in_a_bucket(tmp_path: Path, bucket: str) -> None:
    path = write_raster(tmp_path / "dem.tif", noise(60, 80).astype(np.float32))
    servers.upload(tmp_path, "layers")
    there = StaticLayer("elevation", Location.of(f"{bucket}/layers/dem.tif"), 1, "nearest", 0.0)
    assert (read_layers([there], GRID) == read_layers([layer(path, interpolator="nearest")], GRID)).all()
    assert state_of(there)[0][1] == path.stat().st_size and bounds_of(there) == bounds_of(layer(path))


def test_what_can_not_be_used_is_a_sentence(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "dem.tif", noise(20, 20))
    plain = write_raster(tmp_path / "plain.tif", noise(20, 20), crs=None)
    for one, words in (
        (layer(tmp_path / "gone.tif"), "gone.tif can't be opened"),
        (layer(plain), "plain.tif has no CRS"),
        (layer(path, band=2), "has 1 band, there is no band 2"),
    ):
        with pytest.raises(SitsparkError, match=f"^features.static.elevation: .*{words}"):
            bounds_of(one)
    shutil.copy(path, tmp_path / "cut.tif")
    with rasterio.open(path) as raster:
        first = int(raster.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    content = bytearray(path.read_bytes())
    content[first:] = b"\xaa" * (len(content) - first)
    (tmp_path / "cut.tif").write_bytes(content)
    with pytest.raises(SitsparkError, match=r"^features.static.elevation: .*cut.tif can't be read"):
        read_layers([layer(tmp_path / "cut.tif")], GRID)
