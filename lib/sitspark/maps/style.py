"""Names and colours of a map for those who open it: QGIS's style, GDAL's colour table and sidecar."""

from xml.etree import ElementTree as Xml

from sitspark.classes import Nomenclature

_NOT_CLASSIFIED = (0, 0, 0, 0)
# GDAL's codes in a raster attribute table: type (integer, string) and usage of each column
_ATTRIBUTES = (
    ("Value", "0", "5"),
    ("Class", "2", "2"),
    ("Red", "0", "6"),
    ("Green", "0", "7"),
    ("Blue", "0", "8"),
)


def colour_table(nomenclature: Nomenclature) -> dict[int, tuple[int, int, int, int]]:
    """Class code to red, green, blue, alpha of 0-255; code 0, not classified, is transparent."""
    return {0: _NOT_CLASSIFIED, **{c.code: (*c.colour, 255) for c in nomenclature}}


def qml(nomenclature: Nomenclature) -> str:
    """A QGIS 3 layer style: band 1 as palette, with value, colour and name of every class."""
    root = Xml.Element("qgis", {"version": "3.22.0", "styleCategories": "Symbology"})
    pipe = Xml.SubElement(root, "pipe")
    renderer = Xml.SubElement(
        pipe,
        "rasterrenderer",
        {"type": "paletted", "band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""},
    )
    Xml.SubElement(renderer, "rasterTransparency")
    palette = Xml.SubElement(renderer, "colorPalette")
    for c in nomenclature:
        Xml.SubElement(
            palette,
            "paletteEntry",
            {"value": str(c.code), "color": c.hex_colour, "alpha": "255", "label": c.name},
        )
    # classes have no values in between
    Xml.SubElement(pipe, "rasterresampler", {"maxOversampling": "2"})
    Xml.SubElement(root, "blendMode").text = "0"
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + _text(root)


def sidecar(nomenclature: Nomenclature) -> str:
    """GDAL's `.aux.xml` of a classification: category names and a raster attribute table for band 1."""
    root = Xml.Element("PAMDataset")
    band = Xml.SubElement(root, "PAMRasterBand", {"band": "1"})
    names = {0: "not classified", **{c.code: c.name for c in nomenclature}}
    categories = Xml.SubElement(band, "CategoryNames")
    for code in range(max(names) + 1):
        Xml.SubElement(categories, "Category").text = names.get(code, "")
    table = Xml.SubElement(band, "GDALRasterAttributeTable", {"tableType": "thematic"})
    for index, (name, kind, usage) in enumerate(_ATTRIBUTES):
        field = Xml.SubElement(table, "FieldDefn", {"index": str(index)})
        Xml.SubElement(field, "Name").text = name
        Xml.SubElement(field, "Type").text = kind
        Xml.SubElement(field, "Usage").text = usage
    for index, c in enumerate(nomenclature):
        row = Xml.SubElement(table, "Row", {"index": str(index)})
        for value in (c.code, c.name, *c.colour):
            Xml.SubElement(row, "F").text = str(value)
    return _text(root)


def _text(root: Xml.Element) -> str:
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"
