"""Opening the headers of a product's files: what it consists of, or why it can't be used."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from sitspark.errors import SitsparkError
from sitspark.gdal import told_gdal
from sitspark.location import Location
from sitspark.scenes import store
from sitspark.scenes.container import Container, Files, LooseFiles, holding_file
from sitspark.scenes.layouts import Selection
from sitspark.scenes.left_out import LeftOut, Reason
from sitspark.scenes.product import NODATA, Asset, Header, Source, StoredFile

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


def inspect_product(source: Source, selection: Selection) -> Inspection:
    """Open every band and mask of a product whose headers the listing doesn't tell.

    Metadata that don't tell how to read it, a file that is missing, unreadable or cut short, files that disagree on the
    CRS, and more clouds than are wanted are reasons to leave it out, never an error. Raises `store.UnreachableError` where a
    store doesn't answer: nothing is known of the product then.
    """
    with told_gdal(**store.gdal_options(source.files_like)):
        return _inspected(source, selection)


def _inspected(source: Source, selection: Selection) -> Inspection:
    name = source.scene_id
    assets: list[Asset] = []
    crs: str | None = None
    try:
        container = Container(source.location)
        product: Files = container if source.contents is None else LooseFiles()
        contents = selection.contents(container, source.contents)
        clouds = contents.cloud_cover
        if clouds is not None and clouds > selection.max_cloud_cover:
            sentence = f"{name}: {clouds:g} % are clouds, more than scenes.max_cloud_cover ({selection.max_cloud_cover:g} %)"
            return Inspection(None, (), LeftOut(Reason.CLOUD, sentence), clouds)
        for asset_name, file in contents.files.items():
            kind = selection.kind_of(asset_name)
            own_crs, asset = _opened(product, asset_name, file, kind=kind)
            if crs is not None and own_crs != crs:
                raise SitsparkError(f"{kind} {asset_name} is in {own_crs}, other files of it in {crs}")
            if assets and not _same_ground(asset, assets[0]):
                raise SitsparkError(f"{kind} {asset_name} lies elsewhere than {assets[0].name}, {asset.path} is another's")
            crs = own_crs
            assets.append(asset)
    except store.UnreachableError:
        raise
    except SitsparkError as error:
        return Inspection(crs, (), LeftOut(Reason.DAMAGED, f"{name}: {error}"))
    return Inspection(crs, tuple(assets), cloud_cover=clouds)


def _same_ground(one: Asset, other: Asset) -> bool:
    """Whether two files of a product end at the same places, but for a pixel of the coarser one."""
    pixel = max(one.transform[0], other.transform[0])
    return all(abs(a - b) <= pixel for a, b in zip(one.bounds, other.bounds, strict=True))


def inspect_pixels(source: Source, selection: Selection) -> Inspection:
    """The same, and decode every block of every file; raises as that does."""
    found = inspect_product(source, selection)
    for asset in found.assets:
        try:
            with told_gdal(**store.gdal_options(asset.path)), rasterio.open(asset.path) as raster:
                asset.refuse_other(raster.height, raster.width, raster.dtypes)
                for _, window in raster.block_windows(asset.number):
                    raster.read(asset.number, window=window)
        except (RasterioError, OSError) as error:
            cause = error.__cause__ or error
            _refuse_unreachable(asset.path, asset.name, selection.kind_of(asset.name))
            sentence = f"{source.scene_id}: {asset.name} can't be read, {asset.path} is damaged: {cause}"
            return Inspection(found.crs, (), LeftOut(Reason.INSIDE, sentence), found.cloud_cover)
    return found


def _state(path: str, error: Exception) -> str:
    """What is wrong with a file that GDAL can't open."""
    file = Path(path)
    return "empty: it was never written, or not fetched" if file.is_file() and not file.stat().st_size else f"damaged: {error}"


def _opened(product: Files, name: str, file: StoredFile, *, kind: str) -> tuple[str, Asset]:
    """The CRS of a file and the file; raises SitsparkError for one that can't be used."""
    nodata = file.nodata
    if file.header is not None:
        header, path = file.header, product.gdal_path(file.member)
    else:
        if not product.has(file.member):
            raise SitsparkError(f"{kind} {name} is missing, there is no file {product.address(file.member)}")
        path = product.gdal_path(file.member)
        try:
            header, stated = _read_header(path, name, file.number, kind)
        except RasterioError as error:
            _refuse_unreachable(path, name, kind)
            raise SitsparkError(f"{kind} {name} can't be opened, {path} is {_state(path, error)}") from None
        nodata = stated if nodata is None else nodata
    if kind != "band" and np.dtype(header.dtype).kind not in "iu":
        raise SitsparkError(f"{kind} {name} holds {header.dtype}, {path} is no {kind}: it would be of whole numbers")
    nodata = _unstated_nodata(header.dtype) if nodata is None else nodata
    if kind == "band" and not _fits(nodata, header.dtype):
        raise SitsparkError(f"band {name} is of {header.dtype}, which has no {nodata:g}, its value of no data in {path}")
    asset = Asset(
        name,
        path,
        header.height,
        header.width,
        header.transform,
        header.dtype,
        nodata,
        file.scale,
        file.offset,
        header.block_height,
        header.block_width,
        file.number,
    )
    return header.crs, asset


def _refuse_unreachable(path: str, name: str, kind: str) -> None:
    """Raise where the reason is the store: `store.UnreachableError`, or SitsparkError for a file that isn't there."""
    location = Location.of_gdal(holding_file(path))
    if location.scheme is not None:
        try:
            store.size(location)
        except FileNotFoundError:
            raise SitsparkError(f"{kind} {name} is missing, there is no file {location}") from None


def _unstated_nodata(dtype: str) -> float:
    """What stands for no data where nobody says: -10000, or 0 in numbers without sign, as all agencies have it."""
    return 0 if np.dtype(dtype).kind == "u" else NODATA


def _fits(value: float, dtype: str) -> bool:
    """Whether a type has a value."""
    if np.dtype(dtype).kind == "f":
        return True
    limits = np.iinfo(dtype)
    return value == int(value) and limits.min <= value <= limits.max if np.isfinite(value) else False


def _read_header(path: str, name: str, number: int, kind: str) -> tuple[Header, float | None]:
    """The header of a band of a file, and its nodata.

    Raises SitsparkError for a file that can't be used, RasterioError for one that can't be opened.
    """
    with rasterio.open(path) as raster:
        crs, complete, bands = _crs_text(raster), _is_complete(path, raster), raster.count
        if crs is not None and number <= bands:
            transform = tuple(raster.transform)[:6]
            dtype, blocks = raster.dtypes[number - 1], raster.block_shapes[number - 1]
            header = Header(crs, raster.height, raster.width, transform, dtype, *blocks)
            nodata = raster.nodatavals[number - 1]
    if not complete:
        raise SitsparkError(f"{kind} {name} is cut short, {path} ends before its last block")
    if crs is None:
        raise SitsparkError(f"{kind} {name} has no CRS in {path}")
    if number > bands:
        raise SitsparkError(f"{kind} {name} is band {number} of {path}, which has {bands}")
    return header, nodata


def _crs_text(raster: rasterio.DatasetReader) -> str | None:
    if raster.crs is None:
        return None
    code = raster.crs.to_epsg()
    return f"EPSG:{code}" if code else str(raster.crs.to_wkt())


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
