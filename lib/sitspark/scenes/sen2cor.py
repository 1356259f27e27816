"""Sentinel-2 level 2A of ESA's ground segment (Sen2Cor, SAFE format), JPEG 2000."""

import re
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from sitspark.errors import SitsparkError
from sitspark.scenes.container import Container
from sitspark.scenes.mask_rules import AnyOf
from sitspark.scenes.metadata import number, read_xml
from sitspark.scenes.product import Contents, DeliveredLayout, ProductName, StoredFile, moment

METADATA = "MTD_MSIL2A.xml"
_NAME = re.compile(
    r"S2(?P<platform>[A-D])_MSIL2A_(?P<acquired>\d{8}T\d{6})_N(?P<baseline>\d{4})_R(?P<orbit>\d{3})"
    r"_T(?P<tile>\d{2}[A-Z]{3})_(?P<processed>\d{8}T\d{6})$"
)
_RESOLUTIONS = {"B02": 10, "B03": 10, "B04": 10, "B08": 10} | dict.fromkeys(
    ("B05", "B06", "B07", "B8A", "B11", "B12", "SCL"), 20
)
# the numbers by which the metadata call the bands (band_id of BOA_ADD_OFFSET)
_BAND_IDS = {
    name: number
    for number, name in enumerate(("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"))
}
# from this processing baseline on (25 January 2022) reflectances are stored with an offset, so that they never are negative
_FIRST_WITH_OFFSET = 4.0
# 0 no data, 1 saturated or defective, 3 cloud shadow, 8 and 9 cloud, 10 thin cirrus: iota2's choice
INVALID_CLASSES = (0, 1, 3, 8, 9, 10)


def recognise(name: str) -> ProductName | None:
    """Parse S2A_MSIL2A_20220130T105259_N0400_R051_T31TCJ_20220130T135521."""
    found = _NAME.match(name)
    if found is None:
        return None
    acquired = moment(found["acquired"], "%Y%m%dT%H%M%S")
    baseline = f"{found['baseline'][:2]}.{found['baseline'][2:]}"
    platform = f"SENTINEL2{found['platform']}"
    return ProductName(
        "sentinel2", platform, found["tile"], acquired, int(found["orbit"]), baseline, f"{baseline} {found['processed']}"
    )


def contents(product: Container, names: Sequence[str], _reflectance: str) -> Contents:
    """Bands and the scene classification below GRANULE/*/IMG_DATA, with the scale and the offsets of the metadata.

    Reflectance is (stored + BOA_ADD_OFFSET) / QUANTIFICATION_VALUE (Sentinel-2 Products Specification Document, issue
    14.9, 3.4). Raises SitsparkError where the metadata don't say: a series with mixed offsets would show steps of 0.1.
    """
    root = _metadata(product)
    quantification, offsets = _radiometry(product, root)
    found = {}
    for name in names:
        resolution = _RESOLUTIONS[name]
        pattern = f"GRANULE/*/IMG_DATA/R{resolution}m/*_{name}_{resolution}m.jp2"
        members = product.matching(pattern)
        member = members[0] if members else pattern
        if name == "SCL":
            found[name] = StoredFile(member)
        else:
            scale = 10_000 / quantification
            found[name] = StoredFile(member, scale, scale * offsets[name], nodata=0)
    return Contents(found, number(root, "Cloud_Coverage_Assessment"))


def _metadata(product: Container) -> Element:
    if not product.has(METADATA):
        raise SitsparkError(
            f"{METADATA} is missing in {product.location}, so that the offset of its reflectances is unknown; fetch the "
            "product again"
        )
    return read_xml(product, METADATA)


def _radiometry(product: Container, root: Element) -> tuple[float, Mapping[str, float]]:
    """The quantification value, and the offset of each band in stored values."""
    quantification = number(root, "BOA_QUANTIFICATION_VALUE")
    if not quantification:
        raise SitsparkError(f"{METADATA} of {product.location} has no BOA_QUANTIFICATION_VALUE; fetch the product again")
    try:
        stated = {
            int(element.attrib["band_id"]): float(element.text or "")
            for element in root.iter()
            if element.tag.rpartition("}")[2] == "BOA_ADD_OFFSET"
        }
    except (KeyError, ValueError):
        raise SitsparkError(
            f"{METADATA} of {product.location} has a BOA_ADD_OFFSET without a band or a number; fetch the product again"
        ) from None
    if stated:
        lacking = [name for name, band_id in _BAND_IDS.items() if band_id not in stated and name in LAYOUT.bands]
        if lacking:
            raise SitsparkError(f"{METADATA} of {product.location} has no BOA_ADD_OFFSET of band {', '.join(lacking)}")
        return quantification, {name: stated[_BAND_IDS[name]] for name in LAYOUT.bands}
    baseline = number(root, "PROCESSING_BASELINE")
    if baseline is None or baseline >= _FIRST_WITH_OFFSET:
        known = "no PROCESSING_BASELINE" if baseline is None else f"processing baseline {baseline:05.2f}"
        raise SitsparkError(
            f"{METADATA} of {product.location} has {known} and no BOA_ADD_OFFSET, so that the offset of its reflectances is "
            "unknown; fetch the product again"
        )
    return quantification, dict.fromkeys(LAYOUT.bands, 0.0)


LAYOUT = DeliveredLayout(
    name="sen2cor_l2a",
    sensor="sentinel2",
    bands=("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"),
    masks={"SCL": AnyOf(INVALID_CLASSES)},
    red="B04",
    nir="B08",
    swir="B11",
    recognise=recognise,
    contents=contents,
)
