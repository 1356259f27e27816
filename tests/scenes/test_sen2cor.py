"""ESA's level 2A: reflectances whatever the processing baseline, scene classes, and products that don't tell."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sitspark.location import Location
from sitspark.scenes import sen2cor
from sitspark.scenes.cube import read_cube
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection, layout_of
from sitspark.scenes.product import NODATA, ProductName, Source
from sitspark.settings import ScenesSettings

from .products import grid_of, noise, scene_of, sen2cor_metadata, write_sen2cor

BANDS = ("B04", "B11")
LAND = np.full((30, 40), 4, np.uint8)
# reflectance x 10 000, some of it negative as over water and shadow
FINE, COARSE = (np.clip(noise(60, 80, 1), -300, 9000), np.clip(noise(30, 40, 2), -300, 9000))


def dn(reflectance: np.ndarray, *, offset: int, quantification: int = 10000) -> np.ndarray:
    """What a product stores; before the offset came, negative reflectances were cut to 1."""
    return np.maximum(np.rint(reflectance * (quantification / 10000)) - offset, 1).astype(np.uint16)


def product(archive: Path, *, offset: int | None, baseline: str, when: str = "20220130T105259", quantification: int = 10000):
    stored = {name: dn(v, offset=offset or 0, quantification=quantification) for name, v in (("B04", FINE), ("B11", COARSE))}
    metadata = sen2cor_metadata(baseline=f"{baseline[:2]}.{baseline[2:]}", offset=offset, quantification=quantification)
    return write_sen2cor(archive, stored, LAND, when=when, baseline=baseline, metadata=metadata)


def test_the_name_of_a_product() -> None:
    name = "S2A_MSIL2A_20220130T105259_N0400_R051_T31TCJ_20220130T135521"
    assert sen2cor.recognise(name) == ProductName(
        "sentinel2",
        "SENTINEL2A",
        "31TCJ",
        datetime(2022, 1, 30, 10, 52, 59, tzinfo=UTC),
        51,
        "04.00",
        "04.00 20220130T135521",
    )


@pytest.mark.parametrize(
    "name",
    [
        "S2A_MSIL1C_20220130T105259_N0400_R051_T31TCJ_20220130T135521",
        "S2A_MSIL2A_20220130T105259_N0400_R051_T31TCJ",
        "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2",
    ],
)
def test_names_that_are_none(name: str) -> None:
    assert sen2cor.recognise(name) is None


def test_a_series_across_the_change_of_baseline_has_no_step(tmp_path: Path) -> None:
    """The same ground before and after 25 January 2022, when stored values rose by 1000."""
    before = product(tmp_path, offset=None, baseline="0301", when="20220120T105259")
    after = product(tmp_path, offset=-1000, baseline="0400", when="20220130T105259")
    later = product(tmp_path, offset=-1000, baseline="0510", when="20230130T105259")
    scenes = [scene_of(path, BANDS, sen2cor.LAYOUT) for path in (before, after, later)]
    cube = read_cube(scenes, grid_of(60, 80), layout=sen2cor.LAYOUT, bands=BANDS, interpolator="cubic")
    lit = FINE >= 1  # what was stored before the offset came
    for date in range(3):
        assert (cube.reflectance[date, 0][lit] == FINE[lit]).all()
    assert (cube.reflectance[1] == cube.reflectance[2]).all()
    # with the offset negative reflectances come back too
    assert (cube.reflectance[1, 0] == FINE).all()


def test_another_quantification_is_read(tmp_path: Path) -> None:
    path = product(tmp_path, offset=-1000, baseline="0400", quantification=20000)
    scene = scene_of(path, BANDS, sen2cor.LAYOUT)
    cube = read_cube([scene], grid_of(60, 80), layout=sen2cor.LAYOUT, bands=("B04",), interpolator="cubic")
    # an offset of -1000 stands for 0.05 there
    stored = dn(FINE, offset=-1000, quantification=20000).astype(float)
    assert (cube.reflectance[0, 0] == np.rint((stored - 1000) / 2)).all()


def test_pixels_without_data_are_invalid(tmp_path: Path) -> None:
    stored = dn(FINE, offset=-1000)
    stored[5, 7] = 0
    path = write_sen2cor(tmp_path, {"B04": stored}, LAND)
    scene = scene_of(path, ("B04",), sen2cor.LAYOUT)
    cube = read_cube([scene], grid_of(60, 80), layout=sen2cor.LAYOUT, bands=("B04",), interpolator="cubic")
    assert cube.reflectance[0, 0, 5, 7] == NODATA
    assert np.argwhere(cube.valid[0] == 0).tolist() == [[5, 7]]


@pytest.mark.parametrize(
    ("invalid", "expected"),
    [((0, 1, 3, 8, 9, 10), {0, 1, 3, 8, 9, 10}), ((9,), {0, 1, 9}), ((3, 7, 8, 9, 10, 11), {0, 1, 3, 7, 8, 9, 10, 11})],
)
def test_scene_classes_exclude_their_four_pixels(tmp_path: Path, invalid: tuple[int, ...], expected: set[int]) -> None:
    classes = (np.arange(30 * 40).reshape(30, 40) % 12).astype(np.uint8)
    layout = layout_of(ScenesSettings(folder=tmp_path, layout="sen2cor_l2a", invalid_scl=invalid))
    scene = scene_of(write_sen2cor(tmp_path, {"B04": dn(FINE, offset=-1000)}, classes), ("B04",), layout)
    for rows, cols in ((slice(0, 60), slice(0, 80)), (slice(7, 52), slice(3, 77))):
        grid = grid_of(60, 80, left=300_000 + 10 * cols.start, top=4_900_020 - 10 * rows.start)
        cube = read_cube([scene], grid, layout=layout, bands=("B04",), interpolator="cubic")
        fine = classes.repeat(2, 0).repeat(2, 1)[rows, cols]
        inside = cube.valid[0][: fine.shape[0], : fine.shape[1]]
        assert (inside == ~np.isin(fine, list(expected))).all()
        assert not cube.valid[0][60 - rows.start :].any()  # beyond the image


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        pytest.param(None, ["MTD_MSIL2A.xml is missing", "offset of its reflectances is unknown"], id="no metadata"),
        pytest.param("<cut", ["MTD_MSIL2A.xml is no XML"], id="cut metadata"),
        pytest.param(
            sen2cor_metadata(baseline="04.00", offset=None),
            ["processing baseline 04.00 and no BOA_ADD_OFFSET"],
            id="a new baseline without its offset",
        ),
        pytest.param(
            sen2cor_metadata(baseline=None, offset=None), ["no PROCESSING_BASELINE and no BOA_ADD_OFFSET"], id="neither"
        ),
        pytest.param(sen2cor_metadata(quantification=None), ["no BOA_QUANTIFICATION_VALUE"], id="no quantification"),
        pytest.param(
            sen2cor_metadata().replace('<BOA_ADD_OFFSET band_id="11">-1000</BOA_ADD_OFFSET>', ""),
            ["no BOA_ADD_OFFSET of band B11"],
            id="an offset is lacking",
        ),
        pytest.param(
            sen2cor_metadata().replace(' band_id="11"', ""), ["a BOA_ADD_OFFSET without a band or a number"], id="of no band"
        ),
        pytest.param(
            sen2cor_metadata().replace(">-1000<", "><", 1), ["a BOA_ADD_OFFSET without a band or a number"], id="no number"
        ),
    ],
)
def test_a_product_that_does_not_tell_its_offset_is_refused(tmp_path: Path, metadata: str | None, words: list[str]) -> None:
    path = write_sen2cor(tmp_path, {"B04": dn(FINE, offset=-1000)}, LAND, metadata=metadata)
    problem = inspect_product(Source.delivered(Location.of(path)), Selection(sen2cor.LAYOUT, ("B04",))).problem
    assert problem is not None and problem.startswith("S2A_MSIL2A_20220130T105259_N0400_R051_T31TCJ_20230101T000000: ")
    for word in words:
        assert word in problem


def test_a_jpeg_2000_file_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = write_sen2cor(tmp_path, {"B04": dn(FINE, offset=-1000)}, LAND)
    band = next(path.rglob("*_B04_10m.jp2"))
    band.write_bytes(band.read_bytes()[:-50])
    problem = inspect_product(Source.delivered(Location.of(path)), Selection(sen2cor.LAYOUT, ("B04",))).problem
    assert problem is not None and f"band B04 is cut short, {band} ends before its last block" in problem


def test_a_missing_band_is_named_by_where_it_should_be(tmp_path: Path) -> None:
    path = write_sen2cor(tmp_path, {"B04": dn(FINE, offset=-1000)}, LAND)
    problem = inspect_product(Source.delivered(Location.of(path)), Selection(sen2cor.LAYOUT, ("B04", "B12"))).problem
    assert problem is not None and "band B12 is missing, there is no file" in problem and "R20m/*_B12_20m.jp2" in problem
