"""Archives by a pattern: what paths say, how files become products, and what can't be understood."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes.archive import Listed
from sitspark.scenes.cube import read_cube
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import Reason
from sitspark.scenes.listing import list_archive
from sitspark.scenes.mask_rules import AllBut, AnyBit, AnyOf
from sitspark.scenes.pattern import Match, Template
from sitspark.scenes.product import NODATA, Scene
from sitspark.settings import ScenesSettings
from sitspark.timegrid import day_number
from tests import servers

from .products import LEFT, TOP, UTM31, grid_of, write_raster

BANDS = {"red": "B04", "nir": "B08"}


def settings_of(folder: Path | str, pattern: str, **description: Any) -> ScenesSettings:
    described = {"bands": BANDS} | description
    return ScenesSettings.model_validate({"folder": folder, "layout": "pattern", "pattern": pattern, "description": described})


def scene_of(product: Listed, settings: ScenesSettings) -> Scene:
    found = inspect_product(product.source, Selection.of(settings))
    assert found.problem is None and found.crs is not None, found.problem
    return Scene(product.scene_id, product.name.tile, product.name.acquired, found.crs, found.assets)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "path", "match"),
    [
        ("{tile}/{date:%Y%m%d}/{band}.tif", "31TCJ/20180203/B4.tif", Match("31TCJ", "20180203", day("2018-02-03"), "B4")),
        ("{tile}/{date:%Y%m%d}/{band}.tif", "31TCJ/20180230/B4.tif", Match("31TCJ", "20180230", None, "B4")),  # no such day
        ("{tile}/{date:%Y%m%d}/{band}.tif", "31TCJ/20180203/B4.tif.aux.xml", None),
        ("{date:%Y}/{date:%j}_{band}.tif", "2018/034_B4.tif", Match(None, "20180203", day("2018-02-03"), "B4")),
        ("{date:%Y}/{date:%j}_{band}.tif", "2018/366_B4.tif", Match(None, "2018366", None, "B4")),
        ("{date:%Y}/{date:%Y%m%d}.tif", "2018/20180203.tif", Match(None, "20180203", day("2018-02-03"), None)),
        ("{date:%Y}/{date:%Y%m%d}.tif", "2017/20180203.tif", None),  # the year of the folder is another
        ("{tile}/{tile}_{date:%d%b%y}*.tif", "a/a_03Feb18_v2.tif", Match("a", "20180203", day("2018-02-03"), None)),
        ("{tile}/{tile}_{date:%d%b%y}*.tif", "a/b_03Feb18_v2.tif", None),
        ("MOD13Q1.A{date:%Y%j}.{tile}.*.{band}.tif", "MOD13Q1.A2018033.h18v04.061.2021.ndvi.tif",
         Match("h18v04", "20180202", day("2018-02-02"), "ndvi")),
        ("{date:%Y%m%dT%H%M%S}.tif", "20180203T101112.tif", Match(None, "20180203T101112", day("2018-02-03T10:11:12"), None)),
        ("a+b/{date:%Y%m%d}.tif", "aab/20180203.tif", None),  # what isn't a field is meant as it stands
    ],
)  # fmt: skip
def test_a_path_says_tile_date_and_band(pattern: str, path: str, match: Match | None) -> None:
    assert Template.of(pattern).match(path) == match


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{tile}/{band}.tif", "has no year; write dates as {date:%Y%m%d}"),
        ("{date:%m%d}.tif", "has no year"),
        ("{date:%Y%U}.tif", "%U is no code of a date; known are %Y, %y, %m"),
        ("{sensor}/{date:%Y%m%d}.tif", "{sensor} is no field; known are {tile}, {band}"),
    ],
)
def test_a_pattern_that_can_not_be_read_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(SitsparkError) as caught:
        Template.of(pattern)
    assert str(caught.value).startswith("scenes.pattern: ") and words in str(caught.value)


def test_files_of_one_tile_and_date_are_one_product(tmp_path: Path) -> None:
    for tile, day in (("A", "20180203"), ("A", "20180213"), ("B", "20180203")):
        for band in ("B04", "B08", "B99"):
            write_raster(tmp_path / tile / f"{day}_{band}.tif", np.ones((8, 8), np.int16))
    (tmp_path / "A" / "readme.txt").touch()
    (tmp_path / "top.txt").touch()
    settings = settings_of(tmp_path, "{tile}/{date:%Y%m%d}_{band}.tif")
    found = list_archive(settings)
    assert [p.scene_id for p in found.products] == ["A_20180203", "A_20180213", "B_20180203"]
    assert [place.name for place in found.strangers] == ["readme.txt"]
    assert [asset.name for asset in scene_of(next(iter(found.products)), settings).assets] == ["red", "nir"]


def test_files_of_a_date_that_does_not_exist_are_a_product_that_is_left_out(tmp_path: Path) -> None:
    for name in ("20180203_B04", "20180203_B08", "20180231_B04", "20180231_B08", "20180231_quicklook"):
        write_raster(tmp_path / "A" / f"{name}.tif", np.ones((8, 8), np.int16))
    found = list_archive(settings_of(tmp_path, "{tile}/{date:%Y%m%d}_{band}.tif"))
    assert [p.scene_id for p in found.wanted] == ["A_20180203"] and not found.strangers
    left_out = list(found.products)[1].left_out
    assert left_out is not None and left_out.reason is Reason.NO_DATE
    first = tmp_path / "A" / "20180231_B04.tif"
    assert left_out.sentence == f"A_20180231: the date in its name doesn't exist, {first} is misnamed"


def test_a_product_is_where_its_first_file_by_address_is(tmp_path: Path) -> None:
    """In whatever order folders are gone through: its fingerprint follows from that."""
    for folder, band in (("b", "B04"), ("a", "B08")):
        write_raster(tmp_path / folder / f"20180203_{band}.tif", np.ones((8, 8), np.int16))
    (product,) = list_archive(settings_of(tmp_path, "*/{date:%Y%m%d}_{band}.tif")).products
    assert product.address == str(tmp_path / "a" / "20180203_B08.tif")


def test_a_product_without_a_band_is_damaged(tmp_path: Path) -> None:
    write_raster(tmp_path / "20180203_B04.tif", np.ones((8, 8), np.int16))
    settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif")
    with pytest.raises(SitsparkError, match=r"nir is 'B08', and no product has such a {band}; they have B04; correct the name"):
        list_archive(settings)
    # where another has it, this one is faulty
    write_raster(tmp_path / "20180213_B08.tif", np.ones((8, 8), np.int16))
    product, _ = list_archive(settings).products
    assert inspect_product(product.source, Selection.of(settings)).problem == f"{tmp_path.name}_20180203: band nir is missing"


def test_two_files_of_one_band_are_refused(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        write_raster(tmp_path / f"20180203_B04_{version}.tif", np.ones((8, 8), np.int16))
    with pytest.raises(SitsparkError, match=r"B04_v1.tif and .*B04_v2.tif are the same band of the same tile and date"):
        list_archive(settings_of(tmp_path, "{date:%Y%m%d}_{band}_*.tif"))


def test_an_archive_of_other_names_is_told_with_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "scene.tif").touch()
    with pytest.raises(SitsparkError, match=r"no file below .* is named as .*, as scene.tif doesn't; correct the pattern"):
        list_archive(settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif"))


def test_bands_of_one_file_have_numbers(tmp_path: Path) -> None:
    values = np.arange(3 * 64, dtype=np.int16).reshape(3, 8, 8) + 100
    values[2] = 0
    values[2, 0] = 4
    profile = {"driver": "GTiff", "height": 8, "width": 8, "count": 3, "dtype": "int16", "crs": UTM31}
    with rasterio.open(tmp_path / "20180203.tif", "w", **profile, transform=from_origin(LEFT, TOP, 10, 10)) as file:
        file.write(values)
    masks = {"clouds": {"file": 3, "bits": [2]}}
    settings = settings_of(tmp_path, "{date:%Y%m%d}.tif", bands={"nir": 2, "red": 1}, masks=masks)
    (product,) = list_archive(settings).products
    selection = Selection.of(settings)
    cube = read_cube(
        [scene_of(product, settings)], grid_of(8, 8), layout=selection.layout, bands=("nir", "red"), interpolator="cubic"
    )
    assert np.array_equal(cube.reflectance[0], values[[1, 0]])
    assert np.array_equal(cube.valid[0], np.where(np.arange(8)[:, None] == 0, 0, np.ones((8, 8))))
    with pytest.raises(SitsparkError, match=r"red is 'B04', but scenes.pattern has no {band}; give its number in the file"):
        list_archive(settings_of(tmp_path, "{date:%Y%m%d}.tif"))


def test_reflectances_of_any_kind_come_to_the_common_scale(tmp_path: Path) -> None:
    """Fractions with NaN, and unsigned numbers with scale and offset: one pixel of each by hand."""
    fraction = np.full((8, 8), 0.25, np.float32)
    fraction[0, 0] = np.nan
    write_raster(tmp_path / "20180203_B04.tif", fraction)
    counts = np.full((8, 8), 20_000, np.uint16)
    counts[0, 1] = 0
    write_raster(tmp_path / "20180203_B08.tif", counts)
    for band, kind, expected in (("B04", {"scale": 1, "offset": 0}, 2500), ("B08", {"scale": 2.75e-5, "offset": -0.2}, 3500)):
        settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif", bands={"x": band}, **kind)
        scene = scene_of(next(iter(list_archive(settings).products)), settings)
        layout = Selection.of(settings).layout
        cube = read_cube([scene], grid_of(8, 8), layout=layout, bands=("x",), interpolator="cubic")
        hole = (0, 0) if band == "B04" else (0, 1)
        wanted = np.full((8, 8), expected, np.int16)
        wanted[hole] = NODATA
        assert np.array_equal(cube.reflectance[0, 0], wanted)
        assert cube.valid.sum() == 63 and cube.valid[0][hole] == 0


@pytest.mark.parametrize(
    ("mask", "rule"),
    [
        ({"invalid": [3, 500]}, AnyOf((3, 500))),
        ({"valid": [4, 5]}, AllBut((4, 5))),
        ({"bits": [0, 3]}, AnyBit(9)),
    ],
)
def test_a_mask_excludes_by_values_or_bits(tmp_path: Path, mask: dict[str, Any], rule: object) -> None:
    settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif", masks={"clouds": {"file": "QA"} | mask})
    assert Selection.of(settings).layout.masks == {"clouds": rule}


@pytest.mark.parametrize("rule", [AnyOf((3, 500)), AllBut((0, 4)), AnyBit(1 << 9)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
def test_rules_hold_for_every_value_of_a_mask(rule: AnyOf | AllBut | AnyBit, dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.arange(limits.min, limits.max + 1).astype(dtype)[None]
    valid = np.ones(values.shape, np.uint8)
    rule.invalidate(values, valid)
    wanted = {
        AnyOf: lambda v: v not in (3, 500),
        AllBut: lambda v: v in (0, 4),
        AnyBit: lambda v: not v & 512,
    }[type(rule)]
    assert valid[0].tolist() == [int(wanted(int(v))) for v in values[0]]


def test_a_mask_of_fractions_is_no_mask(tmp_path: Path) -> None:
    for band, kind in (("B04", np.int16), ("B08", np.int16), ("QA", np.float32)):
        write_raster(tmp_path / f"20180203_{band}.tif", np.ones((8, 8), kind))
    settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif", masks={"clouds": {"file": "QA", "invalid": [1]}})
    (product,) = list_archive(settings).products
    assert "mask clouds holds float32" in str(inspect_product(product.source, Selection.of(settings)).problem)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"layout": "pattern"}, "scenes.pattern goes with scenes.layout: pattern"),
        ({"pattern": "{date:%Y}"}, "scenes.pattern goes with scenes.layout: pattern"),
        ({"layout": "stac"}, "scenes.description.bands is missing; layout stac needs to know what its bands are"),
        ({"description": {"bands": {"a": "b"}}}, "theia_l2a knows its own"),
        ({"layout": "stac", "description": {"bands": {"a": "b"}, "red": "c"}}, "has red: c, which is none of its bands (a)"),
        (
            {"layout": "stac", "description": {"bands": {"a": "b"}, "masks": {"a": {"file": "c", "bits": [1]}}}},
            "calls a a band and a mask",
        ),
        (
            {"layout": "stac", "description": {"bands": {"a": "b"}, "masks": {"m": {"file": "c"}}}},
            "should have one of invalid, valid and bits",
        ),
        ({"folder": "ftp://host/a"}, "ftp:// can't be read"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(tree: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        ScenesSettings.model_validate({"folder": "/archive"} | tree)
    assert words in str(caught.value)


def test_a_pattern_is_found_in_a_bucket(tmp_path: Path, bucket: str) -> None:
    for band in ("B04", "B08"):
        write_raster(tmp_path / "A" / f"20180203_{band}.tif", np.full((8, 8), 7, np.int16))
    servers.upload(tmp_path, tmp_path.name)
    settings = settings_of(f"{bucket}/{tmp_path.name}", "{tile}/{date:%Y%m%d}_{band}.tif")
    (product,) = list_archive(settings).products
    scene = scene_of(product, settings)
    assert scene.asset("red").path == f"/vsis3/{servers.BUCKET}/{tmp_path.name}/A/20180203_B04.tif"
    layout = Selection.of(settings).layout
    cube = read_cube([scene], grid_of(8, 8), layout=layout, bands=("red", "nir"), interpolator="cubic")
    assert (cube.reflectance == 7).all() and cube.valid.all()
    assert Location(f"{bucket}/{tmp_path.name}/A/20180203_B04.tif") == product.source.location


def test_files_that_no_band_asks_for_may_be_there_twice(tmp_path: Path) -> None:
    for name in ("B04_v1", "B08_v1", "quicklook_v1", "quicklook_v2"):
        write_raster(tmp_path / f"20180203_{name}.tif", np.ones((8, 8), np.int16))
    found = list_archive(settings_of(tmp_path, "{date:%Y%m%d}_{band}_*.tif"))
    assert len(found.products) == 1 and not found.strangers


def test_a_date_may_stand_over_several_folders(tmp_path: Path) -> None:
    for band in ("B04", "B08"):
        write_raster(tmp_path / "A" / "2018" / "02" / f"03_{band}.tif", np.ones((8, 8), np.int16))
    (product,) = list_archive(settings_of(tmp_path, "{tile}/{date:%Y/%m/%d}_{band}.tif")).products
    assert product.scene_id == "A_20180203"


def test_names_that_could_be_cut_at_several_places_are_cut_at_the_bands(tmp_path: Path) -> None:
    for band in ("dark_red", "red", "nir"):
        write_raster(tmp_path / f"area_1_{band}_20180203.tif", np.ones((8, 8), np.int16))
    bands = {"red": "red", "nir": "nir", "dark": "dark_red"}
    found = list_archive(settings_of(tmp_path, "{tile}_{band}_{date:%Y%m%d}.tif", bands=bands))
    assert [p.scene_id for p in found.products] == ["area_1_20180203"] and not found.strangers


def test_files_of_other_bands_alone_are_told(tmp_path: Path) -> None:
    write_raster(tmp_path / "20180203_RED.tif", np.ones((8, 8), np.int16))
    with pytest.raises(SitsparkError, match=r"scenes.description: the files are of the bands RED, none of B04, B08"):
        list_archive(settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif"))


def test_pixels_of_a_composite_have_days_of_their_own(tmp_path: Path) -> None:
    """Two composites that overlap: where the second one was seen first, the pixel's series is in that order."""
    days = {"20181219": [[353, 354, 2, 0]], "20181227": [[361, 353, 1, 366]]}
    for name, row in days.items():
        write_raster(tmp_path / f"{name}_B04.tif", np.full((4, 4), int(name[-2:]), np.int16))
        write_raster(tmp_path / f"{name}_B08.tif", np.full((4, 4), 7, np.int16))
        write_raster(tmp_path / f"{name}_doy.tif", np.array(row * 4, np.int16))
    settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif", day="doy")
    selection = Selection.of(settings)
    scenes = [scene_of(product, settings) for product in list_archive(settings).products]
    cube = read_cube(scenes, grid_of(4, 4), layout=selection.layout, bands=selection.bands, interpolator="cubic")
    assert cube.pixel_days is not None
    start = day_number(date(2018, 12, 19))
    assert (cube.pixel_days[:, 0, :3] - start).tolist() == [[0, 0, 13], [8, 1, 14]]
    assert cube.reflectance[:, 0, 0].tolist() == [[19, 27, 27, 19], [27, 19, 19, 27]]
    # 0 is no day; the other composite has one
    assert cube.valid[:, 0, :3].all() and sorted(cube.valid[:, 0, 3]) == [0, 1]
    assert (cube.pixel_days[cube.valid[:, 0, 3] == 1, 0, 3] - start).tolist() == [13]


@pytest.mark.parametrize(
    ("dtype", "problem"),
    [("uint8", None), ("uint16", None), ("float32", "day day holds float32, .* whole numbers")],
)
def test_days_are_whole_numbers_of_any_kind(tmp_path: Path, dtype: str, problem: str | None) -> None:
    for band in ("B04", "B08"):
        write_raster(tmp_path / f"20180203_{band}.tif", np.ones((8, 8), np.int16))
    write_raster(tmp_path / "20180203_doy.tif", np.full((8, 8), 40, dtype))
    settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif", day="doy")
    (product,) = list_archive(settings).products
    found = inspect_product(product.source, Selection.of(settings)).problem
    assert found is None if problem is None else re.search(problem, str(found))


def test_one_band_of_a_file_may_have_no_data_where_another_has(tmp_path: Path) -> None:
    """Warped from another resolution: what has no data is no part of the interpolation."""
    values = np.full((2, 8, 8), 1000, np.int16)
    values[1, 2:4, 2:4] = -10000
    profile = {"driver": "GTiff", "height": 8, "width": 8, "count": 2, "dtype": "int16", "crs": UTM31, "nodata": -10000}
    with rasterio.open(tmp_path / "20180203.tif", "w", **profile, transform=from_origin(LEFT, TOP, 30, 30)) as file:
        file.write(values)
    settings = settings_of(tmp_path, "{date:%Y%m%d}.tif", bands={"red": 1, "nir": 2})
    selection = Selection.of(settings)
    (product,) = list_archive(settings).products
    cube = read_cube(
        [scene_of(product, settings)], grid_of(24, 24), layout=selection.layout, bands=("red", "nir"), interpolator="cubic"
    )
    assert not cube.valid[0, 7:11, 7:11].any() and cube.valid[0, 14:, 14:].all()
    assert set(np.unique(cube.reflectance[0][:, cube.valid[0] == 1])) == {1000}


def test_a_value_of_no_data_that_the_file_can_not_hold_is_told(tmp_path: Path) -> None:
    for band in ("B04", "B08"):
        write_raster(tmp_path / f"20180203_{band}.tif", np.ones((8, 8), np.uint16))
    settings = settings_of(tmp_path, "{date:%Y%m%d}_{band}.tif", nodata=-9999)
    (product,) = list_archive(settings).products
    problem = inspect_product(product.source, Selection.of(settings)).problem
    assert problem is not None and "band red is of uint16, which has no -9999, its value of no data" in problem
