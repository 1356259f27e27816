"""The same acquisition as other agencies deliver it: made of the rasters of its Theia product."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import reproject

from sitspark.grid import Grid
from sitspark.simulate.acquisitions import Acquisition
from sitspark.simulate.landscape import Landscape
from sitspark.simulate.scene import CLOUD, FOREIGN_SHADOW, NODATA, SHADOW, THIN_CLOUD

# Sen2Cor's names of Theia's bands, and their pixel size in metres
_SAFE_BANDS = {"B2": ("B02", 10), "B3": ("B03", 10), "B4": ("B04", 10), "B8": ("B08", 10)} | {
    theia: (name, 20)
    for theia, name in (("B5", "B05"), ("B6", "B06"), ("B7", "B07"), ("B8A", "B8A"), ("B11", "B11"), ("B12", "B12"))
}
_FIRST_WITH_OFFSET = "20220125"  # the day from which on ESA's reflectances have an offset
_OFFSET = 1000
# classes of Sen2Cor's scene classification
_NO_DATA, _SATURATED, _SHADOW, _VEGETATION, _BARE, _CLOUD, _CIRRUS = 0, 1, 3, 4, 5, 9, 10
_GREEN = 0.3  # NDVI of vegetation

# Theia's bands that stand for those of Landsat's OLI
_OLI_BANDS = {"B1": "B2", "B2": "B2", "B3": "B3", "B4": "B4", "B5": "B8A", "B6": "B11", "B7": "B12"}
_LANDSAT_PIXEL = 30.0  # metres
# bits of Landsat's QA_PIXEL (USGS LSDS-1619, table 6-2)
_FILL, _QA_CIRRUS, _QA_CLOUD, _QA_SHADOW, _QA_CLEAR = 1 << 0, 1 << 2, 1 << 3, 1 << 4, 1 << 6

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class TheiaRasters:
    """The rasters of a Theia product, read one by one."""

    folder: Path
    product: str

    def band(self, name: str) -> tuple[Array, dict[str, Any]]:
        """Reflectance x 10 000, and the profile of the file."""
        return self._read(self.folder / f"{self.product}_FRE_{name}.tif")

    def mask(self, name: str, group: str) -> tuple[Array, dict[str, Any]]:
        """A mask of 10 m (R1) or 20 m (R2)."""
        return self._read(self.folder / "MASKS" / f"{self.product}_{name}_{group}.tif")

    @staticmethod
    def _read(path: Path) -> tuple[Array, dict[str, Any]]:
        with rasterio.open(path) as raster:
            return raster.read(1), raster.profile


def safe_name(acquisition: Acquisition) -> str:
    """ESA's name of a product of level 2A."""
    platform = acquisition.platform.replace("SENTINEL", "S")
    moment = f"{acquisition.acquired:%Y%m%dT%H%M%S}"
    baseline = "0400" if _has_offset(acquisition) else "0301"
    return f"{platform}_MSIL2A_{moment}_N{baseline}_R{acquisition.orbit:03d}_T{acquisition.tile}_{moment}.SAFE"


def _has_offset(acquisition: Acquisition) -> bool:
    return f"{acquisition.acquired:%Y%m%d}" >= _FIRST_WITH_OFFSET


def write_safe(rasters: TheiaRasters, acquisition: Acquisition, target: Path, cloud_percent: int) -> None:
    """A SAFE folder: JPEG 2000 without loss, scene classification, and the metadata that tell the offset."""
    moment = f"{acquisition.acquired:%Y%m%dT%H%M%S}"
    images = target / "GRANULE" / f"L2A_T{acquisition.tile}_A000000_{moment}" / "IMG_DATA"
    offset = _OFFSET if _has_offset(acquisition) else 0
    for theia, (name, resolution) in _SAFE_BANDS.items():
        values, profile = rasters.band(theia)
        # 0 is no data; without an offset negative reflectances are lost, as ESA's are
        stored = np.where(values == NODATA, 0, np.clip(values.astype(np.int32) + offset, 1, 65535)).astype(np.uint16)
        path = images / f"R{resolution}m" / f"T{acquisition.tile}_{moment}_{name}_{resolution}m.jp2"
        _write_jp2(path, stored, profile)
    classes, profile = _scene_classes(rasters)
    _write_jp2(images / "R20m" / f"T{acquisition.tile}_{moment}_SCL_20m.jp2", classes, profile)
    text = template("mtd_msil2a.xml.j2").render(
        product=safe_name(acquisition),
        baseline="04.00" if offset else "03.01",
        offset=-offset,
        cloud_percent=cloud_percent,
    )
    (target / "MTD_MSIL2A.xml").write_text(text, encoding="utf-8")


def _scene_classes(rasters: TheiaRasters) -> tuple[Array, dict[str, Any]]:
    """Sen2Cor's classes from Theia's masks of 20 m."""
    clouds, profile = rasters.mask("CLM", "R2")
    red, nir = (rasters.band(name)[0].astype(np.float32) for name in ("B5", "B8A"))
    classes = np.where((nir - red) > _GREEN * np.maximum(nir + red, 1), _VEGETATION, _BARE).astype(np.uint8)
    # every pixel that Theia's cloud mask excludes is of a class that iota2 excludes
    classes[clouds != 0] = _CLOUD
    classes[(clouds & THIN_CLOUD != 0) & (clouds & CLOUD == 0)] = _CIRRUS
    classes[(clouds & (SHADOW | FOREIGN_SHADOW) != 0) & (clouds & CLOUD == 0)] = _SHADOW
    classes[rasters.mask("SAT", "R2")[0] != 0] = _SATURATED
    classes[rasters.mask("EDG", "R2")[0] != 0] = _NO_DATA
    return classes, profile


def _write_jp2(path: Path, values: Array, profile: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    place = {name: profile[name] for name in ("crs", "transform", "height", "width", "blockxsize", "blockysize")}
    options = {"QUALITY": "100", "REVERSIBLE": "YES"}
    with rasterio.open(path, "w", driver="JP2OpenJPEG", count=1, dtype=values.dtype, **place, **options) as file:
        file.write(values, 1)


def landsat_name(landscape: Landscape, acquisition: Acquisition) -> str:
    """USGS's name of a product of Collection 2, level 2; each tile has a path and row of its own."""
    index = list(landscape.extents).index(acquisition.tile)
    number = "09" if acquisition.platform.endswith("B") else "08"
    day = f"{acquisition.acquired:%Y%m%d}"
    return f"LC{number}_L2SP_{197 + index % 3:03d}{29 + index // 3:03d}_{day}_{day}_02_T1"


def write_landsat(rasters: TheiaRasters, target: Path, name: str, cloud_percent: int) -> None:
    """Surface reflectance of 30 m as means of the finer pixels, QA_PIXEL and the cloud cover of the MTL file."""
    target.mkdir(parents=True, exist_ok=True)
    clouds, profile = rasters.mask("CLM", "R1")
    grid = _coarser(profile)
    for band, theia in _OLI_BANDS.items():
        values, own = rasters.band(theia)
        mean = _moved(values.astype(np.float32), own, grid, Resampling.average, nodata=NODATA)
        # scale 2.75e-5 and offset -0.2 of Collection 2 (USGS LSDS-1619, table 6-1)
        stored = np.rint((mean / 10_000 + 0.2) / 2.75e-5).clip(1, 65535)
        _write_tif(target / f"{name}_SR_{band}.TIF", np.where(mean == NODATA, 0, stored).astype(np.uint16), grid, nodata=0)
    quality = np.full(clouds.shape, _QA_CLEAR, np.uint16)
    quality[clouds != 0] = _QA_CLOUD
    quality[(clouds & THIN_CLOUD != 0) & (clouds & CLOUD == 0)] = _QA_CIRRUS
    quality[(clouds & (SHADOW | FOREIGN_SHADOW) != 0) & (clouds & CLOUD == 0)] = _QA_SHADOW
    quality[rasters.mask("EDG", "R1")[0] != 0] = _FILL
    flags = _moved(quality, profile, grid, Resampling.nearest, nodata=_FILL)
    _write_tif(target / f"{name}_QA_PIXEL.TIF", flags, grid, nodata=_FILL)
    text = f"GROUP = LANDSAT_METADATA_FILE\n  GROUP = IMAGE_ATTRIBUTES\n    CLOUD_COVER = {cloud_percent}\n"
    (target / f"{name}_MTL.txt").write_text(f"{text}  END_GROUP = IMAGE_ATTRIBUTES\nEND_GROUP = LANDSAT_METADATA_FILE\n")


def _coarser(profile: dict[str, Any]) -> Grid:
    """The 30 m grid over a grid of 10 m, from its upper-left corner; the last pixels reach beyond it."""
    fine = profile["transform"]
    height, width = (-(-size * round(fine.a) // round(_LANDSAT_PIXEL)) for size in (profile["height"], profile["width"]))
    return Grid(str(profile["crs"]), fine.c, fine.f, _LANDSAT_PIXEL, height, width)


def _moved(values: Array, profile: dict[str, Any], grid: Grid, resampling: Resampling, *, nodata: float) -> Array:
    moved: Array = np.full((grid.height, grid.width), nodata, values.dtype)
    reproject(
        values,
        moved,
        src_transform=profile["transform"],
        src_crs=profile["crs"],
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        src_nodata=nodata,
        dst_nodata=nodata,
        resampling=resampling,
    )
    return moved


def _write_tif(path: Path, values: Array, grid: Grid, *, nodata: int) -> None:
    place = {"crs": grid.crs, "transform": grid.transform, "height": grid.height, "width": grid.width}
    layout = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "nodata": nodata, "compress": "deflate", "predictor": 2}
    blocks = {"tiled": True, "blockxsize": 256, "blockysize": 256} if min(values.shape) >= 256 else {}
    with rasterio.open(path, "w", **place, **layout, **blocks) as file:
        file.write(values, 1)


def template(name: str) -> jinja2.Template:
    """A template of this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), undefined=jinja2.StrictUndefined, autoescape=True
    )
    return environment.get_template(name)
