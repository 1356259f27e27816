"""The catalogue: one row a product, with Sedona footprints, and what was left out with the reason."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from shapely.geometry.base import BaseGeometry

from sitspark.errors import SitsparkError
from sitspark.marks import Marks
from sitspark.scenes.duplicates import superseded
from sitspark.scenes.inspect import Inspection, inspect_product
from sitspark.scenes.layouts import LAYOUTS, layout_of
from sitspark.scenes.product import Asset, Layout, ProductName, find_products, product_name
from sitspark.settings import ScenesSettings

_HEADERS_A_TASK = 400  # files opened by one task: about a second

REMEDY = "fetch what is damaged again, or name products to leave out in scenes.exclude"
# product, its CRS, that of most
OTHER_CRS = "%s: is in %s while most products are in %s; set grid.crs to bring all to one CRS"

_SCHEMA = """
    scene_id string, sensor string, platform string, tile string, acquired timestamp, relative_orbit int,
    processing_baseline string, crs string, footprint_wkb binary,
    assets array<struct<name: string, path: string, height: int, width: int, transform: array<double>, dtype: string,
        nodata: int, scale: double, offset: double, block_height: int, block_width: int>>,
    problem string
"""


def bands_of(settings: ScenesSettings) -> tuple[str, ...]:
    """The bands to read: the chosen ones, or all of the layout. Raises SitsparkError for an unknown one."""
    known = LAYOUTS[settings.layout].bands
    for band in settings.bands:
        if band not in known:
            raise SitsparkError(f"scenes.bands: {settings.layout} has no band {band}; it has {', '.join(known)}")
    return settings.bands or known


def wanted_products(settings: ScenesSettings) -> list[tuple[Path, ProductName]]:
    """The products of the archive that the settings ask for; raises SitsparkError when there are none."""
    layout = LAYOUTS[settings.layout]
    if not settings.folder.is_dir():
        raise SitsparkError(f"scenes.folder: there is no folder {settings.folder}; correct the path")
    found = find_products(settings.folder, layout)
    if not found:
        raise SitsparkError(
            f"scenes.folder: no {settings.layout} product lies in {settings.folder} or one level below; "
            "name the folder that holds the products, or another scenes.layout"
        )
    tiles = {name.tile for _, name in found}
    absent = [tile for tile in settings.tiles if tile not in tiles]
    if absent:
        raise SitsparkError(
            f"scenes.tiles: no product of tile {', '.join(absent)} in {settings.folder}; it has {', '.join(sorted(tiles))}"
        )
    wanted = [
        (path, name)
        for path, name in found
        if (not settings.tiles or name.tile in settings.tiles)
        and (settings.start is None or name.acquired.date() >= settings.start)
        and (settings.end is None or name.acquired.date() <= settings.end)
        and not {path.name, product_name(path)} & set(settings.exclude)
    ]
    if not wanted:
        days = sorted(name.acquired.date() for _, name in found)
        raise SitsparkError(
            f"scenes.start, scenes.end, scenes.exclude: of {len(found)} products from {days[0]} to {days[-1]} none is left"
        )
    return wanted


def catalogue(
    spark: SparkSession, products: Sequence[tuple[Path, ProductName]], settings: ScenesSettings, *, marks: Marks
) -> DataFrame:
    """The scenes frame: every one of `wanted_products`, headers opened in parallel; `problem` is null for usable ones.

    Products that another one replaces have that as their problem, and are not opened. Each product is marked when it is
    done.
    """
    layout, bands, reflectance = layout_of(settings), bands_of(settings), settings.reflectance
    replaced = superseded(products)
    listed = pd.DataFrame(
        [{"folder": str(path), **dataclasses.asdict(name), "duplicate": replaced.get(path)} for path, name in products]
    )
    listed["acquired"] = listed["acquired"].dt.tz_localize(None)
    listed["relative_orbit"] = listed["relative_orbit"].astype("Int32")
    tasks = -(-len(listed) * (len(bands) + len(layout.masks)) // _HEADERS_A_TASK)

    def inspect(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            yield _inspected(batch, layout, bands, reflectance)
            marks.add(Path(batch["folder"].iloc[0]).name, len(batch))

    names = "folder string, sensor string, platform string, tile string, acquired timestamp, relative_orbit int"
    frame = spark.createDataFrame(listed.drop(columns="processed"), f"{names}, processing_baseline string, duplicate string")
    scenes = frame.repartition(tasks, "folder").mapInPandas(inspect, _SCHEMA)
    return scenes.withColumn("footprint", F.expr("ST_SetSRID(ST_GeomFromWKB(footprint_wkb), 4326)")).drop("footprint_wkb")


def _inspected(batch: pd.DataFrame, layout: Layout, bands: tuple[str, ...], reflectance: str) -> pd.DataFrame:
    rows = []
    for product in batch.to_dict("records"):
        folder, duplicate = Path(product.pop("folder")), product.pop("duplicate")
        if duplicate is None:
            found = inspect_product(folder, layout, bands, reflectance=reflectance)
        else:
            found = Inspection(None, (), duplicate)
        rows.append(
            product
            | {
                "scene_id": product_name(folder),
                "crs": found.crs,
                "footprint_wkb": _footprint(found.assets, found.crs),
                "assets": [dataclasses.asdict(asset) for asset in found.assets],
                "problem": found.problem,
            }
        )
    return pd.DataFrame(rows)


def _footprint(assets: tuple[Asset, ...], crs: str | None) -> bytes | None:
    """The outline of a product in EPSG:4326 as WKB."""
    if not assets or crs is None:
        return None
    outline = shapely.unary_union([shapely.box(*asset.bounds) for asset in assets])
    return shapely.to_wkb(to_geographic(outline, crs))


def to_geographic(outline: BaseGeometry, crs: str) -> BaseGeometry:
    """A polygon in EPSG:4326 (lon, lat), its edges cut so that they follow the straight lines of the projection."""
    left, bottom, right, top = outline.bounds
    dense = shapely.segmentize(outline, max(right - left, top - bottom) / 20)
    transformer = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    return shapely.transform(dense, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def problems(scenes: DataFrame) -> list[str]:
    """The sentences of all products that can't be used, in the order of their names."""
    rows = scenes.where("problem is not null").orderBy("scene_id").select("problem").collect()
    return [row.problem for row in rows]


def flag_other_crs(scenes: DataFrame) -> DataFrame:
    """Give a problem to every product whose CRS isn't that of most products."""
    counted = scenes.where("problem is null").groupBy("crs").count().orderBy(F.desc("count"), "crs").limit(1)
    most = counted.select(F.col("crs").alias("common_crs"))
    sentence = F.format_string(OTHER_CRS, "scene_id", "crs", "common_crs")
    other = F.col("problem").isNull() & (F.col("crs") != F.col("common_crs"))
    return (
        scenes.crossJoin(F.broadcast(most))
        .withColumn("problem", F.when(other, sentence).otherwise(F.col("problem")))
        .drop("common_crs")
    )
