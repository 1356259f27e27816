"""What GDAL is told while a block runs."""

import rasterio
from rasterio.session import DummySession


def told_gdal(**options: str | int) -> rasterio.Env:
    """As `rasterio.Env`, but without a session of boto3.

    Where the environment has AWS's keys each session of it takes 12 ms, and GDAL reads them by itself.
    """
    return rasterio.Env(DummySession(), **options)
