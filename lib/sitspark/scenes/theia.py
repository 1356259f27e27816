"""Sentinel-2 level 2A as Theia delivers it (MAJA, MUSCATE format)."""

import re
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from sitspark.kernels import masks
from sitspark.scenes.product import NODATA, Layout, ProductName

_NAME = re.compile(
    r"(?P<platform>SENTINEL2[A-D])_(?P<day>\d{8})-(?P<time>\d{6})-\d{3}_L2A_T(?P<tile>\d{2}[A-Z]{3})_[A-Z]_V[\d-]+$"
)


def recognise(name: str) -> ProductName | None:
    """Parse SENTINEL2A_20180103-105429-123_L2A_T31TCJ_C_V2-2."""
    found = _NAME.match(name)
    if found is None:
        return None
    try:
        acquired = datetime.strptime(found["day"] + found["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return ProductName("sentinel2", found["platform"], found["tile"], acquired)


def file_of(product: str, asset: str, reflectance: str) -> str:
    """Bands beside the metadata, masks in MASKS; R1 is the 10 m version of a mask."""
    if asset in LAYOUT.masks:
        return f"MASKS/{product}_{asset}_R1.tif"
    return f"{product}_{reflectance}_{asset}.tif"


def invalidate(_mask: str, values: npt.NDArray[np.unsignedinteger], valid: npt.NDArray[np.uint8]) -> None:
    """Any bit of cloud (CLM), saturation (SAT) or edge (EDG) excludes a pixel."""
    masks.all_zero(values, valid)


LAYOUT = Layout(
    name="theia_l2a",
    sensor="sentinel2",
    bands=("B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12"),
    # the edge mask first: a date outside the swath is dropped before anything else is read
    masks=("EDG", "CLM", "SAT"),
    red="B4",
    nir="B8",
    swir="B11",
    stored_nodata=NODATA,
    scale=1.0,
    offset=0.0,
    recognise=recognise,
    file_of=file_of,
    invalidate=invalidate,
)
