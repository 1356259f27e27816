"""Series of chosen pixels: the numbers of the cube that the map is made of."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sitspark.features.recipe import Recipe
from sitspark.grid import Grid, Window
from sitspark.kernels.feature_space import FeatureSpace, SensorFeatures
from sitspark.samples.extract import read_pixels
from sitspark.scenes.cube import read_cube
from sitspark.scenes.layouts import Selection
from sitspark.scenes.product import Scene
from sitspark.scenes.reading import Reading
from sitspark.scenes.theia import L2A as LAYOUT
from sitspark.timegrid import TimeGrid
from tests.scenes.products import noise, scene_of, write_theia

GRID = Grid("EPSG:32631", 300_000, 4_900_020, 10, 60, 80)
BANDS = ("B4", "B11")
DATES = TimeGrid(date(2018, 1, 1), date(2018, 1, 31), 10)
RECIPE = Recipe(FeatureSpace((SensorFeatures("sentinel2", BANDS, DATES, (), red="B4", nir=None, swir="B11"),)))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    """Two dates with clouds in places."""
    archive, rng, found = tmp_path_factory.mktemp("archive"), np.random.default_rng(4), []
    for day in ("20180103", "20180113"):
        masks = {name: (rng.random((60, 80)) < 0.3).astype(np.uint8) for name in LAYOUT.masks}
        bands = {"B4": noise(60, 80, seed=int(day)), "B11": noise(30, 40, seed=int(day))}
        found.append(scene_of(write_theia(archive, bands, masks, when=f"{day}-105429"), BANDS))
    return found


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("places", [[(0, 0)], [(59, 79), (0, 0)], [(31, 7), (33, 7), (33, 52), (12, 20)], [(17, 40), (17, 41)]])
def test_a_pixel_has_the_series_of_the_cube(scenes: list[Scene], places: list, interpolator: str) -> None:
    """Only the window around the pixels is read; that must not change a number, at borders of 20 m pixels neither."""
    cube = read_cube(scenes, GRID, layout=LAYOUT, bands=BANDS, interpolator=interpolator)
    rows, cols = np.array(places).T
    reading = Reading((Selection(LAYOUT, BANDS),), LAYOUT.sensor, interpolator, GRID)
    (series,) = read_pixels({LAYOUT.sensor: scenes}, rows, cols, reading, RECIPE, window=GRID.window, tile="31TCJ").series
    kept = np.flatnonzero(np.isin(cube.days, series.days))
    dropped = np.setdiff1d(np.arange(2), kept)
    assert not cube.valid[np.ix_(dropped, rows, cols)].any()
    for pixel, (row, col) in enumerate(places):
        assert (series.reflectance[pixel] == cube.reflectance[kept, :, row, col]).all()
        assert (series.valid[pixel] == cube.valid[kept, row, col]).all()
    assert series.reflectance.flags.c_contiguous and series.valid.flags.c_contiguous  # as the kernel is compiled for


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
def test_interpolation_reaches_over_low_strips(tmp_path: Path, height: int, interpolator: str) -> None:
    """Strips lower than the pixels that a weight reaches over: each of them is needed."""
    product = write_theia(tmp_path, {"B4": noise(60, 80), "B11": noise(30, 40)})
    for file in [*product.glob("*.tif"), *product.glob("MASKS/*.tif")]:
        with rasterio.open(file) as source:
            profile, values = source.profile | {"tiled": False, "blockysize": height, "compress": "deflate"}, source.read()
        profile.pop("blockxsize", None)
        with rasterio.open(file, "w", **profile) as target:
            target.write(values)
    scene = scene_of(product, BANDS)
    cube = read_cube([scene], GRID, layout=LAYOUT, bands=BANDS, interpolator=interpolator)
    reading = Reading((Selection(LAYOUT, BANDS),), LAYOUT.sensor, interpolator, GRID)
    for row, col in ((0, 0), (17, 41), (30, 5), (59, 79)):
        place = np.array([row]), np.array([col])
        (series,) = read_pixels({LAYOUT.sensor: [scene]}, *place, reading, RECIPE, window=GRID.window, tile="31TCJ").series
        assert (series.reflectance[0] == cube.reflectance[:, :, row, col]).all()


def test_clear_dates_are_those_that_the_cube_counts(scenes: list[Scene]) -> None:
    """Masks alone are read for them; here no band says nodata on its own."""
    reading = Reading((Selection(LAYOUT, BANDS),), LAYOUT.sensor, "nearest", GRID)
    by_sensor = {LAYOUT.sensor: scenes}
    for window in (GRID.window, Window(7, 11, 20, 30)):
        counted = reading.clear_dates(by_sensor, window, tile="31TCJ")
        assert (counted == reading.stack(by_sensor, window, tile="31TCJ").clear_dates).all() and counted.max() == 2
