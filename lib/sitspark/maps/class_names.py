"""The names of classes that lie beside a raster, whoever made it, in GDAL's `.aux.xml`."""

import xml.etree.ElementTree as Xml
from pathlib import Path

from sitspark.maps.mosaic import sidecar_of

# what a column of an attribute table is for (GDALRATFieldUsage)
_NAME, _VALUE = "2", "5"


def names_beside(raster: Path) -> dict[int, str]:
    """Names by code: the category names of band 1, else those of its attribute table; empty where there are none."""
    try:
        band = Xml.parse(sidecar_of(raster)).find("PAMRasterBand[@band='1']")
    except (OSError, Xml.ParseError):
        return {}
    if band is None:
        return {}
    categories = [category.text or "" for category in band.findall("CategoryNames/Category")]
    found = {code: name.strip() for code, name in enumerate(categories) if name.strip()}
    return found or _of_attribute_table(band.find("GDALRasterAttributeTable"))


def _of_attribute_table(table: Xml.Element | None) -> dict[int, str]:
    if table is None:
        return {}
    usages = [field.findtext("Usage", "") for field in table.findall("FieldDefn")]
    if _NAME not in usages or _VALUE not in usages:
        return {}
    found = {}
    for row in table.findall("Row"):
        cells = [cell.text or "" for cell in row.findall("F")]
        value, name = cells[usages.index(_VALUE)].strip(), cells[usages.index(_NAME)].strip()
        if value.isdigit() and name:
            found[int(value)] = name
    return found
