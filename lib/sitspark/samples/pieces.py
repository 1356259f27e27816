"""The Sedona join of polygons and chunks."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.grid import Grid

_LARGE = 256  # vertices; a polygon of more is cut in parts: it would be sent and rasterised whole to each of its chunks


def pieces_by_chunk(polygons: DataFrame, plan: DataFrame, grid: Grid, *, shrink: float = 0) -> DataFrame:
    """Each chunk with every piece that touches it: keys of the polygon, tile of the chunk, row, col, height, width, wkb.

    A large piece comes in parts. Pieces are made smaller by `shrink` (metres) first, but those of points, which are squares of
    half a pixel.
    """
    step = grid.resolution
    edges = [
        f"{grid.left}D + col * {step}D",
        f"{grid.top}D - (row + height) * {step}D",
        f"{grid.left}D + (col + width) * {step}D",
        f"{grid.top}D - row * {step}D",
    ]
    boxes = plan.select(
        F.col("tile").alias("chunk_tile"),
        "chunk_id",
        "row",
        "col",
        "height",
        "width",
        F.expr(f"ST_PolygonFromEnvelope({', '.join(edges)})").alias("box"),
    )
    whole = polygons.withColumnRenamed("geometry", "outline")
    if shrink:
        is_point = F.col("area_m2") < 0.26 * step**2
        whole = whole.withColumn(
            "outline", F.when(is_point, F.col("outline")).otherwise(F.expr(f"ST_Buffer(outline, -{shrink}D)"))
        )
        whole = whole.where("not ST_IsEmpty(outline)")
    cut = f"case when ST_NPoints(outline) > {_LARGE} then ST_SubDivide(outline, {_LARGE}) else array(outline) end"
    return (
        whole.withColumn("outline", F.explode(F.expr(cut)))
        .join(F.broadcast(boxes), F.expr("ST_Intersects(outline, box)"))
        .withColumn("wkb", F.expr("ST_AsBinary(outline)"))
        .drop("outline", "box", "tile")
        .withColumnRenamed("chunk_tile", "tile")
    )
