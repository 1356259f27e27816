"""Describing simulated products in a STAC catalogue, as those that agencies keep."""

from pathlib import Path

import pystac
import rasterio.warp
import shapely
from pystac.extensions.eo import EOExtension
from pystac.extensions.projection import ProjectionExtension

from sitspark.errors import SitsparkError
from sitspark.location import Location
from sitspark.scenes import landsat, sen2cor, theia
from sitspark.scenes.archive import Archive, Listed
from sitspark.scenes.folders import search
from sitspark.scenes.inspect import inspect_product
from sitspark.scenes.layouts import DELIVERED, Selection
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.product import Asset
from sitspark.simulate.simulation import Simulation

_RASTER = "https://stac-extensions.github.io/raster/v1.1.0/schema.json"
_GRID = "https://stac-extensions.github.io/grid/v1.1.0/schema.json"
# of the eo extension, by which conf/stac.yaml asks for bands
_SENTINEL_2 = ("blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "swir16", "swir22")
_LANDSAT = ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22")
_COMMON_NAMES = {
    "sentinel2": dict(zip(theia.L2A.bands, _SENTINEL_2, strict=True))
    | dict(zip(sen2cor.LAYOUT.bands, _SENTINEL_2, strict=True)),
    "landsat8": dict(zip(landsat.C2_L2.bands, ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22"), strict=True)),
}


def describe(simulation: Simulation, layout: str) -> Path:
    """Write catalog.json and an item beside it for each product; gives the catalogue's path.

    Raises SitsparkError for packed products, whose files have no address of their own.
    """
    delivered = DELIVERED[layout]
    selection = Selection(delivered, delivered.bands)
    catalogue = pystac.Catalog("simulation", f"Simulated products of {layout}")
    folder = simulation.folder / "stac"
    for product in Archive.of(search(Location.of(simulation.scenes_folder), delivered)).products:
        if product.source.location.path is None or not product.source.location.path.is_dir():
            raise SitsparkError(
                "a STAC catalogue names files, and those of packed products have no address; leave --packed out"
            )
        catalogue.add_item(_item(product, selection))
    catalogue.normalize_hrefs(str(folder))
    catalogue.make_all_asset_hrefs_relative()
    catalogue.save(pystac.CatalogType.SELF_CONTAINED)
    return folder / "catalog.json"


def _item(product: Listed, selection: Selection) -> pystac.Item:
    found = inspect_product(product.source, selection)
    assert found.crs is not None, found.problem
    outline = to_geographic(shapely.box(*found.assets[0].bounds), found.crs)
    name = product.name
    item = pystac.Item(
        product.scene_id,
        geometry=shapely.geometry.mapping(outline),
        bbox=list(rasterio.warp.transform_bounds(found.crs, "EPSG:4326", *found.assets[0].bounds)),
        datetime=name.acquired,
        properties={"platform": name.platform.lower(), "grid:code": _grid_code(name.sensor, name.tile)},
        stac_extensions=[_RASTER, _GRID],
    )
    EOExtension.ext(item, add_if_missing=True).cloud_cover = found.cloud_cover
    ProjectionExtension.ext(item, add_if_missing=True).code = found.crs
    for asset in found.assets:
        is_mask = asset.name in selection.layout.masks
        names = {"name": asset.name.lower() if is_mask else asset.name}
        if asset.name in _COMMON_NAMES[name.sensor]:
            names["common_name"] = _COMMON_NAMES[name.sensor][asset.name]
        item.add_asset(asset.name, _asset(asset, names, is_mask=is_mask))
    return item


def _grid_code(sensor: str, tile: str) -> str:
    return f"MGRS-{tile}" if sensor == "sentinel2" else f"WRS2-{tile}"


def _asset(asset: Asset, names: dict[str, str], *, is_mask: bool) -> pystac.Asset:
    """A file with its header; reflectance = scale x stored + offset, in the items as in the world from 0 to 1."""
    band: dict[str, str | float] = {"data_type": asset.dtype}
    if not is_mask:
        band |= {"nodata": asset.nodata, "scale": round(asset.scale / 10_000, 12), "offset": round(asset.offset / 10_000, 12)}
    return pystac.Asset(
        asset.path,
        media_type=pystac.MediaType.JPEG2000 if asset.path.endswith(".jp2") else pystac.MediaType.GEOTIFF,
        roles=["data"],
        extra_fields={
            "eo:bands": [names],
            "raster:bands": [band],
            "proj:shape": [asset.height, asset.width],
            "proj:transform": list(asset.transform),
        },
    )
