"""Sentinel-2 as Theia delivers it (MUSCATE format): level 2A by MAJA, and the monthly syntheses of level 3A by WASP."""

import functools
import re
from collections.abc import Sequence

from sitspark.scenes.container import Container
from sitspark.scenes.mask_rules import ANYTHING, AnyOf
from sitspark.scenes.metadata import number, read_xml
from sitspark.scenes.product import Contents, DeliveredLayout, ProductName, StoredFile, in_order_of_versions, moment

_BANDS = ("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12")
# archives are named without the version that their folder has
_NAME = re.compile(
    r"(?P<platform>SENTINEL2[A-DX])_(?P<day>\d{8})-(?P<time>\d{6})-\d{3}_(?P<level>L2A|L3A)_T(?P<tile>\d{2}[A-Z]{3})_[A-Z]"
    r"(_V(?P<version>[\d-]+))?$"
)


def recognise(name: str, *, level: str = "L2A") -> ProductName | None:
    """Parse SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2."""
    found = _NAME.match(name)
    if found is None or found["level"] != level:
        return None
    acquired = moment(found["day"] + found["time"], "%Y%m%d%H%M%S")
    version = in_order_of_versions(found["version"] or "")
    return ProductName("sentinel2", found["platform"], found["tile"], acquired, processed=version)


def _contents(product: Container, names: Sequence[str], kind: str) -> Contents:
    """Bands of a kind (FRE, SRE, FRC) beside the metadata, masks in MASKS; R1 is the 10 m version of a mask."""
    stem = product.name
    metadata = f"{stem}_MTD_ALL.xml"
    # stored values are reflectance x 10 000 in every delivery, unless the metadata say otherwise
    scale, cloud_cover = 1.0, None
    if product.has(metadata):
        root = read_xml(product, metadata)
        scale = 10_000 / (number(root, "REFLECTANCE_QUANTIFICATION_VALUE") or 10_000)
        cloud_cover = number(root, "QUALITY_INDEX", name="CloudPercent")
    files = {
        name: StoredFile(f"{stem}_{kind}_{name}.tif", scale) if name in _BANDS else StoredFile(f"MASKS/{stem}_{name}_R1.tif")
        for name in names
    }
    return Contents(files, cloud_cover)


def _contents_l3a(product: Container, names: Sequence[str], _reflectance: str) -> Contents:
    """A synthesis has one kind of reflectance."""
    return _contents(product, names, "FRC")


L2A = DeliveredLayout(
    name="theia_l2a",
    sensor="sentinel2",
    bands=_BANDS,
    # any bit of edge, cloud or saturation excludes; the edge first: a date outside the swath is dropped before more is read
    masks={"EDG": ANYTHING, "CLM": ANYTHING, "SAT": ANYTHING},
    red="B4",
    nir="B8",
    swir="B11",
    recognise=functools.partial(recognise, level="L2A"),
    contents=_contents,
)

L3A = DeliveredLayout(
    name="theia_l3a",
    sensor="sentinel2_l3a",
    bands=_BANDS,
    # 0 no data, 1 cloud; 2 snow, 3 water and 4 land are usable (as in iota2)
    masks={"FLG": AnyOf((0, 1))},
    red="B4",
    nir="B8",
    swir="B11",
    recognise=functools.partial(recognise, level="L3A"),
    contents=_contents_l3a,
)
