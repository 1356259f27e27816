"""The chunk plan: the output grid cut into chunks, each with the scenes that cover it (a Sedona join)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import rasterio.warp
import shapely
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sitspark.errors import SitsparkError
from sitspark.grid import Chunk, ChunkShape, Grid, Territory, TileWindows, chunks_in, territories
from sitspark.scenes.outline import to_geographic
from sitspark.scenes.region import Region
from sitspark.settings import GridSettings
from sitspark.timegrid import Period
from sitspark.worker import end_task

Bounds = tuple[float, float, float, float]

BESIDE = "grid.region: no tile of the imagery reaches it; correct the region, or scenes.tiles"
_EDGE = 21  # points along an edge that is reprojected, as GDAL takes
_TERRITORIES_A_TASK = 16  # of a few hundred chunks each: a second
_CHUNK = "chunk_id string, tile string, shared boolean, row int, col int, height int, width int, footprint_wkb binary"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the imagery covers: the output grid, the windows of each tile on it, the days on which each sensor saw it."""

    grid: Grid
    tiles: dict[str, TileWindows]
    acquired: dict[str, tuple[date, ...]]
    overlap_margin: int

    @property
    def period(self) -> Period:
        """From the first to the last acquisition of all sensors."""
        return Period(min(days[0] for days in self.acquired.values()), max(days[-1] for days in self.acquired.values()))

    @property
    def territories(self) -> list[Territory]:
        """The ground that each tile owns, as rectangles."""
        return territories(self.tiles, self.overlap_margin)

    def chunks(self, shape: ChunkShape, region: Region | None) -> Iterator[Chunk]:
        """The chunks of about this shape; with a region, in the CRS of the grid, only what they have of it."""
        for territory in self.territories:
            yield from self.chunks_in(territory, shape, region)

    def chunks_in(self, territory: Territory, shape: ChunkShape, region: Region | None) -> Iterator[Chunk]:
        """The chunks of one territory."""
        for chunk in chunks_in(territory, self.tiles[territory.tile], shape):
            part = chunk if region is None else replace(chunk, window=region.part_of(chunk.window, self.grid))
            if not part.window.is_empty:
                yield part


@dataclass(frozen=True, slots=True)
class TileExtent:
    """Where the products of a tile lie: bounds (left, bottom, right, top) and finest resolution in units of their CRS.

    `bounds` hold all products, `common` is what each of them covers (left beyond right where they have nothing in common).
    """

    tile: str
    crs: str
    bounds: Bounds
    common: Bounds
    resolution: float


def coverage(scenes: DataFrame, settings: GridSettings, *, leading: str) -> Coverage:
    """Derive the output grid from the tiles of the sensor `leading`: a row for each tile and CRS comes to the driver."""
    usable = scenes.where("left_out is null")
    rows = (
        usable.where(F.col("sensor") == leading)
        .select("tile", "crs", F.explode("assets").alias("asset"))
        .groupBy("tile", "crs")
        .agg(
            F.expr("min(asset.transform[2])").alias("left"),
            F.expr("min(asset.transform[5] + asset.transform[4] * asset.height)").alias("bottom"),
            F.expr("max(asset.transform[2] + asset.transform[0] * asset.width)").alias("right"),
            F.expr("max(asset.transform[5])").alias("top"),
            F.expr("max(asset.transform[2])").alias("common_left"),
            F.expr("max(asset.transform[5] + asset.transform[4] * asset.height)").alias("common_bottom"),
            F.expr("min(asset.transform[2] + asset.transform[0] * asset.width)").alias("common_right"),
            F.expr("min(asset.transform[5])").alias("common_top"),
            F.expr("min(asset.transform[0])").alias("resolution"),
        )
        .collect()
    )
    if not rows:
        raise SitsparkError("scenes: no usable product is left; see why above, and scenes.on_problem")
    seen = usable.groupBy("sensor").agg(F.expr("sort_array(collect_set(cast(acquired as date)))").alias("days")).collect()
    return cover(
        [
            TileExtent(
                row.tile,
                row.crs,
                (row.left, row.bottom, row.right, row.top),
                (row.common_left, row.common_bottom, row.common_right, row.common_top),
                row.resolution,
            )
            for row in rows
        ],
        {row.sensor: tuple(row.days) for row in seen},
        settings,
    )


def cover(tiles: Sequence[TileExtent], acquired: Mapping[str, tuple[date, ...]], settings: GridSettings) -> Coverage:
    """The output grid over all tiles: CRS and resolution as set, or those of the imagery; upper-left tiles first.

    Raises SitsparkError for a geographic CRS: areas, margins and resolutions are in metres.
    """
    crs = settings.crs or tiles[0].crs
    if not pyproj.CRS.from_user_input(crs).is_projected:
        raise SitsparkError(f"grid.crs: {crs} is not a projected CRS; choose one in metres, as EPSG:2154 or a UTM zone")
    resolution = settings.resolution or min(tile.resolution for tile in tiles)
    boxes: dict[str, Bounds] = {}
    cores: dict[str, Bounds] = {}
    for tile in tiles:
        box = tile.bounds if tile.crs == crs else rasterio.warp.transform_bounds(tile.crs, crs, *tile.bounds)
        core = _inner_box(tile.common, tile.crs, crs)
        boxes[tile.tile] = _around(boxes.get(tile.tile, box), box)
        cores[tile.tile] = _common(cores.get(tile.tile, core), core)
    ordered = sorted(boxes, key=lambda tile: (-boxes[tile][3], boxes[tile][0], tile))
    # maps of neighbouring areas have common pixels where these begin at multiples of their size, as with gdalwarp -tap
    corner = None if all(tile.crs == crs for tile in tiles) else (0.0, 0.0)
    grid = Grid.covering(crs, resolution, [boxes[tile] for tile in ordered], corner=corner)
    return Coverage(
        grid,
        {tile: TileWindows(grid.centres_in(boxes[tile]), grid.centres_in(cores[tile])) for tile in ordered},
        dict(acquired),
        round(settings.overlap_margin / resolution),
    )


def _inner_box(bounds: Bounds, source: str, crs: str) -> Bounds:
    """A box of another CRS that lies wholly in the bounds: between the reprojected edges, wherever they bend or turn."""
    left, bottom, right, top = bounds
    if source == crs or left >= right or bottom >= top:
        return bounds
    x, y = np.linspace(left, right, _EDGE), np.linspace(bottom, top, _EDGE)

    def edge(xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64]) -> tuple[list[float], list[float]]:
        found: tuple[list[float], list[float]] = rasterio.warp.transform(source, crs, xs, ys)
        return found

    return (
        max(edge(np.full(_EDGE, left), y)[0]),
        max(edge(x, np.full(_EDGE, bottom))[1]),
        min(edge(np.full(_EDGE, right), y)[0]),
        min(edge(x, np.full(_EDGE, top))[1]),
    )


def _around(a: Bounds, b: Bounds) -> Bounds:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _common(a: Bounds, b: Bounds) -> Bounds:
    return max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])


def chunk_frame(spark: SparkSession, covered: Coverage, shape: ChunkShape, *, region: Region | None = None) -> DataFrame:
    """The chunks frame: chunk_id, tile, shared, row, col, height, width, footprint (EPSG:4326).

    Workers cut the territories: their number counts on the driver, not that of the chunks.
    """
    owned = covered.territories

    def cut(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for batch in batches:
            for position in batch["id"]:
                chunks = covered.chunks_in(owned[position], shape, region)
                yield pd.DataFrame([_chunk_row(chunk, covered.grid) for chunk in chunks], columns=columns)
        end_task()

    columns = [field.split()[0] for field in _CHUNK.split(",")]
    return (
        spark.range(0, len(owned), 1, -(-len(owned) // _TERRITORIES_A_TASK))
        .mapInPandas(cut, _CHUNK)
        .withColumn("footprint", F.expr("ST_SetSRID(ST_GeomFromWKB(footprint_wkb), 4326)"))
        .drop("footprint_wkb")
    )


def _chunk_row(chunk: Chunk, grid: Grid) -> dict[str, object]:
    window = chunk.window
    footprint = shapely.to_wkb(to_geographic(shapely.box(*grid.cropped(window).bounds), grid.crs))
    return {
        "chunk_id": chunk.chunk_id,
        "tile": chunk.tile,
        "shared": chunk.shared,
        "row": window.row,
        "col": window.col,
        "height": window.height,
        "width": window.width,
        "footprint_wkb": footprint,
    }


def chunk_plan(
    chunks: DataFrame, scenes: DataFrame, *, leading: str, every_tile: bool = False, padding: float = 0
) -> DataFrame:
    """The chunks that scenes of the sensor `leading` reach, with `tiles` (sorted): those whose scenes are read.

    That is the owning tile, and in shared chunks, or where `every_tile` is read, each tile that reaches them. Of other sensors
    it is always every tile: `other_tiles`, whose names may be the same. With a `padding` (metres) every tile that comes near:
    what lies around a chunk is read as the tiles own it.
    """
    own = F.col("s.sensor") == leading
    anyhow = F.lit(True) if every_tile or padding else F.col("c.shared") | (F.col("c.tile") == F.col("s.tile"))
    owned = anyhow | ~own
    # the products of a tile have few outlines, most often one
    outlines = (
        scenes.where("left_out is null")
        .select("sensor", "tile", F.expr("ST_AsBinary(footprint)").alias("wkb"))
        .distinct()
        .select("sensor", "tile", F.expr("ST_SetSRID(ST_GeomFromWKB(wkb), 4326)").alias("outline"))
    )
    around = "c.footprint"
    if padding:
        # footprints are in degrees, of at least 70 km; a little more than the padding does no harm
        degrees = f"{padding / 70_000}D"
        across = f"{degrees} / greatest(cos(radians(ST_YMax(c.footprint))), 0.01D)"
        around = f"ST_Expand(c.footprint, {across}, {degrees})"
    reached = (
        F.broadcast(outlines.alias("s"))
        .join(chunks.alias("c"), F.expr(f"ST_Intersects(s.outline, {around})") & owned)
        .groupBy("c.chunk_id")
        .agg(
            F.sort_array(F.collect_set(F.when(own, F.col("s.tile")))).alias("tiles"),
            F.sort_array(F.collect_set(F.when(~own, F.col("s.tile")))).alias("other_tiles"),
        )
        .where(F.size("tiles") > 0)
    )
    return chunks.join(reached, "chunk_id")
