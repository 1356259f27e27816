"""Names of classes beside a raster of anybody."""

from pathlib import Path

import pytest

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.maps.class_names import names_beside
from sitspark.maps.style import sidecar

CLASSES = Nomenclature((LandCoverClass(3, "water", (0, 0, 255)), LandCoverClass(11, "winter wheat", (200, 200, 0))))
TABLE = """<GDALRasterAttributeTable><FieldDefn index="0"><Name>Klasse</Name><Type>2</Type><Usage>2</Usage></FieldDefn>
<FieldDefn index="1"><Name>Wert</Name><Type>0</Type><Usage>{value}</Usage></FieldDefn>
<Row index="0"><F>water</F><F>3</F></Row><Row index="1"><F></F><F>4</F></Row></GDALRasterAttributeTable>"""


def test_those_of_our_own_maps_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "map.tif.aux.xml").write_text(sidecar(CLASSES))
    assert names_beside(tmp_path / "map.tif", note=pytest.fail) == {0: "not classified", 3: "water", 11: "winter wheat"}


@pytest.mark.parametrize(
    ("band", "names"),
    [
        ("<CategoryNames><Category/><Category> forest </Category></CategoryNames>", {1: "forest"}),
        (TABLE.format(value=5), {3: "water"}),
        (f"<CategoryNames><Category/></CategoryNames>{TABLE.format(value=5)}", {3: "water"}),
        (TABLE.format(value=0), {}),  # no column says which value a row is of
        ("", {}),
        # names that stand for several codes, or are numbers, name no class
        ("<CategoryNames><Category>a</Category><Category>b</Category><Category>a</Category></CategoryNames>", {1: "b"}),
        ("<CategoryNames><Category>2</Category><Category>b</Category></CategoryNames>", {1: "b"}),
        (TABLE.format(value=5).replace("<F>3</F>", "<F>3.0</F>").replace("<F>4</F>", ""), {3: "water"}),
        (TABLE.format(value=3).replace("<F>4</F>", "<F>\u00b2</F>"), {3: "water"}),
        (TABLE.format(value=5).replace("<F>3</F>", "<F>3.5</F>"), {}),
        (TABLE.format(value=5).replace("<F>3</F>", "<F>nan</F>"), {}),
    ],
)
def test_category_names_come_before_an_attribute_table(tmp_path: Path, band: str, names: dict[int, str]) -> None:
    (tmp_path / "map.tif.aux.xml").write_text(f"<PAMDataset><PAMRasterBand band='1'>{band}</PAMRasterBand></PAMDataset>")
    assert names_beside(tmp_path / "map.tif", note=pytest.fail) == names


@pytest.mark.parametrize("text", [None, "<PAMDataset/>"])
def test_a_raster_without_names_has_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "map.tif.aux.xml").write_text(text)
    assert names_beside(tmp_path / "map.tif", note=pytest.fail) == {}


def test_a_file_that_is_cut_short_is_told(tmp_path: Path) -> None:
    (tmp_path / "map.tif.aux.xml").write_text("<PAMData")
    told: list[str] = []
    assert names_beside(tmp_path / "map.tif", note=told.append) == {}
    assert told[0].startswith(f"{tmp_path / 'map.tif.aux.xml'}: names of classes can't be read from it (")
