"""The chunk plan: the output grid cut into chunks, each with the scenes that cover it (a Sedona join)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pyproj
import rasterio.warp
import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.grid import Grid, Window, chunks_of, territories
from sitspark.scenes.catalogue import to_geographic
from sitspark.settings import GridSettings


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the archive covers: the output grid, the window of each tile on it, first and last acquisition."""

    grid: Grid
    extents: dict[str, Window]
    first: date
    last: date
    overlap_margin: int

    @property
    def territories(self) -> list[tuple[str, Window]]:
        """The ground that each tile owns, as rectangles."""
        return territories(self.extents, self.overlap_margin)


@dataclass(frozen=True, slots=True)
class TileExtent:
    """Where the products of a tile lie: bounds (left, bottom, right, top) and finest resolution in units of their CRS."""

    tile: str
    crs: str
    bounds: tuple[float, float, float, float]
    resolution: float
    first: date
    last: date


def coverage(scenes: DataFrame, settings: GridSettings) -> Coverage:
    """Derive the output grid from the scenes frame: one row a tile and CRS comes to the driver."""
    rows = (
        scenes.where("problem is null")
        .select("tile", "crs", "acquired", F.explode("assets").alias("asset"))
        .groupBy("tile", "crs")
        .agg(
            F.expr("min(asset.transform[2])").alias("left"),
            F.expr("min(asset.transform[5] + asset.transform[4] * asset.height)").alias("bottom"),
            F.expr("max(asset.transform[2] + asset.transform[0] * asset.width)").alias("right"),
            F.expr("max(asset.transform[5])").alias("top"),
            F.expr("min(asset.transform[0])").alias("resolution"),
            F.expr("min(cast(acquired as date))").alias("first"),
            F.expr("max(cast(acquired as date))").alias("last"),
        )
        .collect()
    )
    if not rows:
        raise SitsparkError("scenes: no usable product is left; see why above, and scenes.on_problem")
    return cover(
        [
            TileExtent(
                row.tile,
                row.crs,
                (row.left, row.bottom, row.right, row.top),
                row.resolution,
                row["first"],
                row["last"],
            )
            for row in rows
        ],
        settings,
    )


def cover(tiles: Sequence[TileExtent], settings: GridSettings) -> Coverage:
    """The output grid over all tiles: CRS and resolution as set, or those of the imagery; upper-left tiles first.

    Raises SitsparkError for a geographic CRS: areas, margins and resolutions are in metres.
    """
    crs = settings.crs or tiles[0].crs
    if not pyproj.CRS.from_user_input(crs).is_projected:
        raise SitsparkError(f"grid.crs: {crs} is not a projected CRS; choose one in metres, as EPSG:2154 or a UTM zone")
    resolution = settings.resolution or min(tile.resolution for tile in tiles)
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for tile in tiles:
        box = tile.bounds if tile.crs == crs else rasterio.warp.transform_bounds(tile.crs, crs, *tile.bounds)
        known = boxes.get(tile.tile, box)
        boxes[tile.tile] = (min(known[0], box[0]), min(known[1], box[1]), max(known[2], box[2]), max(known[3], box[3]))
    ordered = sorted(boxes, key=lambda tile: (-boxes[tile][3], boxes[tile][0], tile))
    grid = Grid.covering(crs, resolution, [boxes[tile] for tile in ordered])
    return Coverage(
        grid,
        {tile: grid.window_of(boxes[tile]) for tile in ordered},
        min(tile.first for tile in tiles),
        max(tile.last for tile in tiles),
        round(settings.overlap_margin / resolution),
    )


def chunk_frame(spark: SparkSession, covered: Coverage, settings: GridSettings) -> DataFrame:
    """The chunks frame: chunk_id, tile, row, col, height, width, footprint (EPSG:4326)."""
    chunks = pd.DataFrame(
        [
            {
                "chunk_id": chunk.chunk_id,
                "tile": chunk.tile,
                "row": chunk.window.row,
                "col": chunk.window.col,
                "height": chunk.window.height,
                "width": chunk.window.width,
                "footprint_wkb": shapely.to_wkb(
                    to_geographic(shapely.box(*covered.grid.cropped(chunk.window).bounds), covered.grid.crs)
                ),
            }
            for chunk in chunks_of(covered.extents, settings.chunk_size, margin=covered.overlap_margin)
        ]
    )
    frame = spark.createDataFrame(
        chunks, "chunk_id string, tile string, row int, col int, height int, width int, footprint_wkb binary"
    )
    return frame.withColumn("footprint", F.expr("ST_SetSRID(ST_GeomFromWKB(footprint_wkb), 4326)")).drop("footprint_wkb")


def chunk_plan(chunks: DataFrame, scenes: DataFrame, settings: GridSettings) -> DataFrame:
    """The chunks that scenes reach, with scene_ids (sorted).

    With `overlap: owner` the scenes are those of the owning tile, with `merge` all that reach the chunk.
    """
    owned = F.lit(True) if settings.overlap == "merge" else F.col("c.tile") == F.col("s.tile")
    reached = (
        scenes.where("problem is null")
        .alias("s")
        .join(F.broadcast(chunks).alias("c"), F.expr("ST_Intersects(s.footprint, c.footprint)") & owned)
        .groupBy("c.chunk_id")
        .agg(F.sort_array(F.collect_list("s.scene_id")).alias("scene_ids"))
    )
    return chunks.join(reached, "chunk_id")
