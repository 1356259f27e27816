"""The products of a Theia archive as other archives hold them: the same files under other names, or in a STAC catalogue."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
import rasterio.warp

from sitspark.scenes.theia import L2A, recognise

MASKS = {name: {"file": name, "valid": [0]} for name in L2A.masks}
DESCRIPTION = {
    "sensor": "sentinel2",
    "bands": {name: name for name in L2A.bands},
    "masks": MASKS,
    "nodata": -10000,
    "red": "B4",
    "nir": "B8",
    "swir": "B11",
}


@dataclass(frozen=True)
class File:
    """A band or mask of a product."""

    product: Path
    name: str
    path: Path


def files_of(product: Path) -> Iterator[File]:
    for name in L2A.bands:
        yield File(product, name, product / f"{product.name}_FRE_{name}.tif")
    for name in L2A.masks:
        yield File(product, name, product / "MASKS" / f"{product.name}_{name}_R1.tif")


def products_of(archive: Path) -> list[Path]:
    return sorted(path for path in archive.glob("*/SENTINEL2*") if path.is_dir())


def by_pattern(archive: Path, target: Path) -> dict[str, Any]:
    """Hard links at <tile>/<day>/<time>_<band>.tif; the settings that read them."""
    for product in products_of(archive):
        found = recognise(product.name)
        assert found is not None
        for file in files_of(product):
            link = target / found.tile / f"{found.acquired:%Y%m%d}" / f"{found.acquired:%H%M%S}_{file.name}.tif"
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(file.path, link)
    pattern = "{tile}/{date:%Y%m%d}/{date:%H%M%S}_{band}.tif"
    return {"folder": str(target), "layout": "pattern", "pattern": pattern, "description": DESCRIPTION}


def as_stac(archive: Path, target: Path, *, with_headers: bool = True, base: str | None = None) -> dict[str, Any]:
    """A catalogue of items beside each other; the settings that read it. `base` begins the addresses of the files."""
    target.mkdir(parents=True)
    links = [{"rel": "root", "href": "./catalog.json"}]
    for product in products_of(archive):
        item = item_of(product, with_headers=with_headers, root=archive, base=base or os.path.relpath(archive, target))
        (target / f"{product.name}.json").write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./{product.name}.json"})
    document = {"type": "Catalog", "stac_version": "1.0.0", "id": "all", "description": "-", "links": links}
    (target / "catalog.json").write_text(json.dumps(document))
    return {"folder": str(target / "catalog.json"), "layout": "stac", "description": DESCRIPTION | {"nodata": None}}


def item_of(product: Path, *, root: Path, base: str, with_headers: bool = True) -> dict[str, Any]:
    found = recognise(product.name)
    assert found is not None
    assets: dict[str, Any] = {}
    for file in files_of(product):
        with rasterio.open(file.path) as raster:
            stored = {"nodata": -10000, "scale": 1e-4, "offset": 0, "data_type": raster.dtypes[0]}
            assets[file.name] = {"href": f"{base}/{file.path.relative_to(root)}", "roles": ["data"], "raster:bands": [stored]}
            if with_headers:
                assets[file.name] |= {"proj:shape": list(raster.shape), "proj:transform": list(raster.transform)[:6]}
            box = rasterio.warp.transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
            epsg = raster.crs.to_epsg()
    left, bottom, right, top = box
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": product.name,
        "collection": "theia",
        "bbox": list(box),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "datetime": found.acquired.isoformat().replace("+00:00", "Z"),
            "platform": found.platform.lower(),
            "constellation": "sentinel-2",
            "grid:code": f"MGRS-{found.tile}",
            "proj:epsg": epsg,
        },
        "links": [],
        "assets": assets,
    }
