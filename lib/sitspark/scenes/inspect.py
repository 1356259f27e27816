"""Opening the headers of a product's files: what it consists of, or why it can't be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from sitspark.errors import SitsparkError
from sitspark.scenes.container import Container
from sitspark.scenes.product import Asset, Layout, StoredFile, product_name

_END_OF_CODESTREAM = b"\xff\xd9"  # the last bytes of a JPEG 2000 file (ISO/IEC 15444-1, A.4.4)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the headers of one product say; `problem` is one sentence, or None for a usable product."""

    crs: str | None
    assets: tuple[Asset, ...]
    problem: str | None


def inspect_product(path: Path, layout: Layout, bands: Sequence[str], *, reflectance: str) -> Inspection:
    """Open every band and mask of a product, which is a folder or an archive file.

    Metadata that don't tell how to read it, a file that is missing, unreadable or cut short, and files that disagree on
    the CRS make a problem, never an error.
    """
    product, name = Container(path), product_name(path)
    assets: list[Asset] = []
    crs: str | None = None
    try:
        stored = layout.files(product, (*layout.masks, *bands), reflectance)
        for asset_name, file in stored.items():
            kind = "mask" if asset_name in layout.masks else "band"
            own_crs, asset = _opened(product, asset_name, file, kind=kind)
            if crs is not None and own_crs != crs:
                raise SitsparkError(f"{kind} {asset_name} is in {own_crs}, other files of it in {crs}")
            crs = own_crs
            assets.append(asset)
    except SitsparkError as error:
        return Inspection(crs, (), f"{name}: {error}")
    return Inspection(crs, tuple(assets), None)


def _opened(product: Container, name: str, file: StoredFile, *, kind: str) -> tuple[str, Asset]:
    """The CRS of a file and the file; raises SitsparkError for one that can't be used."""
    if not product.has(file.member):
        raise SitsparkError(f"{kind} {name} is missing, there is no file {product.path / file.member}")
    path = product.gdal_path(file.member)
    try:
        with rasterio.open(path) as raster:
            crs, asset = _crs_text(raster), _asset(name, path, file, raster)
            complete = _is_complete(path, raster)
    except RasterioError as error:
        raise SitsparkError(f"{kind} {name} can't be opened, {path} is damaged: {error}") from None
    if not complete:
        raise SitsparkError(f"{kind} {name} is cut short, {path} ends before its last block")
    if crs is None:
        raise SitsparkError(f"{kind} {name} has no CRS in {path}")
    return crs, asset


def _crs_text(raster: rasterio.DatasetReader) -> str | None:
    if raster.crs is None:
        return None
    code = raster.crs.to_epsg()
    return f"EPSG:{code}" if code else str(raster.crs.to_wkt())


def _asset(name: str, path: str, file: StoredFile, raster: rasterio.DatasetReader) -> Asset:
    return Asset(
        name,
        path,
        raster.height,
        raster.width,
        tuple(raster.transform)[:6],
        raster.dtypes[0],
        file.nodata,
        file.scale,
        file.offset,
        *raster.block_shapes[0],
    )


def _is_complete(path: str, raster: rasterio.DatasetReader) -> bool:
    """Whether the last block lies inside the file; a file inside an archive is as complete as the archive, which opened."""
    on_disk = Path(path)
    if not on_disk.is_file():
        return True
    if raster.driver.startswith("JP2"):
        with on_disk.open("rb") as file:
            file.seek(-len(_END_OF_CODESTREAM), 2)
            return file.read() == _END_OF_CODESTREAM
    rows, cols = raster.block_shapes[0]
    column, row = (raster.width - 1) // cols, (raster.height - 1) // rows
    offset = raster.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
    size = raster.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
    return offset is None or size is None or int(offset) + int(size) <= on_disk.stat().st_size
