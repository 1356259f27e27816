"""Regions: named areas, within which a split is drawn or which a cross-validation leaves out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from shapely.geometry.base import BaseGeometry

from sitspark.errors import SitsparkError, some
from sitspark.scenes.region import Region


@dataclass(frozen=True, slots=True)
class NamedRegion:
    """The ground of all polygons of one name."""

    name: str
    ground: Region


def read_regions(file: Path, field: str) -> tuple[NamedRegion, ...]:
    """The regions of a vector file, in the order of their names; polygons of one name in `field` are one region.

    Raises SitsparkError for a file that can't be read, without CRS, field or polygons, or with a polygon that has no name.
    """
    if not file.exists():
        raise SitsparkError(f"ground_truth.regions: there is no file {file}; correct the path")
    try:
        info, fids, geometries, values = pyogrio.raw.read(file, columns=[field], return_fids=True)
        fields = pyogrio.read_info(file)["fields"]
    except (DataSourceError, DataLayerError) as error:
        raise SitsparkError(f"ground_truth.regions: {file} can't be read as a vector file: {error}") from None
    if field not in info["fields"]:
        raise SitsparkError(f"ground_truth.region_field: {file} has no field '{field}'; its fields are {some(fields)}")
    if not info["crs"]:
        raise SitsparkError(f"ground_truth.regions: {file} has no CRS; export it with one")
    crs = pyproj.CRS.from_user_input(info["crs"]).to_string()
    parts: dict[str, list[BaseGeometry]] = {}
    for fid, shape, value in zip(fids, shapely.make_valid(shapely.from_wkb(geometries)), values[0], strict=True):
        if shape is None or shape.area == 0:
            continue
        name = _name(value)
        if not name:
            raise SitsparkError(f"ground_truth.region_field: {file}, feature {fid} has no '{field}'; name its region there")
        parts.setdefault(name, []).append(shape)
    if not parts:
        raise SitsparkError(f"ground_truth.regions: {file} holds no polygon; name a file with the outlines of the regions")
    return tuple(NamedRegion(name, Region(shapely.to_wkb(shapely.union_all(parts[name])), crs)) for name in sorted(parts))


def _name(value: object) -> str:
    """A value as the name of a region; whole numbers, which an absent one makes floats, without a point."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    return f"{value:.0f}" if isinstance(value, float | np.floating) and value == int(value) else str(value).strip()


def with_region(pieces: DataFrame, regions: Sequence[NamedRegion], *, crs: str, whole: Sequence[str]) -> DataFrame:
    """Add region: the name of the one that holds the largest part of what shares the columns `whole`; null outside all.

    `crs` is that of the pieces.
    """
    rows = [(region.name, bytearray(region.ground.to(crs).wkb)) for region in regions]
    outlines = pieces.sparkSession.createDataFrame(rows, "region string, wkb binary").select(
        "region", F.expr("ST_GeomFromWKB(wkb)").alias("ground")
    )
    held = (
        pieces.join(F.broadcast(outlines), F.expr("ST_Intersects(geometry, ground)"))
        .groupBy(*whole, "region")
        .agg(F.sum(F.expr("ST_Area(ST_Intersection(geometry, ground))")).alias("area"))
        .where("area > 0")
        .groupBy(*whole)
        # equal parts: the first name, so that the answer doesn't hang on the order of rows
        .agg(F.expr("min_by(region, struct(-area, region))").alias("region"))
    )
    return pieces.join(held, list(whole), "left")
