"""The names of classes that lie beside a raster, whoever made it, in GDAL's `.aux.xml`."""

import xml.etree.ElementTree as Xml
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from sitspark.maps.mosaic import sidecar_of

# what columns of an attribute table are for (GDALRATFieldUsage): a name; a value, or the least of a range of one
_NAME, _VALUES = "2", ("5", "3")


def names_beside(raster: Path, *, note: Callable[[str], None]) -> dict[int, str]:
    """Names by code: the category names of band 1, else those of its attribute table; empty where there are none.

    A name that several codes have, or that is itself a number, is no class's name, and is left out. A file that can't be
    understood is told by `note`.
    """
    path = sidecar_of(raster)
    if not path.is_file():
        return {}
    try:
        band = Xml.parse(path).find("PAMRasterBand[@band='1']")
    except (OSError, Xml.ParseError) as error:
        note(f"{path}: names of classes can't be read from it ({error})")
        return {}
    if band is None:
        return {}
    categories = enumerate(category.text or "" for category in band.findall("CategoryNames/Category"))
    return _distinct(categories) or _distinct(_of_attribute_table(band.find("GDALRasterAttributeTable")))


def _distinct(named: Iterable[tuple[int, str]]) -> dict[int, str]:
    found = {code: name.strip() for code, name in named if name.strip() and not _is_number(name)}
    times = Counter(found.values())
    return {code: name for code, name in found.items() if times[name] == 1}


def _of_attribute_table(table: Xml.Element | None) -> list[tuple[int, str]]:
    if table is None:
        return []
    usages = [field.findtext("Usage", "") for field in table.findall("FieldDefn")]
    column = next((usages.index(usage) for usage in _VALUES if usage in usages), None)
    if _NAME not in usages or column is None:
        return []
    rows = [[cell.text or "" for cell in row.findall("F")] for row in table.findall("Row")]
    # values of rasters of floating-point numbers are written as such
    return [
        (int(float(cells[column])), cells[usages.index(_NAME)])
        for cells in rows
        if len(cells) == len(usages) and _is_number(cells[column]) and float(cells[column]).is_integer()
    ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
