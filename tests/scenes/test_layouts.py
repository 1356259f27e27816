"""Names of products and files as Theia and the USGS write them, and the two shapes of an archive."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sitspark.location import Location
from sitspark.scenes import landsat, theia
from sitspark.scenes.container import Container
from sitspark.scenes.layouts import DELIVERED
from sitspark.scenes.product import Layout, ProductName

THEIA_NAME = "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2"
LANDSAT_NAME = "LC08_L1TP_013032_20180131_20180207_01_T1"


def version_of(name: str) -> str:
    first, second = name.rpartition("_V")[2].split("-")
    return f"{int(first):06d}-{int(second):06d}"


@pytest.mark.parametrize(
    ("name", "platform", "tile", "acquired"),
    [
        (THEIA_NAME, "SENTINEL2A", "31TCJ", datetime(2018, 1, 3, 10, 54, 29, tzinfo=UTC)),
        (
            "SENTINEL2B_20180628-105756-357_L2A_T31TDK_D_V1-8",
            "SENTINEL2B",
            "31TDK",
            datetime(2018, 6, 28, 10, 57, 56, tzinfo=UTC),
        ),
        ("SENTINEL2C_20250301-000000-000_L2A_T01CDH_C_V4-0", "SENTINEL2C", "01CDH", datetime(2025, 3, 1, tzinfo=UTC)),
        (
            "SENTINEL2A_20200229-105429-123_L2A_T31TCJ_C_V2-2",
            "SENTINEL2A",
            "31TCJ",
            datetime(2020, 2, 29, 10, 54, 29, tzinfo=UTC),
        ),
    ],
)
def test_names_of_theia(name: str, platform: str, tile: str, acquired: datetime) -> None:
    assert theia.recognise(name) == ProductName("sentinel2", platform, tile, acquired, processed=version_of(name))


@pytest.mark.parametrize(
    "name",
    [
        "SENTINEL2A_20180103-105429-123_L1C_T31TCJ_C_V2-2",  # other levels
        "SENTINEL2X_20180115-000000-000_L3A_T31TCJ_D_V1-1",
        "SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2.zip",
        "SENTINEL2A_20180103-105429-123_L2A_31TCJ_C_V2-2",
        "xSENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2",
        "S2A_MSIL2A_20180103T105429_N0206_R051_T31TCJ_20180103T142332.SAFE",
        LANDSAT_NAME,
        "",
    ],
)
def test_names_that_are_not_of_theia(name: str) -> None:
    assert theia.recognise(name) is None


@pytest.mark.parametrize(
    ("name", "tile", "acquired"),
    [
        (LANDSAT_NAME, "013032", datetime(2018, 1, 31, tzinfo=UTC)),
        ("LC08_L1GT_199030_20200229_20200301_01_T2", "199030", datetime(2020, 2, 29, tzinfo=UTC)),
        ("LC08_L1GS_001001_20181231_20190101_01_RT", "001001", datetime(2018, 12, 31, tzinfo=UTC)),
    ],
)
def test_names_of_landsat(name: str, tile: str, acquired: datetime) -> None:
    """The path is the relative orbit."""
    assert landsat.recognise(name) == ProductName("landsat8", "LC08", tile, acquired, int(tile[:3]), "01", name.split("_")[4])


@pytest.mark.parametrize(
    "name",
    [
        "LC08_L1TP_013032_20180131_20180207_02_T1",  # Collection 2 has other scaling and bits
        "LC08_L2SP_013032_20180131_20180207_01_T1",
        "LE07_L1TP_013032_20180131_20180207_01_T1",
        "LC08_L1TP_13032_20180131_20180207_01_T1",
        "LC08_L1TP_013032_20180131_20180207_01_T1.tar.gz",
        THEIA_NAME,
    ],
)
def test_names_that_are_not_of_landsat(name: str) -> None:
    assert landsat.recognise(name) is None


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("theia_l2a", "SENTINEL2A_20180230-105429-123_L2A_T31TCJ_C_V2-2"),
        ("theia_l2a", "SENTINEL2A_20190229-105429-123_L2A_T31TCJ_C_V2-2"),
        ("theia_l2a", "SENTINEL2A_20180103-255429-123_L2A_T31TCJ_C_V2-2"),  # no such hour
        ("theia_l3a", "SENTINEL2X_20180015-000000-000_L3A_T31TCJ_D_V1-1"),
        ("sen2cor_l2a", "S2A_MSIL2A_20220230T105259_N0400_R051_T31TCJ_20220130T135521"),
        ("landsat_c1_l1", "LC08_L1TP_013032_20180132_20180207_01_T1"),
        ("landsat_c2_l2", "LC09_L2SP_013032_20220431_20220502_02_T1"),
    ],
)
def test_a_name_with_a_date_that_does_not_exist_is_a_product_without_a_date(layout: str, name: str) -> None:
    found = DELIVERED[layout].recognise(name)
    assert found is not None and found.acquired is None and found.tile in ("31TCJ", "013032")


def members(layout: Layout, product: Path, names: list[str], reflectance: str = "FRE") -> list[str]:
    return [file.member for file in layout.contents(Container(Location.of(product)), names, reflectance).files.values()]


def test_files_of_a_product(tmp_path: Path) -> None:
    theia_product, landsat_product = tmp_path / THEIA_NAME, tmp_path / LANDSAT_NAME
    for reflectance in ("FRE", "SRE"):
        assert members(theia.L2A, theia_product, ["B8A"], reflectance) == [f"{THEIA_NAME}_{reflectance}_B8A.tif"]
    assert members(theia.L2A, theia_product, ["CLM"], "SRE") == [f"MASKS/{THEIA_NAME}_CLM_R1.tif"]
    assert members(theia.L3A, theia_product, ["FLG", "B2"]) == [f"MASKS/{THEIA_NAME}_FLG_R1.tif", f"{THEIA_NAME}_FRC_B2.tif"]
    names = ["B5", "BQA"]
    assert members(landsat.C1_L1, landsat_product, names) == [f"LC08_L1TP_013032_20180131_{name}.TIF" for name in names]
    name = "LC09_L2SP_013032_20220131_20220202_02_T1"
    files = members(landsat.C2_L2, tmp_path / name, ["B5", "QA_PIXEL"])
    assert files == [f"{name}_SR_B5.TIF", f"{name}_QA_PIXEL.TIF"]


def test_layouts_name_bands_that_they_have() -> None:
    for name, layout in DELIVERED.items():
        assert layout.name == name
        assert {layout.red, layout.nir, layout.swir} <= set(layout.bands)
        assert not set(layout.bands) & set(layout.masks)


def test_any_bit_of_any_theia_mask_invalidates() -> None:
    for mask in theia.L2A.masks:
        valid = np.ones((1, 9), np.uint8)
        theia.L2A.masks[mask].invalidate(np.array([[0, *(1 << bit for bit in range(8))]], np.uint8), valid)
        assert valid.tolist() == [[1] + [0] * 8]
    assert set(theia.L2A.masks) == {"CLM", "SAT", "EDG"}


@pytest.mark.parametrize(
    ("quality", "usable"),
    [
        (21824, 1),  # clear land
        (21952, 1),  # clear water
        (1, 0),  # fill
        (21826, 0),  # dilated cloud over land
        (54596, 0),  # high confidence of cirrus
        (22280, 0),  # high confidence of cloud
        (23888, 0),  # high confidence of cloud shadow
        (30048, 1),  # high confidence of snow
    ],
)
def test_quality_bits_of_collection_2(quality: int, usable: int) -> None:
    """Values and meanings of LSDS-1619, table 6-3."""
    valid = np.ones((1, 1), np.uint8)
    landsat.C2_L2.masks["QA_PIXEL"].invalidate(np.array([[quality]], np.uint16), valid)
    assert valid[0, 0] == usable


@pytest.mark.parametrize(
    ("quality", "usable"),
    [
        (0b0000_1010_1010_0000, 1),  # 2720: clear, all confidences low
        (0b0000_0000_0000_0001, 0),  # 1: fill
        (0b0000_1010_1010_0010, 1),  # terrain occlusion alone
        (0b0000_1010_1010_1100, 1),  # saturation of some bands alone
        (0b0000_1010_1111_0000, 0),  # 2800: cloud
        (0b0000_1010_1110_0000, 1),  # high confidence of cloud without the cloud bit
        (0b0000_1011_1010_0000, 0),  # 2976: high confidence of shadow
        (0b0000_1011_0010_0000, 0),  # medium confidence of shadow never occurs, its upper bit is set
        (0b0000_1010_1010_0000 | 0b11 << 9, 1),  # high confidence of snow
        (0b0001_1010_1010_0000, 1),  # high confidence of cirrus: 6816
    ],
)
def test_quality_bits_of_landsat(quality: int, usable: int) -> None:
    valid = np.ones((1, 1), np.uint8)
    landsat.C1_L1.masks["BQA"].invalidate(np.array([[quality]], np.uint16), valid)
    assert valid[0, 0] == usable
