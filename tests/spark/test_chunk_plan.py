"""The Sedona join of chunks and scenes."""

from datetime import datetime, timedelta
from typing import Any

import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.grid import ChunkShape
from sitspark.scenes.chunk_plan import chunk_frame, chunk_plan, coverage
from sitspark.scenes.outline import to_geographic
from sitspark.settings import GridSettings

# tile, CRS, left and top of a product of 20 x 20 km: neighbours on either side of the border between UTM zones
PRODUCTS = {
    "west_1": ("30TYP", "EPSG:32630", 740_000.0, 4_750_000.0),
    "west_2": ("30TYP", "EPSG:32630", 740_000.0, 4_750_000.0),
    "east_1": ("31TCH", "EPSG:32631", 265_000.0, 4_752_000.0),
}
SIDE = 20_000.0
SENSOR = "sentinel2"


def scenes_frame(spark: SparkSession, dates: int = 1) -> DataFrame:
    rows: list[tuple[Any, ...]] = []
    for scene_id, (tile, crs, left, top) in PRODUCTS.items():
        outline = to_geographic(shapely.box(left, top - SIDE, left + SIDE, top), crs)
        assets = [{"transform": [10.0, 0.0, left, 0.0, -10.0, top], "height": 2000, "width": 2000}]
        for date in range(dates):
            acquired = datetime(2020, 1, 1) + timedelta(days=date)
            wkb = bytearray(shapely.to_wkb(outline))
            rows.append((SENSOR, f"{scene_id}_{date}", tile, crs, acquired, assets, wkb, None))
    asset = "array<struct<transform: array<double>, height: int, width: int>>"
    schema = "sensor string, scene_id string, tile string, crs string, acquired timestamp,"
    schema += f"assets {asset}, wkb binary, left_out string"
    return spark.createDataFrame(rows, schema).withColumn("footprint", F.expr("ST_SetSRID(ST_GeomFromWKB(wkb), 4326)"))


def planned(spark: SparkSession, settings: GridSettings, *, every_tile: bool) -> list[Any]:
    scenes = scenes_frame(spark)
    chunks = chunk_frame(spark, coverage(scenes, settings, leading=SENSOR), ChunkShape.square(13))
    return chunk_plan(chunks, scenes, leading=SENSOR, every_tile=every_tile).collect()


def test_a_chunk_that_its_owner_does_not_see_wholly_gets_the_scenes_of_the_others(spark: SparkSession) -> None:
    rows = planned(spark, GridSettings(crs="EPSG:2154", resolution=100, overlap_margin=600), every_tile=False)
    assert all(row.tiles == [row.tile] for row in rows if not row.shared)
    assert {tuple(row.tiles) for row in rows if row.shared} == {("30TYP",), ("31TCH",), ("30TYP", "31TCH")}


def test_chunks_of_every_tile_have_each_that_reaches_them(spark: SparkSession) -> None:
    rows = planned(spark, GridSettings(crs="EPSG:2154", resolution=100), every_tile=True)
    assert {tuple(row.tiles) for row in rows} == {("30TYP",), ("31TCH",), ("30TYP", "31TCH")}


def test_a_row_of_the_plan_does_not_grow_with_the_number_of_dates(spark: SparkSession) -> None:
    one, many = (scenes_frame(spark, dates) for dates in (1, 300))
    settings = GridSettings(crs="EPSG:2154", resolution=100)
    chunks = chunk_frame(spark, coverage(one, settings, leading=SENSOR), ChunkShape.square(13))
    few_rows, many_rows = (
        {row.chunk_id: row.asDict() for row in chunk_plan(chunks, scenes, leading=SENSOR, every_tile=True).collect()}
        for scenes in (one, many)
    )
    assert few_rows == many_rows
    assert max(len(row["footprint"].wkb) + len(str(row["tiles"])) for row in many_rows.values()) < 2000  # bytes


def test_tiles_of_another_sensor_come_to_every_chunk_that_they_reach_and_change_nothing_else(spark: SparkSession) -> None:
    """Also those of a name that a tile of the leading sensor has."""
    scenes = scenes_frame(spark)
    other = scenes.where("tile = '31TCH'").withColumn("sensor", F.lit("landsat8"))
    settings = GridSettings(crs="EPSG:2154", resolution=100)
    chunks = chunk_frame(spark, coverage(scenes.unionByName(other), settings, leading=SENSOR), ChunkShape.square(13))
    alone = {row.chunk_id: row.asDict() for row in chunk_plan(chunks, scenes, leading=SENSOR).collect()}
    both = {row.chunk_id: row.asDict() for row in chunk_plan(chunks, scenes.unionByName(other), leading=SENSOR).collect()}
    reached = {chunk_id for chunk_id, row in both.items() if row["other_tiles"] == ["31TCH"]}
    assert reached >= {chunk_id for chunk_id, row in both.items() if row["tile"] == "31TCH"}
    assert any(both[chunk_id]["tile"] == "30TYP" and both[chunk_id]["tiles"] == ["30TYP"] for chunk_id in reached)
    assert {chunk_id: row | {"other_tiles": []} for chunk_id, row in both.items()} == alone
