"""Small rasters of classes, as anybody might have written them."""

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

LEFT, TOP, SIDE = 500_000.0, 4_900_000.0, 10.0
PLACE = Affine(SIDE, 0, LEFT, 0, -SIDE, TOP)


def written(
    path: Path,
    codes: np.ndarray,
    *,
    nodata: float | None = None,
    crs: str | None = "EPSG:32631",
    transform: Affine = PLACE,
) -> Path:
    """A GeoTIFF of the codes' own type; three dimensions are several bands."""
    bands = codes if codes.ndim == 3 else codes[np.newaxis]
    count, height, width = bands.shape
    options = {"count": count, "height": height, "width": width, "dtype": codes.dtype, "crs": crs, "transform": transform}
    with rasterio.open(path, "w", driver="GTiff", nodata=nodata, **options) as dataset:
        dataset.write(bands)
    return path
