"""From cleaned pieces to the polygons table: unit, split and fold of each, as the settings choose them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sitspark.ground_truth import folds, units
from sitspark.ground_truth.placing import Ground
from sitspark.ground_truth.regions import NamedRegion, with_region
from sitspark.ground_truth.split import keep_apart, split, split_as_told
from sitspark.settings import GroundTruthSettings

_METRES = 1000  # of block_size, which is in kilometres


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """How polygons are divided; `told` (polygon_id, split) for the unit 'column', `regions` where there are some."""

    truth: GroundTruthSettings
    monitor_share: float
    seed: int
    regions: Sequence[NamedRegion] = ()
    told: DataFrame | None = None

    @property
    def by_piece(self) -> bool:
        """Whether pieces are divided rather than whole polygons."""
        return self.truth.split_unit == "piece"


def divide(pieces: DataFrame, ground: Ground, choices: Choices) -> DataFrame:
    """Add split ('train', 'validation', 'buffer' or 'test'), monitored (boolean) and fold to cleaned pieces.

    With the unit 'piece' the pieces are cut along the ground of the tiles. 'buffer' polygons are used for nothing.
    """
    return _divided(units.cut_by_tile(pieces, ground) if choices.by_piece else pieces, ground, choices)


def divide_again(polygons: DataFrame, ground: Ground, choices: Choices, *, run: int) -> DataFrame:
    """The split, monitored and fold that the polygons table has in another run, from 2 on: its seed is as many further."""
    pieces = polygons.drop("split", "monitored", "fold")
    return _divided(pieces, ground, replace(choices, seed=choices.seed + run - 1))


def _divided(pieces: DataFrame, ground: Ground, choices: Choices) -> DataFrame:
    columns, truth = pieces.columns, choices.truth
    if choices.regions:
        whole = ("polygon_id", "tile") if choices.by_piece else ("polygon_id",)
        pieces = with_region(pieces, choices.regions, crs=ground.grid.crs, whole=whole)
    if truth.block_size is not None:
        pieces = blocks_of(pieces, truth.block_size)
    divided = _with_fold(_with_split(_with_unit(pieces, choices), choices), choices)
    return divided.select(*columns, "split", "monitored", "fold")


def blocks_of(pieces: DataFrame, kilometres: float) -> DataFrame:
    """Add block, the square of that side which holds a polygon."""
    return units.with_block(pieces, kilometres * _METRES)


def _with_unit(pieces: DataFrame, choices: Choices) -> DataFrame:
    """Add unit and stratum; iota2 draws pieces tile by tile."""
    kind = choices.truth.split_unit
    unit = {"block": F.col("block"), "piece": F.concat_ws("@", "polygon_id", "tile")}.get(kind, F.col("polygon_id"))
    within = [*(["tile"] if kind == "piece" else []), *(["region"] if choices.regions and kind != "column" else [])]
    return pieces.withColumns({"unit": unit, "stratum": F.concat_ws("/", *within)})


def _with_split(pieces: DataFrame, choices: Choices) -> DataFrame:
    truth, share, seed = choices.truth, choices.monitor_share, choices.seed
    if choices.told is not None:
        return split_as_told(pieces, choices.told, monitor_share=share, seed=seed)
    divided = split(pieces, ratio=truth.ratio, monitor_share=share, seed=seed)
    return divided if truth.distance is None else keep_apart(divided, truth.distance)


def _with_fold(pieces: DataFrame, choices: Choices) -> DataFrame:
    truth, seed = choices.truth, choices.seed
    if truth.fold_count is None:
        return pieces.withColumn("fold", F.col(truth.folds))
    if truth.folds == "block":
        return folds.by_blocks(pieces, count=truth.fold_count, seed=seed)
    # a block stays whole, and so does a polygon that is cut by tiles
    of = "unit" if truth.split_unit == "block" else "polygon_id"
    return folds.at_random(pieces, of=of, count=truth.fold_count, seed=seed)
