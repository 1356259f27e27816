"""Opening the headers of a product's files: what it consists of, or why it can't be used."""

from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from sitspark.scenes.product import Asset, Layout


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the headers of one product say; `problem` is one sentence, or None for a usable product."""

    crs: str | None
    assets: tuple[Asset, ...]
    problem: str | None


def inspect_product(product: Path, layout: Layout, bands: tuple[str, ...], *, reflectance: str) -> Inspection:
    """Open every band and mask of a product.

    A file that is missing, unreadable or cut short, and files that disagree on the CRS, make a problem, never an error.
    """
    assets: list[Asset] = []
    crs: str | None = None
    for name in (*layout.masks, *bands):
        kind = "mask" if name in layout.masks else "band"
        path = product / layout.file_of(product.name, name, reflectance)
        if not path.is_file():
            return Inspection(crs, (), f"{product.name}: {kind} {name} is missing, there is no file {path}")
        try:
            with rasterio.open(path) as raster:
                own_crs = _crs_text(raster)
                asset = _asset(name, path, raster)
                complete = _is_complete(path, raster)
        except RasterioError as error:
            return Inspection(crs, (), f"{product.name}: {kind} {name} can't be opened, {path} is damaged: {error}")
        if not complete:
            return Inspection(crs, (), f"{product.name}: {kind} {name} is cut short, {path} ends before its last block")
        if own_crs is None:
            return Inspection(crs, (), f"{product.name}: {kind} {name} has no CRS in {path}")
        if crs is not None and own_crs != crs:
            return Inspection(crs, (), f"{product.name}: {kind} {name} is in {own_crs}, other files of it in {crs}")
        crs = own_crs
        assets.append(asset)
    return Inspection(crs, tuple(assets), None)


def _crs_text(raster: rasterio.DatasetReader) -> str | None:
    if raster.crs is None:
        return None
    code = raster.crs.to_epsg()
    return f"EPSG:{code}" if code else str(raster.crs.to_wkt())


def _asset(name: str, path: Path, raster: rasterio.DatasetReader) -> Asset:
    return Asset(
        name,
        str(path),
        raster.height,
        raster.width,
        tuple(raster.transform)[:6],
        raster.dtypes[0],
        raster.nodata,
        *raster.block_shapes[0],
    )


def _is_complete(path: Path, raster: rasterio.DatasetReader) -> bool:
    """Whether the last block of a TIFF lies inside the file; True where the format has no such offsets."""
    rows, cols = raster.block_shapes[0]
    column, row = (raster.width - 1) // cols, (raster.height - 1) // rows
    offset = raster.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
    size = raster.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
    return offset is None or size is None or int(offset) + int(size) <= path.stat().st_size
