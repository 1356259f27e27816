"""Landsat 8, Collection 1, level 1 (top-of-atmosphere reflectance without sun-angle correction)."""

import re
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from sitspark.kernels import masks
from sitspark.scenes.product import Layout, ProductName

_NAME = re.compile(r"(?P<platform>LC08)_L1(TP|GT|GS)_(?P<tile>\d{6})_(?P<day>\d{8})_\d{8}_(?P<collection>01)_(T1|T2|RT)$")

# Landsat 8 Collection 1 quality band: bit 0 fill, bit 4 cloud, bit 8 the higher of the two shadow-confidence bits
# (USGS LSDS-1656, table 5-3)
UNUSABLE = 1 << 0 | 1 << 4 | 1 << 8


def recognise(name: str) -> ProductName | None:
    """Parse LC08_L1TP_013032_20180131_20180207_01_T1; the tile is path and row."""
    found = _NAME.match(name)
    if found is None:
        return None
    try:
        acquired = datetime.strptime(found["day"], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return ProductName("landsat8", found["platform"], found["tile"], acquired, int(found["tile"][:3]), found["collection"])


def file_of(product: str, asset: str, _reflectance: str) -> str:
    """Files carry sensor, path/row and day of the product's name."""
    return f"{'_'.join(product.split('_')[:4])}_{asset}.TIF"


def invalidate(_mask: str, values: npt.NDArray[np.unsignedinteger], valid: npt.NDArray[np.uint8]) -> None:
    """Fill, cloud and confident cloud shadow exclude a pixel."""
    masks.any_bits(values, UNUSABLE, valid)


LAYOUT = Layout(
    name="landsat_c1_l1",
    sensor="landsat8",
    bands=("B1", "B2", "B3", "B4", "B5", "B6", "B7"),
    masks=("BQA",),
    red="B4",
    nir="B5",
    swir="B6",
    stored_nodata=0,
    # REFLECTANCE_MULT 2e-5 and REFLECTANCE_ADD -0.1 of every Landsat 8 product, times 10 000
    scale=0.2,
    offset=-1000.0,
    recognise=recognise,
    file_of=file_of,
    invalidate=invalidate,
)
