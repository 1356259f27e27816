"""Polygons of different labels that share ground.

Candidates are found by their bounding boxes, of which each is put into the cells of a grid that it touches: an equi-join of
a few numbers a row, where Sedona's range join moves and indexes whole geometries.
"""

from collections.abc import Callable
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

Overlaps = Literal["drop", "keep-first", "keep-larger"]

_CELLS = 1000  # along one side of the largest box, at most


def box_of(geometry: str) -> dict[str, str]:
    """The sides of the bounding box of a geometry, as expressions by name."""
    sides = {"x0": "XMin", "y0": "YMin", "x1": "XMax", "y1": "YMax"}
    return {name: f"ST_{side}({geometry})" for name, side in sides.items()}


def planar_area(geometry: str) -> str:
    """The area of a geometry (an expression) in square units of its CRS."""
    return f"ST_Area({geometry})"


def shared_ground(
    pieces: DataFrame,
    *,
    more_than: float,
    area: Callable[[str], str] = planar_area,
    planar: bool = True,
    geometry: str = "geometry",
) -> DataFrame:
    """Pairs of polygons of different labels whose pieces share, all together, more than an area.

    `pieces`: polygon_id, piece_id, label, those of the expression `geometry`, and x0 to y1 (`box_of`) where they are known.
    `area` makes an expression of that of a geometry, in the unit of
    `more_than`; unless `planar` that isn't the unit of the boxes. Gives a, b (polygon_id, a < b), common.
    """
    box = box_of(geometry)
    known = "x0" in pieces.columns
    sides = [name if known else f"{side} {name}" for name, side in box.items()]
    boxes = pieces.selectExpr("polygon_id", "piece_id", "label", *sides)
    cell = _cell_size(boxes)
    parted = boxes
    for low, high, name in (("x0", "x1", "column"), ("y0", "y1", "row")):
        cells = f"sequence(cast(floor({low} / {cell}D) as bigint), cast(floor({high} / {cell}D) as bigint))"
        parted = parted.withColumn(name, F.expr(f"explode({cells})"))
    left = parted.select(*[F.col(c).alias(f"a_{c}") for c in boxes.columns], "column", "row")
    right = parted.select(*[F.col(c).alias(f"b_{c}") for c in boxes.columns], "column", "row")
    width, height = "least(a_x1, b_x1) - greatest(a_x0, b_x0)", "least(a_y1, b_y1) - greatest(a_y0, b_y0)"
    near = (
        left.join(right, ["column", "row"])
        .where("a_polygon_id < b_polygon_id and a_label <> b_label")
        .where(f"{width} > 0 and {height} > 0")
        # several cells may see a pair: the first of its common ground tells it
        .where(f"floor(greatest(a_x0, b_x0) / {cell}D) = column and floor(greatest(a_y0, b_y0) / {cell}D) = row")
        .selectExpr("a_polygon_id a", "b_polygon_id b", "a_piece_id", "b_piece_id", f"({width}) * ({height}) most")
    )
    least = more_than if planar else 0.0
    enough = near.groupBy("a", "b").agg(
        F.sum("most").alias("most"), F.collect_list(F.struct("a_piece_id", "b_piece_id")).alias("pairs")
    ).where(f"most > {least}D").select("a", "b", F.inline("pairs"))  # fmt: skip
    needed = [name for name in pieces.columns if name not in ("polygon_id", "label", *box)]
    left_shapes = pieces.select(*needed).withColumnRenamed("piece_id", "a_piece_id")
    right_shapes = pieces.select(*needed).withColumnRenamed("piece_id", "b_piece_id")
    first = enough.join(left_shapes, "a_piece_id").select("a", "b", "b_piece_id", F.expr(geometry).alias("a_shape"))
    both = first.join(right_shapes, "b_piece_id").select("a", "b", "a_shape", F.expr(geometry).alias("b_shape"))
    common = both.withColumn("common", F.expr(area("ST_Intersection(a_shape, b_shape)")))
    return common.groupBy("a", "b").agg(F.sum("common").alias("common")).where(f"common > {more_than}D")


def _cell_size(boxes: DataFrame) -> float:
    """A side of cells that most boxes touch one to four of, in units of the CRS."""
    sides = boxes.selectExpr("greatest(x1 - x0, y1 - y0) side").selectExpr("percentile_approx(side, 0.99) usual", "max(side) m")
    ((usual, most),) = sides.collect()
    return max(2 * (usual or 0), (most or 0) / _CELLS) or 1.0


def losers(pairs: DataFrame, pieces: DataFrame, rule: Overlaps) -> DataFrame:
    """Which polygons of pairs (a, b) a rule rejects: polygon_id, other (the first polygon that it loses to).

    Pairs are judged one by one: a polygon goes also where the one that it loses to goes for the sake of a third.
    `pieces` (polygon_id, area_m2) tell which is larger; of equal ones the first is kept.
    """
    if rule == "drop":
        lost = pairs.selectExpr("inline(array(struct(a polygon_id, b other), struct(b polygon_id, a other)))")
    elif rule == "keep-first":
        lost = pairs.selectExpr("b polygon_id", "a other")
    else:
        areas = pieces.groupBy("polygon_id").agg(F.sum("area_m2").alias("area"))
        lost = (
            pairs.join(areas.withColumnsRenamed({"polygon_id": "a", "area": "a_area"}), "a")
            .join(areas.withColumnsRenamed({"polygon_id": "b", "area": "b_area"}), "b")
            .selectExpr("inline(array(if(a_area < b_area, struct(a polygon_id, b other), struct(b polygon_id, a other))))")
        )
    return lost.groupBy("polygon_id").agg(F.min("other").alias("other"))
