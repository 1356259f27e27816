"""Folds: the parts of the ground truth that a cross-validation leaves out one after the other.

A fold is a value of the column `fold`; within the others the split stays as it is. Null: never left out.
"""

from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

FoldKind = Literal["tile", "region", "block", "random"]

# what a fold of each kind is called where several are counted
NOUNS: dict[FoldKind, str] = {"tile": "tile", "region": "region", "block": "block fold", "random": "random fold"}


def by_blocks(pieces: DataFrame, *, count: int, seed: int) -> DataFrame:
    """Add fold: the blocks (column `block`) that hold polygons, in the order of a hash, are dealt to `count` folds in turn."""
    # one task sorts the blocks, of which a country has thousands
    order = Window.orderBy(F.xxhash64(F.lit(seed), F.lit("fold"), "block"), "block")
    dealt = pieces.select("block").distinct().withColumn("fold", _named(F.row_number().over(order) - 1, count))
    return pieces.join(dealt, "block")


def at_random(pieces: DataFrame, *, of: str, count: int, seed: int) -> DataFrame:
    """Add fold: what shares a value of the column `of` is dealt to `count` folds in turn, class by class, ordered by a hash.

    Each class begins with a fold of its own, else small classes would all lie in the first.
    """
    order = Window.partitionBy("label").orderBy(F.xxhash64(F.lit(seed), F.lit("fold"), of), of)
    place = F.row_number().over(order) + F.xxhash64(F.lit(seed), "label")
    dealt = pieces.select("label", of).distinct().withColumn("fold", _named(place, count))
    return pieces.join(dealt, ["label", of])


def _named(place: Column, count: int) -> Column:
    """The name of the fold that a place in the order falls to; names sort as their numbers do."""
    return F.format_string(f"fold-%0{len(str(count))}d", F.pmod(place, F.lit(count)) + 1)
