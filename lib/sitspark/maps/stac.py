"""A map as a STAC 1.1 item, so that catalogues and pystac find its files, its classes and its ground."""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pystac
import rasterio.warp
from pyproj import CRS
from pystac.extensions.classification import Classification, ClassificationExtension
from pystac.extensions.projection import ProjectionExtension

from sitspark import __version__
from sitspark.classes import Nomenclature
from sitspark.grid import Grid
from sitspark.maps.products import Product

_PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
_RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
_DIGITS = 7  # of longitudes and latitudes: a centimetre


def item(
    map_id: str, grid: Grid, *, products: Sequence[Product], nomenclature: Nomenclature, first: date, last: date
) -> dict[str, Any]:
    """The item of a map as JSON-ready mapping; it lies beside the files `<product>.tif` and legend.qml that it names.

    `first` and `last` are the first and last acquisition dates of the imagery.
    """
    described = pystac.Item(
        id=map_id,
        geometry=_footprint(grid),
        bbox=[round(c, _DIGITS) for c in rasterio.warp.transform_bounds(grid.crs, "EPSG:4326", *grid.bounds)],
        datetime=None,
        start_datetime=datetime.combine(first, time.min, UTC),
        end_datetime=datetime.combine(last, time(23, 59, 59), UTC),
        properties={"title": f"Land cover {first} to {last}", "processing:software": {"sitspark": __version__}},
        stac_extensions=[_PROCESSING, _RASTER],
    )
    authority = CRS.from_user_input(grid.crs).to_authority()
    projection = ProjectionExtension.ext(described, add_if_missing=True)
    projection.apply(
        code=":".join(authority) if authority else None,
        wkt2=None if authority else CRS.from_user_input(grid.crs).to_wkt(),
        bbox=list(grid.bounds),
        shape=[grid.height, grid.width],
        transform=list(grid.transform)[:6],
    )
    for product in products:
        described.add_asset(product.name, _asset(product, grid))
    classes = ClassificationExtension.ext(described.assets["classification"], add_if_missing=True)
    classes.apply(classes=_classes(nomenclature))
    described.add_asset(
        "style",
        pystac.Asset("./legend.qml", title="Style of the classification for QGIS", media_type="text/xml", roles=["style"]),
    )
    return described.to_dict(include_self_link=False)


def _footprint(grid: Grid) -> dict[str, Any]:
    left, bottom, right, top = grid.bounds
    ring = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]  # counter-clockwise
    shape = {"type": "Polygon", "coordinates": [ring]}
    return dict(rasterio.warp.transform_geom(grid.crs, "EPSG:4326", shape, precision=_DIGITS))


def _asset(product: Product, grid: Grid) -> pystac.Asset:
    described = {
        "data_type": product.dtype,
        # JSON has no such number
        "nodata": "nan" if math.isnan(product.nodata) else product.nodata,
        "raster:sampling": "area",
        "raster:spatial_resolution": grid.resolution,
    }
    return pystac.Asset(
        f"./{product.name}.tif",
        title=product.title,
        media_type=pystac.MediaType.COG,
        roles=["data"] if product.name in ("classification", "features") else ["data", "metadata"],
        extra_fields={"bands": [{"name": name} | described for name in product.bands or (product.name,)]},
    )


def _classes(nomenclature: Nomenclature) -> list[Classification]:
    unseen = Classification.create(value=0, name="not-classified", title="not classified", nodata=True)
    return [
        unseen,
        *(
            Classification.create(
                value=c.code, name=_machine_name(c.name, c.code), title=c.name, color_hint=c.hex_colour[1:].upper()
            )
            for c in nomenclature
        ),
    ]


def _machine_name(name: str, code: int) -> str:
    """The name in the characters that the classification extension allows: letters, digits, - and _."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9A-Za-z_]+", "-", plain).strip("-").lower() or f"class-{code}"
