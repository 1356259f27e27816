"""What a split keeps together: whole polygons, their pieces tile by tile, or what lies in one block of a grid."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.ground_truth.placing import Ground


def cut_by_tile(pieces: DataFrame, ground: Ground) -> DataFrame:
    """The part of each piece on the ground that each tile owns, in single polygons, with that tile as `tile`.

    What lies on no tile's ground falls away: it holds no pixel.
    """
    owned = ground.owned(pieces.sparkSession)
    kept = [name for name in pieces.columns if name != "geometry"]
    return (
        pieces.join(F.broadcast(owned), F.expr("ST_Intersects(geometry, ground)"))
        .withColumn("parts", F.expr("ST_Dump(ST_CollectionExtract(ST_Intersection(geometry, ground), 3))"))
        .select(*kept, "owner", F.posexplode("parts").alias("part", "geometry"))
        .where("ST_Area(geometry) > 0")
        .withColumns(
            {
                "piece_id": F.concat_ws("_", "piece_id", "owner", "part"),
                "area_m2": F.expr("ST_Area(geometry)"),
                "tile": F.col("owner"),
            }
        )
        .select(*pieces.columns)
    )


def with_block(pieces: DataFrame, side: float) -> DataFrame:
    """Add block: the square, `side` long in units of the CRS, that holds the centre of a polygon's bounding box.

    Blocks are counted from the origin of the CRS, so that they hang on no other polygon and on no grid.
    """
    blocks = pieces.groupBy("polygon_id").agg(
        F.expr(f"""concat_ws('/',
            cast(floor((min(ST_XMin(geometry)) + max(ST_XMax(geometry))) / 2 / {side}D) as bigint),
            cast(floor((min(ST_YMin(geometry)) + max(ST_YMax(geometry))) / 2 / {side}D) as bigint))""").alias("block")
    )
    return pieces.join(blocks, "polygon_id")
