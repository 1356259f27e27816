"""Rasters of classes of any producer: types, nodata, places, and what is refused with a remedy."""

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window
from sitspark.maps.class_raster import NOTHING, ClassRaster, common_grid
from tests.maps.rasters import LEFT, PLACE, SIDE, TOP, written

CODES = np.array([[1, 2, 0], [200, 1, 2]])


def read(raster: ClassRaster) -> list[list[int | None]]:
    codes = raster.translated(raster.read(raster.grid, raster.grid.window))
    return [[None if code == NOTHING else code for code in row] for row in codes.tolist()]


@pytest.mark.parametrize(
    ("dtype", "nodata", "told", "expected"),
    [
        pytest.param("uint8", None, None, [[1, 2, 0], [200, 1, 2]], id="0 is a class where nothing else is said"),
        pytest.param("uint8", 0, None, [[1, 2, None], [200, 1, 2]], id="the nodata of the file"),
        pytest.param("uint16", 200, None, [[1, 2, 0], [None, 1, 2]], id="unusual nodata, 16 bits"),
        pytest.param("uint8", 200, 0, [[1, 2, None], [None, 1, 2]], id="nodata of the file and of the user"),
        pytest.param("int16", None, 200, [[1, 2, 0], [None, 1, 2]], id="signed"),
        pytest.param("uint32", 0, None, [[1, 2, None], [200, 1, 2]], id="32 bits"),
        pytest.param("float32", 0, None, [[1, 2, None], [200, 1, 2]], id="whole numbers as floats"),
    ],
)
def test_classes_are_read_whatever_their_type_and_nodata(
    tmp_path: Path, dtype: str, nodata: float | None, told: float | None, expected: list
) -> None:
    raster = ClassRaster.of(written(tmp_path / "map.tif", CODES.astype(dtype), nodata=nodata), nodata=told)
    assert read(raster) == expected


def test_nan_is_no_class(tmp_path: Path) -> None:
    raster = ClassRaster.of(written(tmp_path / "map.tif", np.array([[np.nan, 3]], "float64")))
    assert read(raster) == [[None, 3]]


@pytest.mark.parametrize("value", [0.37, np.inf, 3e9])
def test_what_is_no_code_is_refused_when_it_is_read(tmp_path: Path, value: float) -> None:
    raster = ClassRaster.of(written(tmp_path / "map.tif", np.array([[1, value]], "float64")))
    with pytest.raises(SitsparkError, match=r"map\.tif: holds .*, which is no class code"):
        read(raster)


def test_beyond_the_raster_there_is_nothing(tmp_path: Path) -> None:
    raster = ClassRaster.of(written(tmp_path / "map.tif", CODES.astype("uint8")))
    grid = Grid("EPSG:32631", LEFT - 2 * SIDE, TOP + SIDE, SIDE, 10, 10)
    codes = raster.read(grid, Window(0, 1, 2, 3))
    assert codes.tolist() == [[NOTHING] * 3, [NOTHING, 1, 2]]
    assert (raster.read(grid, Window(5, 5, 3, 3)) == NOTHING).all()


def test_several_codes_become_one_and_others_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "map.tif", CODES.astype("uint8"))
    raster = ClassRaster.of(path, mapping={0: None, 1: 10, 2: 10, 200: 7})
    assert read(raster) == [[10, 10, None], [7, 10, 10]]


def test_a_code_that_the_mapping_lacks_is_refused_with_the_line_to_add(tmp_path: Path) -> None:
    raster = ClassRaster.of(written(tmp_path / "map.tif", CODES.astype("uint8"), nodata=0), mapping={1: 10})
    with pytest.raises(
        SitsparkError, match=r"holds codes 2, 200, which the mapping doesn't name; add a line '2,REFERENCE CODE'"
    ):
        read(raster)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param({"crs": None}, "has no CRS; give it one, for example: rio edit-info", id="no CRS"),
        pytest.param({"transform": PLACE @ Affine.rotation(30)}, "is turned or upside down", id="rotated"),
        pytest.param({"transform": Affine(SIDE, 0, LEFT, 0, SIDE, TOP)}, "is turned or upside down", id="south up"),
        pytest.param(
            {"transform": Affine(SIDE, 0, LEFT, 0, -20, TOP)}, r"aren't square \(10 x 20\); gdalwarp", id="not square"
        ),
        pytest.param({"codes": np.zeros((3, 2, 2), "uint8")}, "has 3 bands, and a map of classes has one", id="bands"),
        pytest.param({"codes": np.zeros((2, 2), "complex64")}, "holds complex numbers", id="complex"),
    ],
)
def test_rasters_that_are_no_such_map_are_refused_with_a_remedy(tmp_path: Path, make: dict, sentence: str) -> None:
    path = written(tmp_path / "map.tif", **({"codes": CODES.astype("uint8")} | make))
    with pytest.raises(SitsparkError, match=rf"map\.tif: .*{sentence}"):
        ClassRaster.of(path)


def test_files_that_are_no_raster_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SitsparkError, match=r"there is no map .*map\.tif"):
        ClassRaster.of(tmp_path / "map.tif")
    (tmp_path / "map.tif").write_text("land cover")
    with pytest.raises(SitsparkError, match=r"map\.tif: can't be read as a raster"):
        ClassRaster.of(tmp_path / "map.tif")


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        pytest.param((0, 0), Grid("EPSG:32631", LEFT, TOP, SIDE, 2, 3), id="the same"),
        pytest.param((1, -1), Grid("EPSG:32631", LEFT, TOP - SIDE, SIDE, 1, 2), id="below and to the left"),
    ],
)
def test_the_common_ground_of_aligned_rasters(tmp_path: Path, shift: tuple[int, int], expected: Grid) -> None:
    down, right = shift
    one = ClassRaster.of(written(tmp_path / "a.tif", CODES.astype("uint8")))
    moved = PLACE @ Affine.translation(right, down)
    other = ClassRaster.of(written(tmp_path / "b.tif", CODES.astype("uint8"), transform=moved))
    assert common_grid(one, other) == expected


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(
            {"transform": PLACE @ Affine.translation(0.5, 0)}, "pixels don't lie on one another", id="half a pixel off"
        ),
        pytest.param({"transform": PLACE @ Affine.scale(2)}, "pixels of 20 from", id="another resolution"),
        pytest.param({"crs": "EPSG:32632"}, "EPSG:32632; bring one to the grid", id="another CRS"),
        pytest.param({"transform": PLACE @ Affine.translation(50, 0)}, "no ground in common", id="elsewhere"),
    ],
)
def test_rasters_on_other_pixels_are_refused_with_both_grids(tmp_path: Path, make: dict, sentence: str) -> None:
    one = ClassRaster.of(written(tmp_path / "a.tif", CODES.astype("uint8")))
    other = ClassRaster.of(written(tmp_path / "b.tif", CODES.astype("uint8"), **make))
    with pytest.raises(SitsparkError, match=sentence) as refused:
        common_grid(one, other)
    assert str(one.path) in str(refused.value) and str(other.path) in str(refused.value)
