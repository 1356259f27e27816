"""Names and colours: QGIS's style and GDAL's sidecar hold all of them, escaped."""

from xml.etree import ElementTree as Xml

import pytest

from sitspark.classes import LandCoverClass, Nomenclature
from sitspark.maps.style import colour_table, qml, sidecar

NAMES = ("forêt & lande", 'a "quoted" <name>', "水田", "plain")
NOMENCLATURE = Nomenclature(
    tuple(LandCoverClass(code, name, (code % 256, 10, 255)) for code, name in zip((2, 5, 9, 12), NAMES, strict=True))
)


def test_colour_table_has_a_transparent_zero() -> None:
    assert colour_table(NOMENCLATURE) == {
        0: (0, 0, 0, 0),
        2: (2, 10, 255, 255),
        5: (5, 10, 255, 255),
        9: (9, 10, 255, 255),
        12: (12, 10, 255, 255),
    }


def test_qml_is_a_paletted_renderer_with_every_class() -> None:
    text = qml(NOMENCLATURE)
    assert text.startswith("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n<qgis ")
    renderer = Xml.fromstring(text.split("\n", 1)[1]).find("pipe/rasterrenderer")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "1")
    entries = [(e.get("value"), e.get("color"), e.get("label")) for e in renderer.findall("colorPalette/paletteEntry")]
    assert entries == [(str(c.code), c.hex_colour, c.name) for c in NOMENCLATURE]


def test_sidecar_numbers_categories_from_zero() -> None:
    band = Xml.fromstring(sidecar(NOMENCLATURE)).find("PAMRasterBand")
    assert band is not None
    categories = [category.text or "" for category in band.findall("CategoryNames/Category")]
    assert len(categories) == 13
    assert categories[0] == "not classified"
    assert [categories[c.code] for c in NOMENCLATURE] == list(NAMES)
    assert categories[1] == categories[11] == ""


@pytest.mark.parametrize("index", range(4))
def test_sidecar_has_an_attribute_table(index: int) -> None:
    table = Xml.fromstring(sidecar(NOMENCLATURE)).find("PAMRasterBand/GDALRasterAttributeTable")
    assert table is not None
    assert [f.findtext("Name") for f in table.findall("FieldDefn")] == ["Value", "Class", "Red", "Green", "Blue"]
    row, c = table.findall("Row")[index], NOMENCLATURE.classes[index]
    assert [f.text for f in row.findall("F")] == [str(c.code), c.name, *(str(v) for v in c.colour)]
