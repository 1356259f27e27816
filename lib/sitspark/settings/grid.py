"""The output grid."""

from pathlib import Path
from typing import Annotated, Literal

import pyproj
from pydantic import BeforeValidator, Field

from sitspark.settings.section import FilePath, Section


def _canonical_crs(crs: object) -> str | None:
    """The EPSG code, also of a bare number, in its usual spelling, so that equal CRSs are equal texts; Sedona knows it."""
    if crs is None:
        return None
    try:
        found = pyproj.CRS.from_user_input(int(crs) if isinstance(crs, str) and crs.isdecimal() else crs)
    except pyproj.exceptions.CRSError:
        raise ValueError(f"should be a known CRS, as EPSG:2154, not {crs!r}") from None
    code = found.to_epsg()
    if code is None or not found.is_projected:
        raise ValueError(f"should be a projected CRS with an EPSG code, in metres, as EPSG:2154, not {crs!r}")
    return f"EPSG:{code}"


def _path_or_rectangle(value: object) -> object:
    """Say it in one sentence, where the union of both would complain of each."""
    numbers = isinstance(value, list | tuple) and len(value) == 4 and all(isinstance(v, int | float) for v in value)
    if value is None or numbers or isinstance(value, str | Path):
        return value
    raise ValueError("should be a file of polygons, or [left, bottom, right, top] in degrees of longitude and latitude")


class GridSettings(Section):
    """The output grid, and the windows in which it is worked through."""

    crs: Annotated[str | None, BeforeValidator(_canonical_crs)] = Field(
        None,
        description="CRS of the map, projected and in metres, as EPSG:2154; its pixels begin at multiples of their size, so "
        "that maps of neighbours share them; null: that of the imagery, with its pixels.",
    )
    resolution: float | None = Field(None, gt=0, description="Pixel size in metres; null: the finest band's.")
    region: Annotated[FilePath | tuple[float, float, float, float] | None, BeforeValidator(_path_or_rectangle)] = Field(
        None,
        description="What is read and mapped: a file of polygons, or [left, bottom, right, top] in degrees; null: all imagery.",
    )
    interpolator: Literal["nearest", "bilinear", "cubic"] = Field(
        "cubic", description="How reflectances are brought to the grid; masks are always nearest."
    )
    overlap: Literal["owner", "merge", "blend"] = Field(
        "owner",
        description="Where tiles overlap: the series of the tile that owns the ground; all acquisitions of all tiles; or the "
        "probabilities by the series of each tile, which weigh the more the farther its edge is.",
    )
    overlap_margin: float = Field(
        600, ge=0, description="Metres at a tile's right and bottom edge left to its neighbour (iota2: 600)."
    )
    chunk_size: int | None = Field(
        None,
        ge=16,
        description="Side of a chunk, pixels; null: whole blocks or strips of the files, about 512 x 512 pixels, less where "
        "spark.worker_memory would be exceeded. The map doesn't depend on it.",
    )
