"""Landsat 8 and 9: Collection 2 level 2 (surface reflectance), and Collection 1 level 1 (top of atmosphere)."""

import functools
import re
from collections.abc import Sequence

from sitspark.scenes.container import Container
from sitspark.scenes.mask_rules import AnyBit
from sitspark.scenes.product import Contents, DeliveredLayout, ProductName, StoredFile, moment

_NAME = re.compile(
    r"LC(?P<number>0[89])_(?P<level>L1|L2)(?P<kind>TP|GT|GS|SP|SR)_(?P<tile>\d{6})_(?P<day>\d{8})_(?P<processed>\d{8})"
    r"_(?P<collection>01|02)_(T1|T2|RT)$"
)
# Collection 1 quality band: bit 0 fill, bit 4 cloud, bit 8 the higher of the two shadow-confidence bits
# (USGS LSDS-1656, table 5-3)
UNUSABLE_C1 = 1 << 0 | 1 << 4 | 1 << 8
# Collection 2 QA_PIXEL: bit 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow; 5 is snow, which is usable
# (USGS LSDS-1619, table 6-2)
UNUSABLE_C2 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4
_CLOUD_COVER = re.compile(r"^\s*CLOUD_COVER\s*=\s*(-?[\d.]+)\s*$", re.MULTILINE)
_BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7")


def recognise(name: str, *, level: str = "L1", collection: str = "01") -> ProductName | None:
    """Parse LC08_L1TP_013032_20180131_20180207_01_T1; the tile is path and row."""
    found = _NAME.match(name)
    if found is None or (found["level"], found["collection"]) != (level, collection):
        return None
    acquired, path = moment(found["day"], "%Y%m%d"), int(found["tile"][:3])
    return ProductName("landsat8", f"LC{found['number']}", found["tile"], acquired, path, collection, found["processed"])


def _contents_c1(product: Container, names: Sequence[str], _reflectance: str) -> Contents:
    """Files carry sensor, path/row and day of the product's name."""
    stem = "_".join(product.name.split("_")[:4])
    # REFLECTANCE_MULT 2e-5 and REFLECTANCE_ADD -0.1 of every Landsat 8 product, times 10 000
    return Contents({name: StoredFile(f"{stem}_{name}.TIF", 0.2, -1000.0, nodata=0) for name in names}, _cloud_cover(product))


def _contents_c2(product: Container, names: Sequence[str], _reflectance: str) -> Contents:
    # scale 2.75e-5 and offset -0.2 of every Collection 2 surface reflectance (USGS LSDS-1619, table 6-1), times 10 000
    files = {
        name: StoredFile(f"{product.name}_{name}.TIF")
        if name in C2_L2.masks
        else StoredFile(f"{product.name}_SR_{name}.TIF", 0.275, -2000.0, nodata=0)
        for name in names
    }
    return Contents(files, _cloud_cover(product))


def _cloud_cover(product: Container) -> float | None:
    """CLOUD_COVER of the MTL file, in per cent; -1 stands for a scene that wasn't judged."""
    metadata = f"{product.name}_MTL.txt"
    found = _CLOUD_COVER.search(product.read_text(metadata)) if product.has(metadata) else None
    return float(found[1]) if found and float(found[1]) >= 0 else None


C1_L1 = DeliveredLayout(
    name="landsat_c1_l1",
    sensor="landsat8",
    bands=_BANDS,
    masks={"BQA": AnyBit(UNUSABLE_C1)},
    red="B4",
    nir="B5",
    swir="B6",
    recognise=functools.partial(recognise, level="L1", collection="01"),
    contents=_contents_c1,
)

C2_L2 = DeliveredLayout(
    name="landsat_c2_l2",
    sensor="landsat8",
    bands=_BANDS,
    masks={"QA_PIXEL": AnyBit(UNUSABLE_C2)},
    red="B4",
    nir="B5",
    swir="B6",
    recognise=functools.partial(recognise, level="L2", collection="02"),
    contents=_contents_c2,
)
