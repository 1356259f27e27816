"""Opening the headers of a product's files: what it consists of, or why it can't be used."""

from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from sitspark.errors import SitsparkError
from sitspark.scenes.container import Container
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import LeftOut, Reason
from sitspark.scenes.product import Asset, StoredFile, product_name

_END_OF_CODESTREAM = b"\xff\xd9"  # the last bytes of a JPEG 2000 file (ISO/IEC 15444-1, A.4.4)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What metadata and headers of one product say; `left_out` is None for one that can be used.

    `cloud_cover` is in per cent, None where the metadata don't say.
    """

    crs: str | None
    assets: tuple[Asset, ...]
    left_out: LeftOut | None = None
    cloud_cover: float | None = None

    @property
    def problem(self) -> str | None:
        """Why it can't be used, in a sentence."""
        return self.left_out.sentence if self.left_out else None


def inspect_product(path: Path, selection: Selection) -> Inspection:
    """Open every band and mask of a product, which is a folder or an archive file.

    Metadata that don't tell how to read it, a file that is missing, unreadable or cut short, files that disagree on the
    CRS, and more clouds than are wanted are reasons to leave it out, never an error.
    """
    product, name = Container(path), product_name(path)
    assets: list[Asset] = []
    crs: str | None = None
    try:
        contents = selection.contents(product)
        clouds = contents.cloud_cover
        if clouds is not None and clouds > selection.max_cloud_cover:
            sentence = f"{name}: {clouds:g} % are clouds, more than scenes.max_cloud_cover ({selection.max_cloud_cover:g} %)"
            return Inspection(None, (), LeftOut(Reason.CLOUD, sentence), clouds)
        for asset_name, file in contents.files.items():
            kind = "mask" if asset_name in selection.layout.masks else "band"
            own_crs, asset = _opened(product, asset_name, file, kind=kind)
            if crs is not None and own_crs != crs:
                raise SitsparkError(f"{kind} {asset_name} is in {own_crs}, other files of it in {crs}")
            if assets and not _same_ground(asset, assets[0]):
                raise SitsparkError(f"{kind} {asset_name} lies elsewhere than {assets[0].name}, {asset.path} is another's")
            crs = own_crs
            assets.append(asset)
    except SitsparkError as error:
        return Inspection(crs, (), LeftOut(Reason.DAMAGED, f"{name}: {error}"))
    return Inspection(crs, tuple(assets), cloud_cover=clouds)


def _same_ground(one: Asset, other: Asset) -> bool:
    """Whether two files of a product end at the same places, but for a pixel of the coarser one."""
    pixel = max(one.transform[0], other.transform[0])
    return all(abs(a - b) <= pixel for a, b in zip(one.bounds, other.bounds, strict=True))


def inspect_pixels(path: Path, selection: Selection) -> Inspection:
    """The same, and decode every block of every file."""
    found = inspect_product(path, selection)
    for asset in found.assets:
        try:
            with rasterio.open(asset.path) as raster:
                for _, window in raster.block_windows(1):
                    raster.read(1, window=window)
        except (RasterioError, OSError) as error:
            cause = error.__cause__ or error
            sentence = f"{product_name(path)}: {asset.name} can't be read, {asset.path} is damaged: {cause}"
            return Inspection(found.crs, (), LeftOut(Reason.DAMAGED, sentence), found.cloud_cover)
    return found


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
