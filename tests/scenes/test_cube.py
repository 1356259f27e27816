"""Reading cubes: the numbers of the files, resampled where pixels don't meet, whatever the window; and who is invalid."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
import rasterio.warp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.enums import Resampling

from sitspark.errors import SitsparkError
from sitspark.gdal import told_gdal
from sitspark.grid import Grid, Window
from sitspark.scenes import cube
from sitspark.scenes.cube import Cube, read_cube, read_points
from sitspark.scenes.gdal_warp import resolution_in, warped
from sitspark.scenes.landsat import C1_L1 as LANDSAT
from sitspark.scenes.onto_grid import read_band
from sitspark.scenes.points import Points
from sitspark.scenes.product import NODATA, Asset, Scene
from sitspark.scenes.theia import L2A as THEIA
from sitspark.timegrid import day_number

from ..kernels.slow_warp import slow
from .products import LEFT, MASKS, TOP, UTM31, grid_of, landsat_scene, noise, scene_of, write_landsat, write_raster, write_theia

NEW_YORK = Path(__file__).parent.parent / "data" / "landsat8_new_york" / "scenes"


def read(
    scenes: Scene | list[Scene], grid: Grid, bands: tuple[str, ...] = ("B4",), *, interpolator: str = "cubic", layout=THEIA
) -> Cube:
    listed = [scenes] if isinstance(scenes, Scene) else scenes
    return read_cube(listed, grid, layout=layout, bands=bands, interpolator=interpolator)


def stored(scene: Scene, band: str) -> npt.NDArray[np.int16]:
    with rasterio.open(scene.asset(band).path) as file:
        return file.read(1)


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("window", [Window(0, 0, 50, 60), Window(13, 17, 20, 31), Window(49, 59, 1, 1)])
def test_aligned_bands_are_the_numbers_of_the_file(tmp_path: Path, interpolator: str, window: Window) -> None:
    scene = scene_of(write_theia(tmp_path, {"B4": noise(50, 60, 1), "B8": noise(50, 60, 2)}), ("B4", "B8"))
    cube = read(scene, grid_of(50, 60).cropped(window), ("B8", "B4"), interpolator=interpolator)
    assert (cube.reflectance[0, 0] == stored(scene, "B8")[window.slices]).all()
    assert (cube.reflectance[0, 1] == stored(scene, "B4")[window.slices]).all()
    assert cube.reflectance.dtype == np.int16 and cube.reflectance.shape == (1, 2, window.height, window.width)
    assert cube.valid.dtype == np.uint8 and (cube.valid == 1).all()
    assert (cube.days.dtype, cube.days.tolist()) == (np.int32, [17534])  # 2018-01-03


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("window", [Window(0, 0, 60, 80), Window(11, 14, 30, 33), Window(59, 79, 1, 1)])
def test_bands_of_20_m_are_gdals_resampling_to_10_m(tmp_path: Path, interpolator: str, window: Window) -> None:
    scene = scene_of(write_theia(tmp_path, {"B4": noise(60, 80), "B11": noise(30, 40, 3)}), ("B4", "B11"))
    with rasterio.open(scene.asset("B11").path) as file:
        by_gdal = file.read(1, out_shape=(60, 80), resampling=Resampling[interpolator]).astype(int)
    cube = read(scene, grid_of(60, 80).cropped(window), ("B11",), interpolator=interpolator)
    assert np.abs(cube.reflectance[0, 0] - by_gdal[window.slices]).max() <= (0 if interpolator == "nearest" else 1)


def ramp(height: int, width: int, *, left: float, top: float, resolution: float = 10) -> npt.NDArray[np.int16]:
    """A plane over the ground: 2 more a metre to the east, 3 more a metre to the south."""
    x = left + (np.arange(width) + 0.5) * resolution - LEFT
    y = TOP - top + (np.arange(height) + 0.5) * resolution
    return (500 + 2 * x[None, :] + 3 * y[:, None]).astype(np.int16)


@pytest.mark.parametrize("interpolator", ["bilinear", "cubic"])
@pytest.mark.parametrize(("east", "south"), [(3, 0), (0, 7), (5, 5), (-4, 2), (0.2, -0.2)])
@pytest.mark.parametrize("resolution", [10, 20])
def test_a_scene_shifted_by_part_of_a_pixel_is_brought_to_its_place(
    tmp_path: Path, interpolator: str, east: float, south: float, resolution: int
) -> None:
    """A plane survives linear and cubic interpolation, so every pixel must have the number of its own ground."""
    left, top = LEFT + east, TOP - south
    size = 400 // resolution
    values = {"B4": noise(40, 40), "B11": ramp(size, size, left=left, top=top, resolution=resolution)}
    if resolution == 10:
        values = {"B11": values["B11"]}
    scene = scene_of(write_theia(tmp_path, values, left=left, top=top), ("B11",))
    inner = Window(5, 5, 30, 30)
    cube = read(scene, grid_of(40, 40).cropped(inner), ("B11",), interpolator=interpolator)
    wanted = ramp(40, 40, left=LEFT, top=TOP)[inner.slices].astype(int)
    assert np.abs(cube.reflectance[0, 0] - wanted).max() <= 1
    assert cube.valid.all()


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
def test_a_20_m_band_that_starts_between_two_coarse_pixels_of_the_grid(tmp_path: Path, interpolator: str) -> None:
    """A chunk may start at an odd row: the doubled band is shifted by whole fine pixels, without another resampling."""
    left, top = LEFT + 10, TOP - 10
    values = {"B4": noise(40, 40), "B11": noise(20, 20, 4)}
    scene = scene_of(write_theia(tmp_path, values, left=left, top=top), ("B4", "B11"))
    whole = read(scene, grid_of(40, 40, left=left, top=top), ("B11",), interpolator=interpolator)
    shifted = read(scene, grid_of(40, 40), ("B11",), interpolator=interpolator)
    assert (shifted.reflectance[:, :, 1:, 1:] == whole.reflectance[:, :, :-1, :-1]).all()
    assert (shifted.reflectance[0, 0, 0] == NODATA).all() and not shifted.valid[0, 0].any()


def test_a_checkerboard_shifted_by_half_a_pixel_becomes_its_mean(tmp_path: Path) -> None:
    board = (np.indices((40, 40)).sum(axis=0) % 2 * 1000).astype(np.int16)
    scene = scene_of(write_theia(tmp_path, {"B4": board}, left=LEFT + 5, top=TOP - 5), ("B4",))
    grid = grid_of(40, 40).cropped(Window(5, 5, 30, 30))
    for interpolator in ("bilinear", "cubic"):
        assert (np.abs(read(scene, grid, interpolator=interpolator).reflectance - 500) <= 1).all()
    assert set(np.unique(read(scene, grid, interpolator="nearest").reflectance)) == {0, 1000}


def test_nearest_takes_the_pixel_in_which_the_centre_lies(tmp_path: Path) -> None:
    values, cloud = noise(40, 40), np.zeros((40, 40), np.uint8)
    cloud[20, 25] = 1
    scene = scene_of(write_theia(tmp_path, {"B4": values}, {"CLM": cloud}, left=LEFT + 3, top=TOP - 8), ("B4",))
    cube = read(scene, grid_of(38, 38), interpolator="nearest")
    # a centre at 5 m lies before the first column and the first row
    assert (cube.reflectance[0, 0, 1:, 1:] == values[:37, 1:38]).all()
    assert np.argwhere(cube.valid[0, 1:, 1:] == 0).tolist() == [[20, 24]]


def test_a_map_in_another_crs_shows_the_same_ground(tmp_path: Path) -> None:
    """Each pixel of a Lambert-93 grid has the number of the plane at its own place in UTM."""
    scene = scene_of(write_theia(tmp_path, {"B4": ramp(60, 60, left=LEFT, top=TOP)}), ("B4",))
    to_lambert = Transformer.from_crs(32631, 2154, always_xy=True)
    x, y = to_lambert.transform(LEFT + 300, TOP - 300)
    grid = Grid("EPSG:2154", round(x) - 150.0, round(y) + 150.0, 10, 30, 30)
    cols, rows = np.meshgrid(np.arange(30) + 0.5, np.arange(30) + 0.5)
    east, north = to_lambert.transform(grid.left + 10 * cols, grid.top - 10 * rows, direction="INVERSE")
    wanted = 500 + 2 * (east - LEFT) + 3 * (TOP - north)
    for interpolator in ("bilinear", "cubic"):
        cube = read(scene, grid, interpolator=interpolator)
        assert np.abs(cube.reflectance[0, 0] - wanted).max() <= 1.5
        assert cube.valid.all()


# --- borders and splits ---------------------------------------------------------------------------------------------


def test_beyond_the_border_of_the_image_nothing_is_valid(tmp_path: Path) -> None:
    scene = scene_of(write_theia(tmp_path, {"B4": noise(40, 50), "B11": noise(20, 25, 1)}), ("B4", "B11"))
    around = grid_of(40, 50).cropped(Window(-7, -9, 60, 70))
    cube = read(scene, around, ("B4", "B11"))
    inside = np.zeros((60, 70), bool)
    inside[7:47, 9:59] = True
    assert (cube.valid[0] == inside).all()
    assert (cube.reflectance[0][:, ~inside] == NODATA).all()
    assert (cube.reflectance[0, 0, 7:47, 9:59] == stored(scene, "B4")).all()
    assert (cube.reflectance[0, :, inside] != NODATA).all()


@pytest.mark.parametrize("crs", ["EPSG:32631", "EPSG:2154"])
def test_a_window_beside_the_image_has_no_date(tmp_path: Path, crs: str) -> None:
    scene = scene_of(write_theia(tmp_path, {"B4": noise(40, 50)}), ("B4",))
    for resolution in (10, 15):  # copied, warped
        cube = read(scene, grid_of(8, 9, left=LEFT + 900_000, resolution=resolution, crs=crs))
        assert (cube.reflectance.shape, cube.valid.shape, cube.days.shape) == ((0, 1, 8, 9), (0, 8, 9), (0,))
        assert (cube.clear_dates == 0).all()


HEIGHT, WIDTH = 180, 620  # more than a block of a warped dataset, which is 128 x 512
# what is read how: a scene's shift to the east, the grid that it is read on
WAYS = {
    "copied and doubled": (0.0, grid_of(HEIGHT, WIDTH).cropped(Window(-8, -8, HEIGHT + 16, WIDTH + 16))),
    "shifted by part of a pixel": (3.3, grid_of(HEIGHT, WIDTH).cropped(Window(-8, -8, HEIGHT + 16, WIDTH + 16))),
    "coarser": (0.0, grid_of(72, 248, resolution=25).cropped(Window(-4, -4, 80, 256))),
    "finer": (1.0, grid_of(HEIGHT, WIDTH, resolution=7).cropped(Window(40, 40, HEIGHT, WIDTH))),
    "in another CRS": (0.0, Grid("EPSG:2154", 499_900.0, 6_350_700.0, 10, 200, 640)),
}


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[Scene, Cube]]:
    """For every way and interpolator a scene with holes and clouds, and its cube on the whole grid."""
    rng = np.random.default_rng(8)
    bands = {"B4": noise(HEIGHT, WIDTH, 5), "B11": noise(HEIGHT // 2, WIDTH // 2, 6)}
    for values in bands.values():
        values[rng.random(values.shape) < 0.03] = NODATA
        values[: len(values) // 3, : len(values) // 4] = NODATA
    clouds = (rng.random((HEIGHT, WIDTH)) < 0.1).astype(np.uint8) * 3
    found = {}
    for way, (east, grid) in WAYS.items():
        product = write_theia(tmp_path_factory.mktemp("archive"), bands, {"CLM": clouds}, left=LEFT + east)
        scene = scene_of(product, ("B4", "B11"))
        for interpolator in ("nearest", "bilinear", "cubic"):
            found[way, interpolator] = scene, read(scene, grid, ("B4", "B11"), interpolator=interpolator)
    return found


# on a grid that is finer, but not twice, GDAL's coordinates may fall on either side of a half number
ROUNDED_EITHER_WAY = {("finer", "bilinear"), ("finer", "cubic")}


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("way", WAYS)
def test_any_part_of_a_window_has_the_bits_of_the_whole(wholes, way: str, interpolator: str) -> None:
    """Copied, doubled, shifted by part of a pixel, resampled or brought from another CRS: to the bit."""
    scene, whole = wholes[way, interpolator]
    grid = WAYS[way][1]
    assert whole.valid.sum() > 0.3 * grid.window.pixels  # the grid lies on the image

    @given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 60), st.integers(1, 200))
    @example(0, 0, 200, 1)
    @example(0.5, 0, 1, 640)
    @example(0.1, 0.7, 150, 120)
    @settings(max_examples=25, deadline=None, derandomize=True)
    def check(down: float, across: float, height: int, width: int) -> None:
        window = Window(int(down * (grid.height - 1)), int(across * (grid.width - 1)), height, width)
        window = window.intersection(grid.window)
        part = read(scene, grid.cropped(window), ("B4", "B11"), interpolator=interpolator)
        if not len(part.days):
            assert not whole.valid[0][window.slices].any()
            return
        assert (part.valid[0] == whole.valid[0][window.slices]).all()
        off = np.abs(part.reflectance[0].astype(int) - whole.reflectance[0][:, *window.slices])
        if (way, interpolator) in ROUNDED_EITHER_WAY:
            assert off.max() <= 1 and np.count_nonzero(off) <= 3 + 1e-4 * off.size
        else:
            assert not off.any()

    check()


@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize(("way", "scale"), [("shifted by part of a pixel", 1), ("coarser", 0.4), ("finer", 1)])
def test_the_whole_image_warped_by_gdal_has_the_same_pixels(wholes, way: str, scale: float, interpolator: str) -> None:
    """In one go, without windows: as `gdalwarp -r cubic -wo XSCALE=0.4 -wo YSCALE=0.4` does it."""
    scene, whole = wholes[way, interpolator]
    grid = WAYS[way][1]
    expected = np.full((grid.height, grid.width), NODATA, np.int16)
    with rasterio.open(scene.asset("B4").path) as source:
        rasterio.warp.reproject(
            rasterio.band(source, 1),
            expected,
            src_nodata=NODATA,
            dst_nodata=NODATA,
            dst_crs=grid.crs,
            dst_transform=grid.transform,
            resampling=Resampling[interpolator],
            XSCALE=str(scale),
            YSCALE=str(scale),
        )
    off = np.abs(expected.astype(int) - whole.reflectance[0, 0])
    # weights are multiples of 1/100 or 1/400: of as many numbers one is a half, which rounding errors lift or leave
    assert off.max() <= 1
    values, (left, _, _, top) = stored(scene, "B4"), scene.asset("B4").bounds
    rows, cols = np.nonzero(off)
    down = (top - grid.top + (rows + 0.5) * grid.resolution) / 10
    across = (grid.left - left + (cols + 0.5) * grid.resolution) / 10
    assert all(is_half(values, row, col, interpolator) for row, col in zip(down, across, strict=True))


def is_half(values: np.ndarray, row: float, col: float, interpolator: str) -> bool:
    """Whether the number at a place lies in the middle of two whole ones."""
    top, left = max(int(row) - 3, 0), max(int(col) - 3, 0)
    value = slow(values[top : top + 8, left : left + 8], row - top, col - left, cubic=interpolator == "cubic")
    return value is not None and abs(value % 1 - 0.5) < 1e-6


@pytest.mark.parametrize("band", ["B4", "B11"])
@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
def test_in_another_crs_pixels_are_those_of_gdals_warper(wholes, interpolator: str, band: str) -> None:
    """With exact places (gdalwarp -et 0): bands of 10 m and of 20 m, with holes, at their edges and beyond."""
    scene, whole = wholes["in another CRS", interpolator]
    asset, grid = scene.asset(band), WAYS["in another CRS"][1]
    size = resolution_in(grid.crs, scene.crs, width=asset.width, height=asset.height, bounds=asset.bounds)
    with (
        rasterio.open(asset.path) as source,
        warped(source, grid, interpolator, resolution=size, nodata=NODATA) as expected,
    ):
        off = np.abs(expected.read(1).astype(int) - whole.reflectance[0, int(band == "B11")])
    assert (whole.reflectance[0, int(band == "B11")] == NODATA).any()
    assert np.count_nonzero(off) <= 1e-5 * off.size


@pytest.mark.parametrize("interpolator", ["bilinear", "cubic"])
def test_half_a_pixel_in_degrees_is_half_a_pixel_on_any_window(tmp_path: Path, interpolator: str) -> None:
    """A mean of two numbers is often a half, and has to be rounded alike wherever a chunk begins."""
    side, path = 0.0001, tmp_path / "band.tif"
    own = Grid("EPSG:4326", 1.4, 43.7, side, 80, 90)
    with rasterio.open(
        path, "w", driver="GTiff", height=80, width=90, count=1, dtype="int16", crs=own.crs, transform=own.transform
    ) as file:
        file.write(noise(80, 90), 1)
    asset = Asset("B4", str(path), 80, 90, tuple(own.transform)[:6], "int16", NODATA, 1, 0, 80, 90)
    scene = Scene("s", "t", datetime(2018, 1, 3, tzinfo=UTC), own.crs, (asset,))
    grid = Grid(own.crs, own.left + 10.5 * side, own.top - 5.5 * side, side, 60, 70)

    def read_on(grid: Grid) -> np.ndarray:
        out = np.empty((grid.height, grid.width), np.int16)
        with told_gdal():
            read_band(scene, asset, grid, interpolator, out=out)
        return out

    whole = read_on(grid)
    if interpolator == "bilinear":
        four = noise(80, 90)[5:67, 10:82].astype(int)
        expected = np.floor((four[:-1, :-1] + four[1:, :-1] + four[:-1, 1:] + four[1:, 1:]) / 4 + 0.5)
        assert (whole == expected[:60, :70]).all()
    for window in (Window(0, 0, 7, 9), Window(13, 29, 40, 37), Window(59, 69, 1, 1)):
        assert (read_on(grid.cropped(window)) == whole[window.slices]).all()


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_files_of_other_types_are_brought_to_another_crs_as_by_gdal(tmp_path: Path, dtype: str) -> None:
    """Of digital numbers with 0 for missing ones; those of floating point GDAL warps itself."""
    values = noise(60, 60).clip(1).astype(dtype)
    values[20:25, 30:40] = 0
    grid, path = Grid("EPSG:2154", 499_900.0, 6_350_700.0, 10, 60, 60), tmp_path / "band.tif"
    own = grid_of(60, 60)
    profile = {"driver": "GTiff", "height": 60, "width": 60, "count": 1, "dtype": dtype, "crs": own.crs}
    with rasterio.open(path, "w", transform=own.transform, **profile) as file:
        file.write(values, 1)
    asset = Asset("B4", str(path), 60, 60, tuple(own.transform)[:6], dtype, 0, 1, -1000, 60, 60)
    scene = Scene("s", "31TCJ", datetime(2018, 1, 3, tzinfo=UTC), own.crs, (asset,))
    out = np.empty((60, 60), np.int16)
    with told_gdal():
        read_band(scene, asset, grid, "cubic", out=out)
    with rasterio.open(path) as source, warped(source, grid, "cubic", resolution=10, nodata=0) as expected:
        stored = expected.read(1)
    assert 0 < (out == NODATA).sum() < out.size
    wanted = np.where(stored == 0, NODATA, np.rint(stored.astype(np.float64)) - 1000)
    assert np.count_nonzero(np.abs(out - wanted) > 1) == 0 and np.count_nonzero(out != wanted) <= 4


@pytest.mark.parametrize("some", [1, 7, 300])
@pytest.mark.parametrize("interpolator", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("way", WAYS)
def test_some_pixels_have_the_bits_of_the_whole(wholes, way: str, interpolator: str, some: int) -> None:
    """Few of them need few blocks of the files; some lie beyond the image."""
    scene, whole = wholes[way, interpolator]
    grid, rng = WAYS[way][1], np.random.default_rng(some)
    rows, cols = rng.integers(0, grid.height, some), rng.integers(0, grid.width, some)
    series = read_points([scene], grid, Points(rows, cols), layout=THEIA, bands=("B4", "B11"), interpolator=interpolator)
    if not len(series.days[0]):
        assert not whole.valid[0][rows, cols].any()
        return
    assert (series.valid[:, 0] == whole.valid[0][rows, cols]).all()
    assert (series.reflectance[:, 0] == whole.reflectance[0][:, rows, cols].T).all()


def test_in_another_crs_each_pixel_is_the_one_below_its_centre(wholes) -> None:
    """To the pixel, where GDAL's approximate transformer (gdalwarp without -et 0) is off in one of a hundred."""
    scene, whole = wholes["in another CRS", "nearest"]
    grid = WAYS["in another CRS"][1]
    to_utm = Transformer.from_crs(grid.crs, UTM31, always_xy=True)
    cols, rows = np.meshgrid(np.arange(grid.width) + 0.5, np.arange(grid.height) + 0.5)
    east, north = to_utm.transform(grid.left + 10 * cols, grid.top - 10 * rows)
    row, col = np.floor((TOP - north) / 10).astype(int), np.floor((east - LEFT) / 10).astype(int)
    inside = (row >= 0) & (row < HEIGHT) & (col >= 0) & (col < WIDTH)
    expected = np.full(inside.shape, NODATA)
    expected[inside] = stored(scene, "B4")[row[inside], col[inside]]
    assert inside.mean() > 0.5
    assert np.array_equal(whole.reflectance[0, 0], expected)


# --- dates ----------------------------------------------------------------------------------------------------------


def test_a_date_without_a_usable_pixel_in_the_window_is_dropped(tmp_path: Path) -> None:
    edge = np.zeros((40, 40), np.uint8)
    edge[:, :20] = 1
    values = {"B4": noise(40, 40)}
    clear = scene_of(write_theia(tmp_path, values), ("B4",))
    half = scene_of(write_theia(tmp_path, values, {"EDG": edge}, when="20180113-105429"), ("B4",))
    left, across = grid_of(40, 40).cropped(Window(0, 0, 40, 20)), grid_of(40, 40).cropped(Window(0, 0, 40, 21))
    assert len(read([clear, half], left).days) == 1
    cube = read([clear, half], across)
    assert (cube.days - cube.days[0]).tolist() == [0, 10]
    assert cube.clear_dates[0].tolist() == [1] * 20 + [2]


def test_bands_of_a_dropped_date_are_not_even_opened(tmp_path: Path) -> None:
    product = write_theia(tmp_path, {"B4": noise(40, 40)}, {"CLM": np.ones((40, 40), np.uint8)})
    scene = scene_of(product, ("B4",))
    (product / f"{product.name}_FRE_B4.tif").unlink()
    assert len(read(scene, grid_of(40, 40)).days) == 0


def test_dates_ascend_and_two_acquisitions_of_a_day_are_both_kept(tmp_path: Path) -> None:
    whens = ["20180203-105429", "20180103-105959", "20180103-105429", "20180113-105429"]
    platforms = ["SENTINEL2A", "SENTINEL2A", "SENTINEL2B", "SENTINEL2B"]  # the order of names is another one
    scenes = [
        scene_of(write_theia(tmp_path, {"B4": np.full((40, 40), value, np.int16)}, when=when, platform=platform), ("B4",))
        for value, (when, platform) in enumerate(zip(whens, platforms, strict=True))
    ]
    cube = read(scenes, grid_of(40, 40))
    assert (cube.days - cube.days[0]).tolist() == [0, 0, 10, 31]
    assert cube.reflectance[:, 0, 0, 0].tolist() == [2, 1, 3, 0]
    again = read(scenes[::-1], grid_of(40, 40))
    assert (again.reflectance == cube.reflectance).all()


def test_of_two_products_of_one_second_the_order_is_that_of_their_names(tmp_path: Path) -> None:
    """The same acquisition seen in two tiles."""
    scenes = [
        scene_of(write_theia(tmp_path, {"B4": np.full((40, 40), value, np.int16)}, tile=tile), ("B4",))
        for value, tile in enumerate(["31TDJ", "31TCJ"])
    ]
    for given_order in (scenes, scenes[::-1]):
        assert read(given_order, grid_of(40, 40)).reflectance[:, 0, 0, 0].tolist() == [1, 0]


@pytest.mark.parametrize("crs", [UTM31, "EPSG:2154"])
def test_other_tiles_count_only_where_the_owner_does_not_reach(tmp_path: Path, crs: str) -> None:
    """Two tiles, the second 200 m further east: its date is used beyond the first one's edge, whatever the window."""
    cloud = np.zeros((40, 40), np.uint8)
    cloud[10:20] = 1  # a clouded owner is the owner all the same
    west = scene_of(write_theia(tmp_path, {"B4": noise(40, 40)}, {"CLM": cloud}), ("B4",))
    east = write_theia(tmp_path, {"B4": noise(40, 40, 1)}, tile="31TDJ", when="20180113-105429", left=LEFT + 200)
    scenes = [west, scene_of(east, ("B4",))]
    grid = grid_of(40, 60)
    if crs != UTM31:
        x, y = rasterio.warp.transform(UTM31, crs, [LEFT], [TOP])
        grid = Grid(crs, round(x[0]) - 50, round(y[0]) + 50, 10, 60, 80)
    settings = {"layout": THEIA, "bands": ("B4",), "interpolator": "nearest"}
    owned = read_cube(scenes, grid, **settings, owner="31TCJ")
    alone, foreign = (read_cube([scene], grid, **settings) for scene in scenes)
    reached = read_cube([scene_of(write_theia(tmp_path / "clear", {"B4": noise(40, 40)}), ("B4",))], grid, **settings)
    assert (owned.valid[0] == alone.valid[0]).all()
    assert (owned.valid[1] == foreign.valid[0] * (1 - reached.valid[0])).all()
    assert owned.valid[1].any() and (owned.valid[1] < foreign.valid[0]).any()
    merged = read_cube(scenes, grid, **settings)
    assert (merged.valid == np.concatenate([alone.valid, foreign.valid])).all()
    inner = Window(3, 35, 20, 20)
    part = read_cube(scenes, grid.cropped(inner), **settings, owner="31TCJ")
    assert (part.valid == owned.valid[:, inner.slices[0], inner.slices[1]]).all()


def test_without_scenes_of_other_tiles_nothing_is_asked_about_the_owners_ground(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reprojecting every pixel's centre would cost as much as decoding, for nothing."""

    def refuse(*_: object) -> None:
        raise AssertionError("the ground of the owner was looked at")

    monkeypatch.setattr(cube, "_not_reached", refuse)
    scene = scene_of(write_theia(tmp_path, {"B4": noise(40, 40)}), ("B4",))
    for owner in ("31TCJ", None):
        found = read_cube([scene], grid_of(40, 40), layout=THEIA, bands=("B4",), interpolator="cubic", owner=owner)
        assert found.valid.all()


def test_no_scene_gives_a_cube_without_dates() -> None:
    cube = read([], grid_of(4, 5))
    assert cube.reflectance.shape == (0, 1, 4, 5) and cube.valid.shape == (0, 4, 5) and cube.days.dtype == np.int32


# --- validity -------------------------------------------------------------------------------------------------------


def test_any_bit_of_any_mask_and_nodata_in_any_band_invalidate(tmp_path: Path) -> None:
    masks = {name: np.zeros((40, 40), np.uint8) for name in MASKS}
    for row, mask in enumerate(masks.values()):
        mask[row, :8] = [1 << bit for bit in range(8)]
    bands = {"B4": noise(40, 40, 1), "B8": noise(40, 40, 2), "B11": noise(20, 20, 3)}
    bands["B4"][10, 10] = bands["B8"][10, 12] = NODATA
    bands["B11"][6, 6] = NODATA  # 20 m: four pixels of 10 m
    scene = scene_of(write_theia(tmp_path, bands, masks), tuple(bands))
    cube = read(scene, grid_of(40, 40), tuple(bands))
    wanted = np.ones((40, 40), np.uint8)
    wanted[:3, :8] = wanted[10, [10, 12]] = wanted[12:14, 12:14] = 0
    assert (cube.valid[0] == wanted).all()
    # a band that isn't read can't invalidate
    assert read(scene, grid_of(40, 40), ("B4",)).valid[0][10:14, 10:14].sum() == 15


def test_landsat_numbers_become_reflectance_times_10000(tmp_path: Path) -> None:
    """stored x 0.2 - 1000, rounded; 0 is no data."""
    numbers = {0: NODATA, 1: -1000, 2: -1000, 3: -999, 5000: 0, 5003: 1, 5012: 2, 10_000: 1000, 55_000: 10_000, 65_535: 12_107}
    values = np.full((20, 20), 10_000, np.uint16)
    values[0, : len(numbers)] = list(numbers)
    quality = np.full((20, 20), 2720, np.uint16)
    quality[1, :4] = [1, 2800, 2976, 6816]  # fill, cloud, shadow, cirrus
    scene = landsat_scene(write_landsat(tmp_path, {"B4": values, "B5": values}, quality), ("B4", "B5"))
    cube = read(scene, grid_of(20, 20, resolution=30), ("B4", "B5"), layout=LANDSAT)
    assert cube.reflectance[0, 1, 0, : len(numbers)].tolist() == list(numbers.values())
    assert (cube.reflectance[0, 0, 1:] == 1000).all()
    assert np.argwhere(cube.valid[0] == 0).tolist() == [[0, 0], [1, 0], [1, 1], [1, 2]]


def test_landsat_scenes_of_new_york_show_the_pixel_below_each_centre() -> None:
    """Real scenes with oblong pixels and origins of their own, looked up pixel by pixel from their headers."""
    products = sorted(NEW_YORK.glob("LC08_L1TP_014032_2018*"))
    scenes = [landsat_scene(product, ("B4", "B5")) for product in products]
    grid = Grid("EPSG:32618", 450_000, 4_570_000, 3000, 50, 45)
    cube = read(scenes, grid, ("B4", "B5"), interpolator="nearest", layout=LANDSAT)
    assert len(cube.days) == len(products) == 6
    compared = 0
    for date, scene in enumerate(scenes):
        assert day_number(scene.acquired.date()) == cube.days[date]
        a, _, left, _, e, top = scene.asset("B4").transform
        col = (grid.left + 3000 * (np.arange(45) + 0.5) - left) / a
        row = (grid.top - 3000 * (np.arange(50) + 0.5) - top) / e
        # centres on the line between two pixels may go either way
        clear = np.ix_(np.abs(row - np.rint(row)) > 1e-3, np.abs(col - np.rint(col)) > 1e-3)
        place = np.ix_(row.astype(int), col.astype(int))
        for band, name in enumerate(("B4", "B5")):
            numbers = stored(scene, name)[place]
            wanted = np.where(numbers == 0, NODATA, np.rint(numbers * 0.2 - 1000))
            assert (cube.reflectance[date, band] == wanted)[clear].all()
        usable = (stored(scene, "BQA")[place] & 0b1_0001_0001) == 0
        usable &= (stored(scene, "B4")[place] != 0) & (stored(scene, "B5")[place] != 0)
        assert (cube.valid[date].astype(bool) == usable)[clear].all()
        compared += int(cube.valid[date][clear].sum())
    assert compared > 3000


# --- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "band"),
    [
        (grid_of(40, 40), "B4"),  # copied
        (grid_of(40, 40), "B11"),  # doubled
        (grid_of(38, 38, left=LEFT + 3), "B4"),  # warped
        (grid_of(40, 40), "CLM"),
    ],
)
@pytest.mark.parametrize("harm", ["blocks overwritten", "gone"])
def test_a_damaged_file_is_a_sentence_with_tile_date_band_and_path(tmp_path: Path, grid: Grid, band: str, harm: str) -> None:
    clouds = np.random.default_rng(0).integers(0, 2, (40, 40)).astype(np.uint8)
    product = write_theia(tmp_path, {"B4": noise(40, 40), "B11": noise(20, 20)}, {"CLM": clouds})
    scene = scene_of(product, ("B4", "B11"))
    path = Path(scene.asset(band).path)
    if harm == "gone":
        path.unlink()
    else:
        with rasterio.open(path) as file:
            first = int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
        content = bytearray(path.read_bytes())
        content[first:] = b"\xaa" * (len(content) - first)
        path.write_bytes(content)
    with pytest.raises(SitsparkError) as caught:
        read(scene, grid, ("B4", "B11"))
    sentence = str(caught.value)
    assert sentence.startswith(f"tile 31TCJ, 2018-01-03, {band}: {path} can't be read (")
    assert f"fetch the file again, or leave the product out with scenes.exclude: [{product.name}]; `sitspark check" in sentence


def test_a_file_that_was_fetched_again_is_read_again(tmp_path: Path) -> None:
    product = write_theia(tmp_path, {"B4": np.full((40, 40), 1, np.int16)})
    scene = scene_of(product, ("B4",))
    assert (read(scene, grid_of(40, 40)).reflectance == 1).all()
    write_raster(Path(scene.asset("B4").path), np.full((40, 40), 2, np.int16))
    assert (read(scene, grid_of(40, 40)).reflectance == 2).all()
